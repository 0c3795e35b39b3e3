package cli

import (
	"errors"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/inbox"
)

func (a *app) inbox() *cobra.Command {
	options := inbox.Options{Address: "127.0.0.1:9094", Path: "/alerts", Log: a.Stderr}
	command := &cobra.Command{
		Use:   "inbox",
		Short: "Receive alerts and show them",
		Long: `Serves a receiver for Alertmanager's webhooks, at /receive, which shows people what
fires and what is over: a page, and alerts.json beside it. It remembers the last 500
alerts while it runs, and writes each to its log.`,
		GroupID: groupService,
		Example: `  pocctl inbox --address 127.0.0.1:9094
  curl -s http://127.0.0.1:9094/alerts/alerts.json`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			err := inbox.Serve(command.Context(), options)
			if errors.Is(err, syscall.EADDRINUSE) {
				return fault.New(fault.PortBusy, "port", options.Address).Because(err)
			}
			return err
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.Address, "address", options.Address, "listen on `host:port`")
	flags.StringVar(&options.Path, "path", options.Path, "where the page is: a `path`")
	return command
}
