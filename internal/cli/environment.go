package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pocctl/pocctl/charts"
	"github.com/pocctl/pocctl/internal/about"
	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/stack"
	"github.com/pocctl/pocctl/internal/verify/load"
	"github.com/pocctl/pocctl/modules"
)

// stackOptions reads everything that --env and --source name. Nothing is touched.
func (a *app) stackOptions() (stack.Options, error) {
	source, err := config.OpenSource(a.global.source)
	if err != nil {
		return stack.Options{}, err
	}
	environment, err := config.ReadEnvironment(source, a.global.env)
	if err != nil {
		return stack.Options{}, err
	}
	objectives, err := source.Objectives()
	if err != nil {
		return stack.Options{}, err
	}
	directory, err := a.stateDirectory(environment.Name)
	if err != nil {
		return stack.Options{}, err
	}
	binary, identity, err := thisBinary(a.Build)
	if err != nil {
		return stack.Options{}, err
	}
	var files, terraform fs.FS = charts.Files, modules.Files
	if a.global.source != "" {
		files = os.DirFS(filepath.Join(a.global.source, "charts"))
		terraform = os.DirFS(filepath.Join(a.global.source, "modules"))
	}
	return stack.Options{
		Environment: environment, Objectives: objectives, Charts: files, Definitions: charts.Definitions, Modules: terraform,
		StateDirectory: directory, Binary: binary, Build: identity, Flags: a.environmentFlags(),
		Plan: load.Plan{
			Rate:     float64(environment.Load.Rate),
			Duration: environment.Load.Duration,
			Warmup:   environment.Load.Warmup,
		},
	}, nil
}

func (a *app) stack() (*stack.Stack, stack.Options, error) {
	options, err := a.stackOptions()
	if err != nil {
		return nil, options, err
	}
	s, err := stack.New(options)
	return s, options, err
}

// environmentFlags are what another command has to be given to mean the same
// environment; empty for the one it means by itself.
func (a *app) environmentFlags() string {
	var flags []string
	for _, flag := range []struct{ name, value, usual string }{
		{"--env", a.global.env, "local"}, {"--source", a.global.source, ""}, {"--state-dir", a.global.stateDir, ""},
	} {
		if flag.value == flag.usual || os.Getenv(config.Variable(strings.TrimPrefix(flag.name, "--"))) == flag.value {
			continue
		}
		value := flag.value
		if strings.ContainsAny(value, " '\"$`\\") {
			value = "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
		}
		flags = append(flags, flag.name+" "+value)
	}
	return strings.Join(flags, " ")
}

// thisBinary gives the path of this program and what tells its build from
// another: a cluster that runs with another build is restarted.
func thisBinary(build about.Build) (path, identity string, err error) {
	path, err = os.Executable()
	if err != nil {
		return "", "", fmt.Errorf("find this program: %w", err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", "", fmt.Errorf("find this program: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", "", fmt.Errorf("find this program: %w", err)
	}
	return path, fmt.Sprintf("%s-%s-%d-%d", build.Version, build.Commit, info.Size(), info.ModTime().UnixNano()), nil
}
