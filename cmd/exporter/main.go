//go:build linux

// Command exporter is the blackbox exporter, and those of Postgres and Redis, for the
// local environment. It is not for users: it is built into pocctl, which runs it for
// the images of their names. See docs/adr/0026.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/pocctl/pocctl/internal/provision/local/exporter"
	"github.com/pocctl/pocctl/internal/provision/local/exporter/blackbox"
	"github.com/pocctl/pocctl/internal/provision/local/exporter/postgres"
	"github.com/pocctl/pocctl/internal/provision/local/exporter/redis"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

// run is the exporter that the first argument names, with the others.
func run(args []string) error {
	programs := map[string]func(context.Context, exporter.Options) error{"blackbox": blackbox.Main, "postgres": postgres.Main, "redis": redis.Main}
	if len(args) == 0 || programs[args[0]] == nil {
		return errors.New("which exporter? blackbox, postgres or redis")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return programs[args[0]](ctx, exporter.Options{Args: args[1:], Address: os.Getenv("POCCTL_POD_IP")})
}
