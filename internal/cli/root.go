package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/suggest"
)

// The groups of commands in the help.
const (
	groupRun     = "run"
	groupLook    = "look"
	groupService = "service"
	groupTool    = "tool"
)

// New builds the command tree. Its commands return *fault.Error for what people
// can mend; nothing is printed for an error: Execute does that.
func New(options Options) *cobra.Command {
	return newRoot(&app{Options: options})
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "pocctl",
		Short: "From a bare machine to a running, observed, SLO-verified stack",
		Long: `pocctl takes a bare machine to a running, measured cloud-native stack, and says
in numbers whether it meets its service level objectives.`,
		Example: `  pocctl up                     # the whole flow on this machine: no root, no Docker
  pocctl plan                   # what up would do
  pocctl verify --slo           # load, and a verdict for every objective
  pocctl down                   # take it away again`,
		Version:           a.Build.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              knownCommand,
		RunE:              func(command *cobra.Command, _ []string) error { return command.Help() },
		PersistentPreRunE: func(command *cobra.Command, _ []string) error { return applySettings(command) },
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	hideForeignFlags()
	root.Flags().Bool("version", false, "say which pocctl this is") // or a foreign --version takes its place
	a.addGlobalFlags(root)
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run an environment"},
		&cobra.Group{ID: groupLook, Title: "Look at it"},
		&cobra.Group{ID: groupService, Title: "The service in the cluster"},
		&cobra.Group{ID: groupTool, Title: "The tool"},
	)
	root.SetHelpCommandGroupID(groupTool)
	root.SetCompletionCommandGroupID(groupTool)
	root.AddCommand(
		a.up(), a.provision(), a.deploy(), a.smoke(), a.canary(), a.verify(), a.rollback(), a.down(),
		a.plan(), a.status(), a.logs(), a.report(), a.kubeconfig(), a.token(),
		a.doctor(),
		a.eksToken(), a.holdConnections(), a.inbox(),
		a.issuer(), a.migrate(),
		a.probe(),
		a.seed(),
		a.serve(),
		a.version(),
	)
	root.AddCommand(a.inside()...)
	return root
}

// hideForeignFlags hides what libraries register for the whole process, such as
// Kubernetes' --version: cobra adds it to every command.
func hideForeignFlags() {
	pflag.CommandLine.VisitAll(func(flag *pflag.Flag) { flag.Hidden = true })
}

// applySettings gives the flags that were not typed their POCCTL_… variable or
// their key of the settings file.
func applySettings(command *cobra.Command) error {
	settings, err := config.ReadSettings(config.SettingsFile(), flagNames(command.Root()))
	if err != nil {
		return err
	}
	if err := settings.Apply(command.Flags()); err != nil {
		return err
	}
	return exclusive(command)
}

// exclusive refuses flags that exclude each other; cobra's own words for it are
// no usage error.
func exclusive(command *cobra.Command) error {
	err := command.ValidateFlagGroups()
	if err == nil {
		return nil
	}
	var given []string
	command.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if _, grouped := flag.Annotations[exclusiveAnnotation]; grouped && flag.Changed {
			given = append(given, "--"+flag.Name)
		}
	})
	return usage(command, "%s exclude each other", strings.Join(given, " and "))
}

// exclusiveAnnotation is what cobra's MarkFlagsMutuallyExclusive puts on a flag.
const exclusiveAnnotation = "cobra_annotation_mutually_exclusive"

// flagNames lists the flags of command and of all below it.
func flagNames(command *cobra.Command) []string {
	var names []string
	collect := func(flag *pflag.Flag) {
		if !flag.Hidden && flag.Name != "help" && flag.Name != "version" {
			names = append(names, flag.Name)
		}
	}
	command.PersistentFlags().VisitAll(collect)
	command.LocalFlags().VisitAll(collect)
	for _, child := range command.Commands() {
		names = append(names, flagNames(child)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// knownCommand refuses a word that is no command.
func knownCommand(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, child := range command.Commands() {
		if !child.Hidden {
			names = append(names, child.Name())
		}
	}
	if near := suggest.Closest(args[0], names); near != "" {
		return usage(command, "there is no command %q; did you mean %q?", args[0], near)
	}
	return usage(command, "there is no command %q", args[0])
}

// flagError words what pflag refuses, with the nearest flag for a slip.
func flagError(command *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return usage(command, "--%s is %q: %s", invalid.GetFlag().Name, invalid.GetValue(), wanted(invalid))
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usage(command, "%v", err)
	}
	var names []string
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, flag.Name)
		}
	})
	name := unknown.GetSpecifiedName()
	if near := suggest.Closest(name, names); near != "" && len(name) > 1 {
		return usage(command, "there is no flag --%s; did you mean --%s?", name, near)
	}
	if len(name) == 1 {
		return usage(command, "there is no flag -%s", name)
	}
	return usage(command, "there is no flag --%s", name)
}

// wanted says what a flag takes, in place of what its parser says.
func wanted(invalid *pflag.InvalidValueError) string {
	switch invalid.GetFlag().Value.Type() {
	case "int", "int64", "uint", "uint64":
		return "it takes a whole number, for example 300"
	case "duration":
		return "it takes a duration, for example 90s or 5m"
	case "bool":
		return "it takes true or false"
	default:
		return invalid.Unwrap().Error()
	}
}

// noArguments refuses whatever follows a command that takes flags alone.
func noArguments(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(command, "%s takes no argument, but was given %q", command.CommandPath(), args[0])
}

// oneArgument wants exactly one argument, called name in the message.
func oneArgument(name string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return usage(command, "%s takes one argument, %s, but was given %d", command.CommandPath(), name, len(args))
	}
}

// atMostOneArgument wants no argument or one, called name in the message.
func atMostOneArgument(name string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return usage(command, "%s takes at most one argument, %s, but was given %d", command.CommandPath(), name, len(args))
	}
}
