package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/doctor"
)

func (a *app) doctor() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Look whether this machine can hold the environment",
		Long:    "Looks at the machine, changes nothing, and says what to do about what is missing.",
		GroupID: groupLook,
		Example: "  pocctl doctor\n  pocctl doctor -o json",
		Args:    noArguments,
		RunE:    func(command *cobra.Command, _ []string) error { return a.examine(command.Context()) },
	}
}

func (a *app) examine(ctx context.Context) error {
	environment, err := a.environment()
	if err != nil {
		return err
	}
	directory, err := a.stateDirectory(environment.Name)
	if err != nil {
		return err
	}
	running := false // an environment that cannot run here doesn't
	if s, _, err := a.stack(); err == nil {
		running = s.Running(ctx)
	}
	report := doctor.Run(ctx, environment.Name, doctor.Checks(doctor.Options{Environment: environment, StateDir: directory, Running: running}))
	err = a.answer(report, func() error {
		styles, _ := a.look(a.Stdout)
		return report.Write(a.Stdout, styles)
	})
	if err != nil {
		return err
	}
	return report.Err()
}
