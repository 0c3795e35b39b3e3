// Command pocctl takes a bare machine to a running, verified stack.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/pocctl/pocctl/internal/about"
	"github.com/pocctl/pocctl/internal/cli"
	"github.com/pocctl/pocctl/internal/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	err := cli.Execute(ctx, cli.Options{
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		Build:  about.This(),
	}, os.Args[1:])
	os.Exit(fault.ExitCode(err))
}
