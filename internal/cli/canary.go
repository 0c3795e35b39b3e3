package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"helm.sh/helm/v3/pkg/strvals"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/stack"
)

// canaryChange is what is new about the release.
type canaryChange struct {
	image, version string
	set            []string
	noLoad         bool
	rate           int
}

func (a *app) canary() *cobra.Command {
	change := canaryChange{}
	command := &cobra.Command{
		Use:   "canary",
		Short: "Give a new version its requests step by step, and judge it",
		Long: `Gives a new version of the release a share of the requests, judges its errors and
latency against the objectives and against the stable version at the same time, and
takes it back as soon as it hurts. The controller in the cluster moves the weights: a
canary goes on when pocctl ends, and the same command follows it again. With nothing
new, the version that serves is tried against itself.

The environment's file still says otherwise: write what was promoted into it, or the
next up goes back.

It exits 5 if the canary was rolled back, 4 if there was too little data to let it
through.`,
		GroupID: groupRun,
		Example: `  pocctl canary --version 1.1.0
  pocctl canary --image registry.example.com/shop --version 1.1.0
  pocctl canary --set config.logLevel=debug
  pocctl canary                                  # follow the one under way
  pocctl canary abort                            # by hand: promote, hold, resume, abort`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			values, err := change.values(command)
			if err != nil {
				return err
			}
			return a.run(command.Context(), order{command: "canary", phase: stack.Canary, change: func(options *stack.Options) error {
				if options.Environment.Canary.Release == "" {
					return fault.New(fault.CanaryUnset, "env", options.Environment.Name)
				}
				if command.Flags().Changed("rate") {
					options.Environment.Canary.Rate = change.rate
				}
				if change.noLoad {
					options.Environment.Canary.Rate = 0
				}
				options.CanaryValues, options.CanaryAlways = values, true
				return nil
			}})
		},
	}
	flags := command.Flags()
	flags.StringVar(&change.image, "image", "", "the new version's image `repository`")
	flags.StringVar(&change.version, "version", "", "the new version's image `tag`")
	flags.StringArrayVar(&change.set, "set", nil, "a value of the release's chart, `KEY=VALUE`, as helm takes it; may be given again")
	flags.IntVar(&change.rate, "rate", 0, "requests a second that pocctl sends meanwhile (default the environment's)")
	flags.BoolVar(&change.noLoad, "no-load", false, "send nothing: people send enough")
	command.MarkFlagsMutuallyExclusive("rate", "no-load")
	for _, one := range []struct{ use, short string }{
		{"promote", "Let the canary take all requests at once, whatever is thought of it"},
		{"hold", "Keep the canary at the weight that it has"},
		{"resume", "Let a held canary go on"},
		{"abort", "Take the canary back at once"},
	} {
		command.AddCommand(a.steer(one.use, one.short))
	}
	return command
}

// values are those of the release's chart that are new.
func (c canaryChange) values(command *cobra.Command) (map[string]any, error) {
	values := map[string]any{}
	for _, text := range c.set {
		if !strings.Contains(text, "=") {
			return nil, usage(command, "--set takes KEY=VALUE, not %q", text)
		}
		if err := strvals.ParseInto(text, values); err != nil {
			return nil, usage(command, "--set %s: %v", text, err)
		}
	}
	for _, text := range []string{"image.repository=" + c.image, "image.tag=" + c.version} {
		if strings.HasSuffix(text, "=") {
			continue
		}
		if err := strvals.ParseIntoString(text, values); err != nil {
			return nil, usage(command, "%s: %v", text, err)
		}
	}
	if command.Flags().Changed("rate") && c.rate < 1 {
		return nil, usage(command, "--rate has to be at least 1 request a second; --no-load sends none")
	}
	return values, nil
}

// steer is one thing that people do to a canary by hand. It takes no lock: somebody
// may be following the canary.
func (a *app) steer(use, short string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: noArguments, Example: "  pocctl canary " + use,
		RunE: func(command *cobra.Command, _ []string) error {
			s, _, err := a.stack()
			if err != nil {
				return err
			}
			state, err := s.Steer(command.Context(), use)
			if err != nil {
				return err
			}
			return a.answer(struct {
				Schema string `json:"schema"`
				State  any    `json:"state"`
			}{"pocctl.canary/v1", state}, func() error {
				_, err := fmt.Fprintf(a.Stdout, "%s: %s.\n", state.Name, state)
				return err
			})
		},
	}
}
