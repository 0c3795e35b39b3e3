package infrastructure

import (
	"fmt"
	"io"
	"strings"

	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/provision/aws/preflight"
	"github.com/pocctl/pocctl/internal/report"
	"github.com/pocctl/pocctl/internal/terminal"
)

// page writes the parts of a plan.
type page struct {
	Plan
	report.Look
	strings.Builder
}

// Text writes the plan for people: what is lost first.
func (p Plan) Text(w io.Writer, look report.Look) error {
	page := &page{Plan: p, Look: look}
	page.head()
	page.drift()
	page.lost()
	page.gained()
	page.costs()
	page.time()
	page.checks()
	if _, err := io.WriteString(w, page.String()); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

func (p *page) head() {
	o, counts := p.Overview, p.Overview.Counts
	if account := o.Checks.Account; account != "" {
		fmt.Fprintf(p, "AWS account %s, %s, as %s\n\n", p.Styles.Bold(account), o.Checks.Region, o.Checks.Principal)
	}
	replace := fmt.Sprintf("%d to replace", counts.Replace)
	if counts.Replace > 0 {
		replace = p.Styles.Bad(fmt.Sprintf("%d TO REPLACE", counts.Replace))
	}
	fmt.Fprintf(p, "%s, %d to change, %d to destroy, %s; %d stay\n", p.Styles.Bold(fmt.Sprintf("%d to add", counts.Add)), counts.Change, counts.Destroy, replace, o.Kept)
}

func (p *page) drift() {
	if len(p.Overview.Drift) == 0 {
		return
	}
	fmt.Fprintf(p, "\n%s\n", p.Styles.Warn("changed outside Terraform, which up puts back"))
	for _, one := range p.Overview.Drift {
		what := strings.Join(one.Attributes, ", ")
		if one.Gone {
			what = "is gone"
		}
		fmt.Fprintf(p, "  %s %s  %s\n", p.Styles.Warn(terminal.GlyphWarning), plan.Short(one.Address), p.Styles.Dim(what))
	}
}

// lost lists what is replaced, destroyed and changed, one by one.
func (p *page) lost() {
	for _, kind := range []struct {
		action plan.Action
		title  string
		sign   string
	}{
		{plan.Replace, p.Styles.Bad("REPLACED: destroyed and made anew, with what it holds lost"), p.Styles.Bad("!")},
		{plan.Destroy, p.Styles.Bad("destroyed"), p.Styles.Bad("-")},
		{plan.Change, p.Styles.Warn("changed in place"), p.Styles.Warn("~")},
	} {
		resources := p.grave(kind.action)
		if len(resources) == 0 {
			continue
		}
		fmt.Fprintf(p, "\n%s\n", kind.title)
		for _, resource := range resources {
			fmt.Fprintf(p, "  %s %s", kind.sign, plan.Short(resource.Address))
			if resource.Reason != "" {
				fmt.Fprintf(p, "  %s", p.Styles.Dim(resource.Reason))
			}
			fmt.Fprintln(p)
		}
	}
}

func (p *page) gained() {
	groups := p.added()
	if len(groups) == 0 {
		return
	}
	table := terminal.Table{Indent: 2, Columns: []terminal.Column{{Title: "MODULE"}, {Title: "ADDS", Right: true}, {Title: "OF WHICH", Give: true}}}
	for _, group := range groups {
		table.Rows = append(table.Rows, []string{group.module, fmt.Sprint(group.count), p.Styles.Dim(group.types)})
	}
	fmt.Fprintf(p, "\n%s", table.Render(p.Width, p.Styles))
}

func (p *page) costs() {
	cost := p.Overview.Cost
	if len(cost.Modules) == 0 && len(cost.Unknown) == 0 {
		return
	}
	fmt.Fprintf(p, "\n%s\n", p.Styles.Bold("Cost of a month"))
	table := terminal.Table{Indent: 2, Columns: []terminal.Column{{Title: "MODULE"}, {Title: "NOW", Right: true}, {Title: "AFTER", Right: true}, {Title: "MOST OF IT", Give: true}}}
	for _, module := range cost.Modules {
		line := module.Lines[0]
		what := line.Block[strings.LastIndex(line.Block, "aws_")+len("aws_"):]
		table.Rows = append(table.Rows, []string{moduleName(module.Module), dollars(module.Before), dollars(module.After),
			p.Styles.Dim(fmt.Sprintf("%s %s", what, dollars(max(line.After, line.Before))))})
	}
	table.Rows = append(table.Rows, []string{p.Styles.Bold("all"), dollars(cost.Before), p.Styles.Bold(dollars(cost.After)), ""})
	p.WriteString(table.Render(p.Width, p.Styles))
	fmt.Fprintf(p, "  %s\n", p.Styles.Dim(fmt.Sprintf("US dollars without tax in %s, on demand, by the prices of %s", cost.Region, cost.Prices())))
	if len(cost.ByUse) > 0 {
		fmt.Fprintf(p, "  %s\n", p.Styles.Dim("not counted, as it goes by use: "+byUse(p.Plan)))
	}
	for _, unknown := range cost.Unknown {
		fmt.Fprintf(p, "  %s %s: %s\n", p.Styles.Warn("?"), plan.Short(unknown.Address), unknown.Why)
	}
}

func byUse(p Plan) string {
	parts := make([]string, 0, len(p.Overview.Cost.ByUse))
	for _, one := range p.Overview.Cost.ByUse {
		parts = append(parts, strings.ReplaceAll(strings.TrimPrefix(one.Type, "aws_"), "_", " ")+" ("+one.What+")")
	}
	return strings.Join(parts, ", ")
}

func (p *page) time() {
	if len(p.Overview.Forecast.Path) == 0 {
		return
	}
	said := p.times()
	if p.Budget > 0 && !p.Holds() {
		said = p.Styles.Bad(said)
	}
	fmt.Fprintf(p, "\n%s  %s\n", p.Styles.Bold("Time"), said)
	table := terminal.Table{Indent: 2, Columns: []terminal.Column{{Title: "AFTER", Right: true}, {Title: "TAKES", Right: true}, {Title: "THE CRITICAL PATH", Give: true}}}
	for _, leg := range p.Overview.Forecast.Path {
		table.Rows = append(table.Rows, []string{terminal.Seconds(leg.Start), terminal.Seconds(leg.Seconds), plan.Short(leg.Address)})
	}
	p.WriteString(table.Render(p.Width, p.Styles))
	fmt.Fprintf(p, "  %s\n", p.Styles.Dim("by what such resources usually take, as of "+p.Overview.Forecast.AsOf))
}

func (p *page) checks() {
	checks := p.Overview.Checks
	if !needs(checks) {
		return
	}
	fmt.Fprintf(p, "\n%s\n", p.Styles.Bold("What could stop it"))
	for _, check := range checks.Checks {
		fmt.Fprintf(p, "  %s %s  %s\n", p.sign(check.Status), check.Name, check.Detail)
	}
	table := terminal.Table{Indent: 2, Columns: []terminal.Column{
		{}, {Title: "QUOTA"}, {Title: "NEEDED", Right: true}, {Title: "USED", Right: true}, {Title: "FREE", Right: true}, {Title: "OF", Right: true}, {Give: true},
	}}
	for _, quota := range checks.Quotas {
		table.Rows = append(table.Rows, []string{p.sign(quota.Status), quota.Name, fmt.Sprint(quota.Needed), number(quota.Used), number(quota.Free), number(quota.Limit), p.Styles.Dim(quota.Why)})
	}
	if len(table.Rows) > 0 {
		p.WriteString(table.Render(p.Width, p.Styles))
	}
}

func (p *page) sign(status preflight.Status) string {
	switch status {
	case preflight.Good:
		return p.Styles.Good(terminal.GlyphPassed)
	case preflight.Bad:
		return p.Styles.Bad(terminal.GlyphFailed)
	default:
		return p.Styles.Warn("?")
	}
}
