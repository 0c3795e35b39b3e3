package doctor

import (
	"context"

	"github.com/pocctl/pocctl/internal/config"
)

// Options say what the machine is to hold.
type Options struct {
	// Environment is what will run here.
	Environment config.Environment
	// StateDir is where its state will be; it need not exist.
	StateDir string
	// Running says that the environment is up: what it holds is no obstacle.
	Running bool
}

// Checks lists what an environment of this kind needs of the machine.
func Checks(options Options) []Check {
	checks := []Check{
		{"platform", func(context.Context) Result { return platform() }},
		{"cores", func(context.Context) Result { return cores() }},
		{"memory", func(context.Context) Result { return memory() }},
		{"state directory", func(context.Context) Result { return stateDirectory(options.StateDir) }},
		{"disk", func(context.Context) Result { return disk(options.StateDir) }},
	}
	if options.Environment.Kind == config.KindLocal && !options.Running {
		checks = append(checks,
			Check{"ingress port", func(ctx context.Context) Result { return port(ctx, options.Environment.Ingress.Address) }})
	}
	if options.Environment.Kind == config.KindLocal {
		checks = append(checks,
			Check{"user namespaces", userNamespaces},
			Check{"postgres", func(ctx context.Context) Result { return postgres(ctx, options.Environment.Postgres.Directory) }},
			Check{"redis", func(context.Context) Result { return redis() }},
		)
	}
	if options.Environment.Kind == config.KindKind {
		checks = append(checks, Check{"docker", docker})
	}
	return append(checks, Check{"kubectl", func(context.Context) Result { return kubectl() }})
}
