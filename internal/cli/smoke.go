package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/stack"
	"github.com/pocctl/pocctl/internal/verify/login"
	"github.com/pocctl/pocctl/internal/verify/smoke"
)

// smokeSecret is the variable with the secret of the client whose tokens are sent: a
// flag would be seen by everybody on the machine.
const smokeSecret = "POCCTL_SMOKE_SECRET" //nolint:gosec // a name

// elsewhere is a service that no environment of this machine has.
type elsewhere struct {
	url, path, issuer, client string
	deadline                  time.Duration
}

func (a *app) smoke() *cobra.Command {
	var service elsewhere
	command := a.phase(stack.Smoke, "Check health, migrations and one transaction", `  pocctl smoke
  pocctl smoke -o json
  pocctl smoke --url https://shop.example.com   # a service that is in no environment`)
	ofEnvironment := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		if service.url == "" {
			return ofEnvironment(command, args)
		}
		secret := os.Getenv(smokeSecret)
		if service.issuer != "" && secret == "" {
			return usage(command, "--issuer needs the secret of client %s in %s", service.client, smokeSecret)
		}
		return a.smokeElsewhere(command.Context(), service, secret)
	}
	flags := command.Flags()
	flags.StringVar(&service.url, "url", "", "check the service whose HTTP enters at this `URL`, and no environment")
	flags.StringVar(&service.path, "path", "/api/v1", "with --url: the API's base `path`")
	flags.StringVar(&service.issuer, "issuer", "", "with --url: the `URL` of the issuer of its tokens")
	flags.StringVar(&service.client, "client", "pocctl-editor", "with --issuer: the client, an editor, whose secret is in "+smokeSecret)
	flags.DurationVar(&service.deadline, "deadline", time.Minute, "with --url: wait this `duration` for what is not yet so")
	return command
}

// smokeElsewhere runs the checks that need no cluster; secret is the client's.
func (a *app) smokeElsewhere(ctx context.Context, service elsewhere, secret string) error {
	options := smoke.Options{Root: service.url, Path: service.path, Deadline: service.deadline}
	if service.issuer != "" {
		options.Issuer = service.issuer
		options.Token = login.New(ctx, login.Options{
			Issuer: service.issuer, Client: service.client,
			Secret: func(context.Context) (string, error) { return secret, nil },
		})
	}
	results, failed := smoke.Run(ctx, smoke.Checks(options), lines{a})
	if err := a.answer(results, func() error {
		for _, result := range results {
			state := map[bool]string{true: "passed", false: "failed"}[result.Err == nil]
			if result.Skipped {
				state = "skipped"
			}
			if _, err := fmt.Fprintf(a.Stdout, "%-8s %s  %.1f s\n", state, result.Name, result.Seconds); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return failed
}

// lines says on stderr what a check found; what it waits for would be said five times
// a second.
type lines struct{ *app }

// Waiting implements smoke.Progress.
func (lines) Waiting(string, ...any) {}

// Detail implements smoke.Progress.
func (l lines) Detail(format string, args ...any) {
	_, _ = fmt.Fprintf(l.Stderr, format+"\n", args...)
}
