// Command demo plays a made-up run on the terminal, to be looked at:
//
//	go run ./internal/terminal/testdata/demo [-fail] [-many] [-ask] [-speed 2]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/terminal"
)

type demo struct {
	speed  float64
	screen *terminal.Terminal
}

func main() {
	fail := flag.Bool("fail", false, "let a step fail")
	many := flag.Bool("many", false, "more steps than a screen has lines")
	ask := flag.Bool("ask", false, "ask a question on the way")
	plain := flag.Bool("plain", false, "one line an event")
	speed := flag.Float64("speed", 1, "how many times faster")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	d := demo{speed: *speed, screen: terminal.New(terminal.Options{Plain: *plain})}
	steps := d.steps(*fail, *ask)
	if *many {
		for i := range 40 {
			steps = append(steps, flow.Step{
				Name: fmt.Sprintf("deploy/service-%02d", i), DependsOn: []string{"provision/cluster"},
				Run: d.takes(float64(i%7)+1, "deployment service-%02d", i),
			})
		}
	}
	_, err := flow.Run(ctx, steps, flow.Options{Env: "local", Command: "up", Budget: time.Hour, Observers: []flow.Observer{d.screen}})
	d.screen.Close()
	if err != nil {
		fmt.Fprint(os.Stderr, "\n"+terminal.ErrorBlock(fault.From(err), d.screen.Width(), d.screen.Styles()))
	}
	os.Exit(fault.ExitCode(err))
}

func (d demo) steps(fail, ask bool) []flow.Step {
	migrate := d.takes(2, "job migrate")
	if fail {
		migrate = func(ctx context.Context, log *flow.Log) error {
			if err := d.takes(2, "job migrate")(ctx, log); err != nil {
				return err
			}
			return errors.New(`job migrate failed: pod migrate-x7k2p: exit 1: ERROR: relation "products" already exists (SQLSTATE 42P07); look further with: pocctl logs migrate`)
		}
	}
	question := d.takes(1, "the answer")
	if ask {
		question = func(ctx context.Context, log *flow.Log) error {
			resume := log.Pause("Promote 1.1.0?")
			defer resume()
			agreed, waited, err := d.screen.Confirm(ctx, "Promote 1.1.0 to everyone?", "")
			log.Detail("answered %v after %s", agreed, terminal.Duration(waited))
			return err
		}
	}
	return []flow.Step{
		{Name: "preflight/platform", Run: d.takes(0.3, "the kernel's answer")},
		{Name: "preflight/ports", Run: d.takes(0.2, "port 8080")},
		{Name: "provision/certificates", DependsOn: []string{"preflight/platform", "preflight/ports"}, Run: d.takes(0.6, "keys")},
		{Name: "provision/cluster", DependsOn: []string{"provision/certificates"}, Run: func(ctx context.Context, log *flow.Log) error {
			if err := d.takes(1, "etcd to elect itself")(ctx, log); err != nil {
				return err
			}
			log.Info("port 8080 is taken: the ingress listens on 8081")
			return d.takes(2, "the API server at 127.0.0.1:6443 to say ready")(ctx, log)
		}},
		{Name: "deploy/postgres", DependsOn: []string{"provision/cluster"}, Run: d.takes(3, "statefulset postgres: 0 of 1 ready"), Budget: time.Second},
		{Name: "deploy/redis", DependsOn: []string{"provision/cluster"}, Run: d.takes(1.4, "statefulset redis: 0 of 1 ready")},
		{Name: "deploy/migrations", DependsOn: []string{"deploy/postgres"}, Run: migrate},
		{Name: "deploy/backend", DependsOn: []string{"deploy/migrations", "deploy/redis"}, Run: d.takes(3, "deployment backend: 2 of 3 pods ready, backend-6d8f9-x2x4k pulls its image")},
		{Name: "smoke/transaction", DependsOn: []string{"deploy/backend"}, Run: d.takes(1, "a cache hit")},
		{Name: "canary/promote", DependsOn: []string{"smoke/transaction"}, Run: question},
		{Name: "verify/slo", DependsOn: []string{"canary/promote"}, Run: d.takes(4, "load: 300 requests a second, 20 s to go")},
	}
}

// takes is work that lasts some seconds and says what it waits for.
func (d demo) takes(seconds float64, format string, args ...any) func(context.Context, *flow.Log) error {
	return func(ctx context.Context, log *flow.Log) error {
		log.Waiting(format, args...)
		select {
		case <-time.After(time.Duration(seconds / d.speed * float64(time.Second))):
			log.Detail(format+", done", args...)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
