package config

import (
	"path/filepath"
	"strings"
	"time"
)

// What an environment's file may leave out.
const (
	defaultBudget    = 60 * time.Minute // the goal for the whole of `up`
	defaultTimeout   = 5 * time.Minute  // for one release
	defaultNamespace = "pocctl"
	defaultAddress   = "127.0.0.1:8080"
	defaultRate      = 300 // requests a second
	defaultSamples   = 100 // requests of each version that a canary's verdict takes
	defaultDuration  = 30 * time.Second
	defaultGrowth    = 4 // MiB a second, of a canary's pod
)

// ReadEnvironment reads the environment called name in source, or the file that
// name is the path of. What it does not know, or what cannot work, is a
// fault.EnvironmentUnknown, ConfigUnreadable or ConfigInvalid.
func ReadEnvironment(source Source, name string) (Environment, error) {
	file, folder, data, err := source.read(name)
	if err != nil {
		return Environment{}, err
	}
	return parseEnvironment(file, folder, data)
}

// parseEnvironment reads an environment's file. Relative paths in it start from
// folder.
func parseEnvironment(file, folder string, data []byte) (Environment, error) {
	environment := Environment{
		Name:      strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".yaml"), ".yml"),
		Budget:    defaultBudget,
		Namespace: defaultNamespace,
		Ingress:   Ingress{Address: defaultAddress},
		Canary:    Canary{Prometheus: "prometheus", Samples: defaultSamples, MemoryGrowth: defaultGrowth},
		Alerts:    Alerts{Inbox: "alerts", Alertmanager: "alertmanager"},
		Load:      Load{Rate: defaultRate, Duration: defaultDuration},
	}
	d, err := parse(file, data, &environment)
	if err != nil {
		return Environment{}, err
	}
	environment.complete(folder)
	if err := environment.validate(d); err != nil {
		return Environment{}, err
	}
	return environment, nil
}

// complete fills in what follows from other keys, and makes paths absolute.
func (e *Environment) complete(folder string) {
	if e.Load.Path == "" {
		e.Load.Path = e.Smoke.Path
	}
	for i := range e.Releases {
		release := &e.Releases[i]
		if release.Namespace == "" {
			release.Namespace = e.Namespace
		}
		if release.Timeout == 0 {
			release.Timeout = defaultTimeout
		}
		if release.Budget == 0 {
			release.Budget = release.Timeout
		}
		if release.Repository == "" && strings.ContainsAny(release.Chart, `/\`) {
			release.Chart = absolute(folder, release.Chart)
		}
	}
	if e.AWS != nil {
		e.AWS.complete(e.Name)
	}
	for name, image := range e.Images {
		image.Program = absolute(folder, image.Program)
		e.Images[name] = image
	}
	e.Postgres.Directory = absolute(folder, e.Postgres.Directory)
}

func absolute(folder, path string) string {
	if path == "" || folder == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}
