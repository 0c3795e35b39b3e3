package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/stack"
	"github.com/pocctl/pocctl/internal/verify/load"
)

func (a *app) up() *cobra.Command {
	var selection flow.Selection
	var budget time.Duration
	var measured loadFlags
	command := &cobra.Command{
		Use:   "up",
		Short: "Bring the environment up: provision, deploy, smoke, canary, verify",
		Long: `Brings the environment up and verifies it. Whatever is already as it should be
is left alone, so a run that stopped is taken up by running it again.`,
		GroupID: groupRun,
		Example: `  pocctl up                          # everything, on this machine
  pocctl up --from deploy            # from a phase on
  pocctl up --only verify            # one phase
  pocctl up --skip canary,verify     # up and smoke-tested, quickly
  pocctl up -o json > run.json       # the result for a machine`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			for _, phase := range selection.Skip {
				if !slices.Contains(phases(), phase) {
					return usage(command, "there is no phase named %q: use one of %s", phase, strings.Join(phases(), ", "))
				}
			}
			return a.run(command.Context(), order{command: "up", selection: selection, change: func(options *stack.Options) error {
				if command.Flags().Changed("budget") {
					options.Environment.Budget = budget
				}
				return measured.apply(command, options)
			}})
		},
	}
	flags := command.Flags()
	flags.StringVar(&selection.From, "from", "", "begin with this `phase`: preflight, provision, deploy, smoke, canary or verify")
	flags.StringVar(&selection.Only, "only", "", "run this `phase` alone")
	flags.StringSliceVar(&selection.Skip, "skip", nil, "leave these `phases` out")
	flags.DurationVar(&budget, "budget", 0, "the goal for the whole run (default the environment's)")
	measured.add(flags)
	command.MarkFlagsMutuallyExclusive("from", "only")
	complete(command, "from", cobra.ShellCompDirectiveNoFileComp, phases)
	complete(command, "only", cobra.ShellCompDirectiveNoFileComp, phases)
	complete(command, "skip", cobra.ShellCompDirectiveNoFileComp, phases)
	return command
}

// loadFlags say what load to send; those not given are the environment's.
type loadFlags struct {
	rate, spike      int
	duration, warmup time.Duration
}

func (l *loadFlags) add(flags *pflag.FlagSet) {
	flags.IntVar(&l.rate, "rate", 0, "requests a second (default the environment's)")
	flags.DurationVar(&l.duration, "duration", 0, "how long to measure (default the environment's)")
	flags.DurationVar(&l.warmup, "warmup", 0, "load before the measurement (default the environment's)")
	flags.IntVar(&l.spike, "spike", 0, "requests a second in the middle third; none by default")
}

func (l *loadFlags) apply(command *cobra.Command, options *stack.Options) error {
	plan, flags := &options.Plan, command.Flags()
	if flags.Changed("rate") {
		plan.Rate = float64(l.rate)
	}
	if flags.Changed("duration") {
		plan.Duration = l.duration
	}
	if flags.Changed("warmup") {
		plan.Warmup = l.warmup
	}
	if flags.Changed("spike") {
		plan.Spike = float64(l.spike)
	}
	return checkPlan(command, *plan)
}

// checkPlan refuses a load that makes no sense before anything is touched.
func checkPlan(command *cobra.Command, plan load.Plan) error {
	switch {
	case plan.Rate < 1:
		return usage(command, "--rate has to be at least 1 request a second")
	case plan.Duration < time.Second:
		return usage(command, "--duration has to be at least 1s")
	case plan.Warmup < 0:
		return usage(command, "--warmup cannot be negative")
	case plan.Spike < 0 || plan.Spike > 0 && plan.Spike < plan.Rate:
		return usage(command, "--spike has to be above --rate")
	}
	return nil
}
