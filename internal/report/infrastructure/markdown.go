package infrastructure

import (
	"fmt"
	"io"
	"strings"

	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/provision/aws/preflight"
	"github.com/pocctl/pocctl/internal/terminal"
)

// Markdown writes the plan for a pull request: short, with the long lists folded.
func (p Plan) Markdown(w io.Writer) error {
	var out strings.Builder
	o := p.Overview
	fmt.Fprintf(&out, "### `pocctl plan --env %s`\n\n", p.Env)
	if replaced := p.grave(plan.Replace); len(replaced) > 0 {
		out.WriteString("> [!CAUTION]\n> **Replaced: destroyed and made anew, with what it holds lost**\n")
		for _, resource := range replaced {
			fmt.Fprintf(&out, "> - `%s`: %s\n", resource.Address, resource.Reason)
		}
		out.WriteByte('\n')
	}
	out.WriteString("| | |\n|---|---|\n")
	fmt.Fprintf(&out, "| resources | **%d** to add, **%d** to change, **%d** to destroy, **%d** to replace; %d stay |\n", o.Counts.Add, o.Counts.Change, o.Counts.Destroy, o.Counts.Replace, o.Kept)
	fmt.Fprintf(&out, "| cost of a month | **%s**, now %s (%s, prices of %s, without what goes by use) |\n", dollars(o.Cost.After), dollars(o.Cost.Before), o.Cost.Region, o.Cost.Prices())
	fmt.Fprintf(&out, "| time | %s |\n", p.times())
	fmt.Fprintf(&out, "| drift | %d changed outside Terraform |\n", len(o.Drift))
	for _, check := range o.Checks.Checks {
		fmt.Fprintf(&out, "| %s | %s %s |\n", check.Name, mark(check.Status), cell(check.Detail))
	}
	for _, quota := range o.Checks.Quotas {
		if quota.Status != preflight.Good {
			fmt.Fprintf(&out, "| quota of %s | %s %d needed, %s free of %s %s |\n", quota.Name, mark(quota.Status), quota.Needed, number(quota.Free), number(quota.Limit), cell(quota.Why))
		}
	}
	p.foldCosts(&out)
	p.foldTime(&out)
	p.foldChanges(&out)
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

func (p Plan) foldCosts(out *strings.Builder) {
	if len(p.Overview.Cost.Modules) == 0 {
		return
	}
	fold(out, "Cost by module", func() {
		out.WriteString("| module | now | after |\n|---|--:|--:|\n")
		for _, module := range p.Overview.Cost.Modules {
			fmt.Fprintf(out, "| %s | %s | %s |\n", moduleName(module.Module), dollars(module.Before), dollars(module.After))
		}
		fmt.Fprintf(out, "\nNot counted: %s.\n", byUse(p))
		for _, unknown := range p.Overview.Cost.Unknown {
			fmt.Fprintf(out, "\n`%s`: %s.\n", unknown.Address, unknown.Why)
		}
	})
}

func (p Plan) foldTime(out *strings.Builder) {
	if len(p.Overview.Forecast.Path) == 0 {
		return
	}
	fold(out, "The critical path", func() {
		out.WriteString("| after | takes | resource |\n|--:|--:|---|\n")
		for _, leg := range p.Overview.Forecast.Path {
			fmt.Fprintf(out, "| %s | %s | `%s` |\n", terminal.Seconds(leg.Start), terminal.Seconds(leg.Seconds), leg.Address)
		}
	})
}

func (p Plan) foldChanges(out *strings.Builder) {
	if len(p.Overview.Changes) == 0 {
		return
	}
	fold(out, fmt.Sprintf("All %d changes", len(p.Overview.Changes)), func() {
		out.WriteString("```diff\n")
		for _, resource := range p.Overview.Changes {
			sign := map[plan.Action]string{plan.Add: "+", plan.Destroy: "-", plan.Replace: "-/+", plan.Change: "!"}[resource.Action]
			fmt.Fprintf(out, "%s %s\n", sign, resource.Address)
		}
		out.WriteString("```\n")
	})
}

func fold(out *strings.Builder, title string, body func()) {
	fmt.Fprintf(out, "\n<details><summary>%s</summary>\n\n", title)
	body()
	out.WriteString("\n</details>\n")
}

func mark(status preflight.Status) string {
	switch status {
	case preflight.Good:
		return "✓"
	case preflight.Bad:
		return "✗"
	default:
		return "?"
	}
}

// cell keeps a text within its cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}
