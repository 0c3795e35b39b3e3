package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/aws"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/stack"
	"github.com/pocctl/pocctl/internal/terminal"
)

// survey plans what is under the cluster and says on stderr what it waits for.
func (a *app) survey(ctx context.Context, s *stack.Stack, options aws.LookOptions) (*aws.Overview, error) {
	screen := a.screen()
	defer screen.Close()
	return s.Infrastructure(ctx, options, &waits{screen: screen})
}

// waits says each wait once, without the numbers that it counts up.
type waits struct {
	screen *terminal.Terminal
	last   string
}

func (w *waits) Waiting(format string, args ...any) {
	if format != w.last && !strings.Contains(format, "%") {
		w.screen.Printf("… "+format, args...)
	}
	w.last = format
}

func (w *waits) Info(format string, args ...any) { w.screen.Printf(format, args...) }

// driftDocument is what plan --drift answers.
type driftDocument struct {
	Schema string       `json:"schema"` // pocctl.drift/v1
	Env    string       `json:"env"`
	Drift  []plan.Drift `json:"drift"`
	Error  *fault.Error `json:"error"`
}

// drift says what was changed outside Terraform; some is a fault.Drifted.
func (a *app) drift(ctx context.Context, s *stack.Stack, options stack.Options) error {
	overview, err := a.survey(ctx, s, aws.LookOptions{DriftOnly: true})
	if err != nil {
		return err
	}
	document := driftDocument{Schema: "pocctl.drift/v1", Env: options.Environment.Name, Drift: overview.Drift}
	var problem error
	if len(overview.Drift) > 0 {
		count := fmt.Sprintf("%d resources were", len(overview.Drift))
		if len(overview.Drift) == 1 {
			count = "1 resource was"
		}
		document.Error = fault.New(fault.Drifted, "count", count, "env", document.Env, "flags", leading(options.Flags))
		problem = document.Error
	}
	if err := a.answer(document, func() error { return a.showDrift(document) }); err != nil {
		return err
	}
	return problem
}

func leading(flags string) string {
	if flags == "" {
		return ""
	}
	return " " + flags
}

func (a *app) showDrift(document driftDocument) error {
	styles := a.page().Styles
	var out strings.Builder
	if len(document.Drift) == 0 {
		fmt.Fprintf(&out, "%s nothing of environment %s was changed outside Terraform\n", styles.Good(terminal.GlyphPassed), document.Env)
	}
	for _, one := range document.Drift {
		what := strings.Join(one.Attributes, ", ")
		sign := styles.Warn("~")
		if one.Gone {
			sign, what = styles.Bad("-"), "is gone"
		}
		fmt.Fprintf(&out, "%s %s  %s\n", sign, one.Address, styles.Dim(what))
	}
	_, err := fmt.Fprint(a.Stdout, out.String())
	return err
}

// farewell shows what down would take from an account of AWS, and asks for the
// environment's name. A no is a fault.NotConfirmed, and a protected environment without
// force a fault.Protected.
func (a *app) farewell(ctx context.Context, s *stack.Stack, options stack.Options, force bool) error {
	environment := options.Environment
	if environment.AWS.Protected && !force {
		return fault.New(fault.Protected, "env", environment.Name)
	}
	screen := a.screen()
	defer screen.Close()
	if !a.global.yes && !screen.Interactive() {
		return fault.New(fault.NotConfirmed, "env", environment.Name)
	}
	overview, err := a.survey(ctx, s, aws.LookOptions{Destroy: true})
	if err != nil {
		return err
	}
	styles, _ := a.look(a.Stderr)
	_, err = fmt.Fprintf(a.Stderr, "Taking environment %s out of account %s, %s: %s resources, which cost $%.2f a month; about %s.\n",
		environment.Name, environment.AWS.Account, environment.AWS.Region, styles.Bold(fmt.Sprint(overview.Counts.Destroy)),
		overview.Cost.Before, terminal.Seconds(overview.Forecast.Seconds))
	if err != nil || a.global.yes {
		return err
	}
	agreed, _, err := screen.Confirm(ctx, "Is all of it to go, with its data?", environment.Name)
	if err == nil && !agreed {
		err = fault.New(fault.NotConfirmed, "env", environment.Name)
	}
	return err
}
