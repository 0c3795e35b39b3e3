package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pocctl/pocctl/internal/config"
)

const (
	outputText = "text"
	outputJSON = "json"
)

// globalFlags are the flags that every command has.
type globalFlags struct {
	env      string
	output   string
	stateDir string
	source   string
	logLevel string
	yes      bool
	noColor  bool
}

func (a *app) addGlobalFlags(root *cobra.Command) {
	g, flags := &a.global, root.PersistentFlags()
	g.output, g.logLevel = outputText, "info"
	outputs, levels := []string{outputText, outputJSON}, []string{"debug", "info", "warn", "error"}
	flags.StringVar(&g.env, "env", "local", "environment: a `name`, or the path of its file")
	flags.VarP(&choice{&g.output, outputs}, "output", "o", "result as `text|json`")
	flags.StringVar(&g.stateDir, "state-dir", "", "`folder` of the environments' state (default $XDG_STATE_HOME/pocctl)")
	flags.StringVar(&g.source, "source", "", "take charts and configuration from the checkout at `folder`")
	flags.BoolVar(&g.yes, "yes", false, "answer every question with yes")
	flags.Var(&choice{&g.logLevel, levels}, "log-level", "least level of logs: `debug|info|warn|error`")
	flags.BoolVar(&g.noColor, "no-color", false, "no colors, as with NO_COLOR")

	complete(root, "env", cobra.ShellCompDirectiveDefault, func() []string { // or a file
		source, err := config.OpenSource(g.source)
		if err != nil {
			return nil
		}
		return source.Environments()
	})
	complete(root, "output", cobra.ShellCompDirectiveNoFileComp, func() []string { return outputs })
	complete(root, "log-level", cobra.ShellCompDirectiveNoFileComp, func() []string { return levels })
}

// complete offers words for a flag's value on Tab.
func complete(command *cobra.Command, flag string, rest cobra.ShellCompDirective, words func() []string) {
	offer := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words(), rest
	}
	if err := command.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic(err) // the flag is not there: a slip of the programmer
	}
}

// phases are what --from and --only take, in order.
func phases() []string {
	return []string{"preflight", "provision", "deploy", "smoke", "canary", "verify"}
}

// choice is a flag that takes one of a few words.
type choice struct {
	value   *string
	allowed []string
}

var _ pflag.Value = (*choice)(nil)

func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c *choice) Type() string { return strings.Join(c.allowed, "|") }

func (c *choice) Set(text string) error {
	if !slices.Contains(c.allowed, text) {
		return fmt.Errorf("it takes %s", strings.Join(c.allowed, " or "))
	}
	*c.value = text
	return nil
}
