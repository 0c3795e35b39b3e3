package k6

import (
	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/load"
)

//go:generate go run ./generate ../../../test/perf/k6

// builtInRate is what the built-in scripts are written for, in requests a second.
const builtInRate = 300

// BuiltIn gives the scripts of the shop's load by each profile, by the names of their
// files, judged by the objectives that are built in.
func BuiltIn() (map[string][]byte, error) {
	source, err := config.OpenSource("")
	if err != nil {
		return nil, err
	}
	objectives, err := source.Objectives()
	if err != nil {
		return nil, err
	}
	scripts := map[string][]byte{}
	for _, name := range load.Profiles() {
		stages, err := load.Profile(name, builtInRate)
		if err != nil {
			return nil, err
		}
		text, err := Script(Options{Name: name, Scenario: load.Products(), Stages: stages, Objectives: objectives})
		if err != nil {
			return nil, err
		}
		scripts[name+".js"] = text
	}
	return scripts, nil
}
