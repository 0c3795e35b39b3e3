// Package rules makes Prometheus' recording rules and alerts of the service level
// objectives, so that those who are woken, the canary and `verify --slo` go by the
// same numbers.
package rules

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// File is a file of rules, as Prometheus reads it.
type File struct {
	Groups []Group `yaml:"groups"`
}

// Group is evaluated in order, so that later rules see what earlier ones record.
type Group struct {
	Name  string `yaml:"name"`
	Rules []Rule `yaml:"rules"`
}

// Rule records a series or fires an alert.
type Rule struct {
	Record string `yaml:"record,omitempty"`
	Alert  string `yaml:"alert,omitempty"`
	Expr   string `yaml:"expr"`
	// For is how long it has to hold before the alert fires.
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// Alerts gives the rules that fire.
func (f File) Alerts() []Rule {
	var alerts []Rule
	for _, group := range f.Groups {
		for _, rule := range group.Rules {
			if rule.Alert != "" {
				alerts = append(alerts, rule)
			}
		}
	}
	return alerts
}

// YAML writes the file.
func (f File) YAML() ([]byte, error) {
	text := bytes.NewBufferString("# Generated from config/slo.yaml by `make generate`; change that.\n")
	encoder := yaml.NewEncoder(text)
	encoder.SetIndent(2)
	if err := encoder.Encode(f); err != nil {
		return nil, fmt.Errorf("write rules: %w", err)
	}
	return text.Bytes(), nil
}
