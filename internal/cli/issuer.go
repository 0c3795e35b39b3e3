package cli

import (
	"errors"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/issuer"
)

func (a *app) issuer() *cobra.Command {
	options := issuer.Options{Address: "127.0.0.1:8081", Audience: "pocctl", LogOutput: a.Stderr}
	command := &cobra.Command{
		Use:   "issuer",
		Short: "Serve logins and tokens for development",
		Long: `Serves an OpenID Connect issuer for development: it logs in ada (admin), eve
(editor) and vic (viewer) with one password, and three machines with a secret each.
The local environment has it, so that the service takes tokens there as it does in
production. It is not for production, and refuses a URL that isn't this machine's.

Give the secrets as variables: flags can be read by others in the list of processes.`,
		GroupID: groupService,
		Example: `  POCCTL_PASSWORD=… POCCTL_VIEWER_SECRET=… POCCTL_EDITOR_SECRET=… POCCTL_ADMIN_SECRET=… \
    pocctl issuer --url http://127.0.0.1:8081/issuer`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			options.LogLevel = a.global.logLevel
			err := issuer.Serve(command.Context(), options)
			var refused *issuer.OptionError
			switch {
			case errors.As(err, &refused):
				return usage(command, "--%s: %v", flagOf(refused.Option), refused.Err)
			case errors.Is(err, syscall.EADDRINUSE):
				return fault.New(fault.PortBusy, "port", options.Address).Because(err)
			}
			return err
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.Address, "address", options.Address, "listen on `host:port`")
	flags.StringVar(&options.URL, "url", options.URL, "the issuer's `url`, as tokens have it; its path is where everything is")
	flags.BoolVar(&options.AllowRemote, "allow-remote", options.AllowRemote, "take a URL that isn't this machine's")
	flags.StringVar(&options.Audience, "audience", options.Audience, "what tokens are for: a `name`")
	flags.StringVar(&options.Password, "password", options.Password, "the `password` of all people")
	flags.StringVar(&options.ViewerSecret, "viewer-secret", options.ViewerSecret, "the `secret` of the client pocctl-viewer")
	flags.StringVar(&options.EditorSecret, "editor-secret", options.EditorSecret, "the `secret` of the client pocctl-editor")
	flags.StringVar(&options.AdminSecret, "admin-secret", options.AdminSecret, "the `secret` of the client pocctl-admin")
	flags.StringVar(&options.KeyDirectory, "key-directory", options.KeyDirectory, "keep the signing keys in `directory`; none makes one each time")
	flags.DurationVar(&options.Rotation, "rotation", options.Rotation, "how often another key signs; 0 is never")
	return command
}
