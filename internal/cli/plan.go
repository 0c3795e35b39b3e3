package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/provision/aws"
	"github.com/pocctl/pocctl/internal/report/infrastructure"
	"github.com/pocctl/pocctl/internal/stack"
	"github.com/pocctl/pocctl/internal/terminal"
)

// planDocument is what plan answers.
type planDocument struct {
	Schema        string         `json:"schema"` // pocctl.plan/v1
	Env           string         `json:"env"`
	BudgetSeconds float64        `json:"budgetSeconds"`
	Steps         []stack.Ahead  `json:"steps"`
	Releases      []*deploy.Diff `json:"releases"`
	// Infrastructure is what is under the cluster, where Terraform makes it, and
	// PredictedSeconds the whole of up, with that.
	Infrastructure   *aws.Overview `json:"infrastructure,omitempty"`
	PredictedSeconds float64       `json:"predictedSeconds,omitempty"`
}

func (a *app) plan() *cobra.Command {
	var selection flow.Selection
	var diff, markdown, drift bool
	prices := pricesTable
	command := &cobra.Command{
		Use:     "plan",
		Short:   "Show what up would do, and change nothing",
		GroupID: groupRun,
		Example: `  pocctl plan
  pocctl plan --diff                 # with the manifests' differences
  pocctl plan --env staging          # with cost, time and quotas
  pocctl plan --env staging --prices api
  pocctl plan --env staging --markdown > plan.md
  pocctl plan --env staging --drift  # exit 8 if something else changed it
  pocctl plan -o json`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			s, options, err := a.stack()
			if err != nil {
				return err
			}
			if prices != pricesTable && prices != pricesAPI {
				return usage(command, "--prices takes %s or %s, not %q", pricesTable, pricesAPI, prices)
			}
			if options.Environment.Kind != config.KindAWS && (drift || markdown || prices != pricesTable) {
				return usage(command, "environment %s is not made by Terraform: --drift, --markdown and --prices have nothing to show", options.Environment.Name)
			}
			if drift {
				return a.drift(command.Context(), s, options)
			}
			document, err := a.makePlan(command.Context(), s, options, selection, prices == pricesAPI)
			if err != nil {
				return err
			}
			if markdown {
				return document.outlook().Markdown(a.Stdout)
			}
			return a.answer(document, func() error { return a.showPlan(document, diff) })
		},
	}
	flags := command.Flags()
	flags.StringVar(&selection.From, "from", "", "begin with this `phase`")
	flags.StringVar(&selection.Only, "only", "", "plan this `phase` alone")
	flags.BoolVar(&diff, "diff", false, "show the differences of the manifests")
	flags.BoolVar(&markdown, "markdown", false, "write what Terraform would do as Markdown, for a pull request")
	flags.BoolVar(&drift, "drift", false, "look for what was changed outside Terraform, and exit 8 if there is any")
	flags.StringVar(&prices, "prices", prices, "where prices of instances are from: `table|api`, the one built in or AWS' own")
	command.MarkFlagsMutuallyExclusive("from", "only")
	command.MarkFlagsMutuallyExclusive("markdown", "drift")
	command.MarkFlagsMutuallyExclusive("prices", "drift")
	complete(command, "from", cobra.ShellCompDirectiveNoFileComp, phases)
	complete(command, "only", cobra.ShellCompDirectiveNoFileComp, phases)
	complete(command, "prices", cobra.ShellCompDirectiveNoFileComp, func() []string { return []string{pricesTable, pricesAPI} })
	return command
}

// Where prices are from.
const (
	pricesTable = "table"
	pricesAPI   = "api"
)

