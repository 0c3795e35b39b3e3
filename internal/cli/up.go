package cli

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/stack"
	"github.com/pocctl/pocctl/internal/verify/load"
	"github.com/pocctl/pocctl/internal/verify/scenario"
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
	measured.complete(command)
	command.MarkFlagsMutuallyExclusive("from", "only")
	complete(command, "from", cobra.ShellCompDirectiveNoFileComp, phases)
	complete(command, "only", cobra.ShellCompDirectiveNoFileComp, phases)
	complete(command, "skip", cobra.ShellCompDirectiveNoFileComp, phases)
	return command
}

// loadFlags say what load to send; those not given are the environment's.
type loadFlags struct {
	rate, spike       int
	duration, warmup  time.Duration
	scenario, profile string
}

func (l *loadFlags) add(flags *pflag.FlagSet) {
	flags.IntVar(&l.rate, "rate", 0, "requests a second (default the environment's)")
	flags.DurationVar(&l.duration, "duration", 0, "how long to measure (default the environment's)")
	flags.DurationVar(&l.warmup, "warmup", 0, "load before the measurement (default the environment's)")
	flags.IntVar(&l.spike, "spike", 0, "requests a second in the middle third; none by default")
	flags.StringVar(&l.scenario, "scenario", "", "send what this `file` says (default the shop's own load)")
	flags.StringVar(&l.profile, "profile", "", "send it as this `name` says: "+strings.Join(load.Profiles(), ", "))
}

// complete completes the flags' values.
func (l *loadFlags) complete(command *cobra.Command) {
	complete(command, "scenario", cobra.ShellCompDirectiveDefault, func() []string { return nil })
	complete(command, "profile", cobra.ShellCompDirectiveNoFileComp, load.Profiles)
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
	if err := checkPlan(command, *plan); err != nil {
		return err
	}
	return l.stages(command, options)
}

// stages takes the scenario and the profile. Either says how the load goes, so that the
// flags for the same are refused beside it.
func (l *loadFlags) stages(command *cobra.Command, options *stack.Options) error {
	if l.scenario != "" {
		read, err := scenario.Read(l.scenario)
		if err != nil {
			return err
		}
		options.Scenario, options.Stages = &read.Load, read.Stages
	}
	if l.profile != "" {
		if len(options.Stages) > 0 {
			return usage(command, "%s has stages of its own: leave --profile out, or take them out of the file", l.scenario)
		}
		stages, err := load.Profile(l.profile, options.Plan.Rate)
		if err != nil {
			return usage(command, "%s", err)
		}
		options.Stages = stages
	}
	if len(options.Stages) == 0 {
		return nil
	}
	for _, flag := range []string{"rate", "duration", "warmup", "spike"} {
		if flag == "rate" && l.profile != "" {
			continue // which is that of a profile
		}
		if command.Flags().Changed(flag) {
			return usage(command, "--%s is of no use beside stages: %s says how the load goes", flag, cmp.Or(l.profile, l.scenario))
		}
	}
	return nil
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
