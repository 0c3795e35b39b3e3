package cli

import (
	"github.com/pocctl/pocctl/internal/app/objectives"
	"github.com/pocctl/pocctl/internal/config"
)

// builtInObjectives are those of config/slo.yaml as it is in the binary, as the
// service takes them.
func builtInObjectives() ([]objectives.Objective, error) {
	source, err := config.OpenSource("")
	if err != nil {
		return nil, err
	}
	read, err := source.Objectives()
	if err != nil {
		return nil, err
	}
	of := make([]objectives.Objective, len(read))
	for i, one := range read {
		of[i] = objectives.Objective{
			Name: one.Name, Description: one.Description, Indicator: string(one.Indicator), Source: string(one.Source),
			Quantile: one.Quantile, Target: one.Target, Limit: objectives.Limit(one.Limit),
		}
	}
	return of, nil
}