func (a *app) makePlan(ctx context.Context, s *stack.Stack, options stack.Options, selection flow.Selection, askPrices bool) (planDocument, error) {
	document := planDocument{
		Schema: "pocctl.plan/v1", Env: options.Environment.Name,
		BudgetSeconds: options.Environment.Budget.Seconds(),
	}
	var err error
	if document.Steps, err = s.Ahead(ctx, selection); err != nil {
		return document, err
	}
	if document.Releases, err = s.Diff(ctx); err != nil {
		return document, err
	}
	document.Infrastructure, err = a.survey(ctx, s, aws.LookOptions{Checks: true, AskPrices: askPrices})
	if err != nil || document.Infrastructure == nil {
		return document, err
	}
	document.PredictedSeconds = stack.Predicted(document.Steps, map[string]time.Duration{
		stack.TerraformStep: time.Duration(document.Infrastructure.Forecast.Seconds * float64(time.Second)),
		stack.ClusterStep:   time.Duration(document.Infrastructure.Forecast.Cluster * float64(time.Second)),
	}).Seconds()
	return document, nil
}

// outlook is the part of the document that is under the cluster.
func (d planDocument) outlook() infrastructure.Plan {
	return infrastructure.Plan{Env: d.Env, Overview: *d.Infrastructure, Predicted: d.PredictedSeconds, Budget: d.BudgetSeconds}
}

func (a *app) showPlan(document planDocument, diff bool) error {
	look := a.page()
	styles := look.Styles
	var out strings.Builder
	fmt.Fprintf(&out, "%s, within %s\n\n", styles.Bold("pocctl up would bring up "+document.Env), terminal.Budget(document.BudgetSeconds))
	if document.Infrastructure != nil {
		if err := document.outlook().Text(&out, look); err != nil {
			return err
		}
		out.WriteByte('\n')
	}
	table := terminal.Table{Indent: 2, Columns: []terminal.Column{{}, {Title: "STEP"}, {Title: "BUDGET", Right: true}, {Title: "WHAT", Give: true}}}
	for _, step := range document.Steps {
		glyph, what := terminal.GlyphPending, step.Describe
		switch {
		case step.Skip != "":
			glyph, what = terminal.GlyphSkipped, step.Skip
		case step.Done:
			glyph = styles.Good(terminal.GlyphPassed)
		}
		table.Rows = append(table.Rows, []string{glyph, step.Name, terminal.Budget(step.BudgetSeconds), styles.Dim(what)})
	}
	out.WriteString(table.Render(look.Width, styles))
	fmt.Fprintf(&out, "\n  %s\n", styles.Dim(styles.Good(terminal.GlyphPassed)+" is so already, "+terminal.GlyphPending+" would run"))
	for _, release := range document.Releases {
		fmt.Fprintf(&out, "\n%s\n", styles.Dim(fmt.Sprintf("release %s in namespace %s", release.Release, release.Namespace)))
		switch {
		case release.Later:
			fmt.Fprintln(&out, "  to be told when Terraform has put out what its values name")
		case len(release.Changes) == 0:
			fmt.Fprintln(&out, "  no change")
		}
		for _, change := range release.Changes {
			fmt.Fprintf(&out, "  %s %s", paintChange(styles, change.Action), change.Resource)
			if change.Note != "" {
				fmt.Fprintf(&out, "  %s", styles.Dim(change.Note))
			}
			fmt.Fprintln(&out)
			if diff {
				writeDiff(&out, styles, change.Diff)
			}
		}
	}
	_, err := fmt.Fprint(a.Stdout, out.String())
	return err
}

func paintChange(styles terminal.Styles, action string) string {
	switch action {
	case deploy.Add:
		return styles.Good("+")
	case deploy.Remove:
		return styles.Bad("-")
	default:
		return styles.Warn("~")
	}
}

func writeDiff(out *strings.Builder, styles terminal.Styles, diff string) {
	for line := range strings.Lines(diff) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "+"):
			line = styles.Good(line)
		case strings.HasPrefix(line, "-"):
			line = styles.Bad(line)
		default:
			line = styles.Dim(line)
		}
		fmt.Fprintf(out, "      %s\n", line)
	}
}
