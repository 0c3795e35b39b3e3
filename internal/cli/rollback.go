package cli

import (
	"context"
	"fmt"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
)

func (a *app) rollback() *cobra.Command {
	return &cobra.Command{
		Use:   "rollback RELEASE [REVISION]",
		Short: "Go back to an earlier revision of a release",
		Long: `Goes back to a revision of a release, by default the one deployed before the
present one, and waits until it serves. Once begun it goes on through one Ctrl-C.`,
		GroupID: groupRun,
		Example: "  pocctl rollback backend\n  pocctl rollback backend 3",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			revision := 0
			if len(args) == 2 {
				var err error
				if revision, err = strconv.Atoi(args[1]); err != nil || revision < 1 {
					return usage(command, "REVISION has to be a number from 1, not %q", args[1])
				}
			}
			return a.rollBack(command, args[0], revision)
		},
	}
}

func (a *app) rollBack(command *cobra.Command, name string, revision int) error {
	s, options, err := a.stack()
	if err != nil {
		return err
	}
	release, known, err := s.Release(name)
	if err != nil {
		return err
	}
	if !known {
		return fault.New(fault.ReleaseUnknown, "release", name, "namespace", options.Environment.Namespace)
	}
	lock, err := flow.Acquire(options.StateDirectory, options.Environment.Name, flow.NewHolder("rollback"))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }()
	client, err := s.Deployer()
	if err != nil {
		return err
	}
	screen := a.screen()
	defer screen.Close()
	// A rollback under a cancelled context would leave neither revision whole.
	ctx, stop := signal.NotifyContext(context.WithoutCancel(command.Context()), syscall.SIGQUIT)
	defer stop()
	step := flow.Step{
		Name:     "rollback/" + name,
		Describe: func() string { return "go back to an earlier revision of " + name },
		Run: func(ctx context.Context, log *flow.Log) error {
			return s.GoBack(ctx, release, revision, log)
		},
		Deadline: release.Timeout,
	}
	if _, err := flow.Run(ctx, []flow.Step{step}, flow.Options{
		Env: options.Environment.Name, Command: "rollback", Observers: []flow.Observer{screen},
	}); err != nil {
		return err
	}
	screen.Close()
	history, err := client.History(ctx, release.Namespace, name)
	if err != nil {
		return err
	}
	if len(history) == 0 {
		return fault.New(fault.ReleaseUnknown, "release", name, "namespace", release.Namespace)
	}
	now := history[len(history)-1]
	return a.answer(struct {
		Schema string `json:"schema"`
		Now    any    `json:"now"`
	}{"pocctl.rollback/v1", now}, func() error {
		_, err := fmt.Fprintf(a.Stdout, "%s is at revision %d: %s.\n", name, now.Revision, now.Description)
		return err
	})
}
