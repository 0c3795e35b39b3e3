// Package forecast says how long Terraform will take: from the usual durations of
// resources by their type, and from what waits for what.
package forecast

import (
	"bytes"
	_ "embed" // the table
	"errors"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

//go:embed durations.yaml
var durations []byte

// Table holds usual durations.
type Table struct {
	// AsOf is the month that the figures are of: "2025-06".
	AsOf  string           `yaml:"asOf"`
	Usual Usual            `yaml:"usual"` // for types that are not listed
	Types map[string]Entry `yaml:"types"`
}

// Usual is how long a resource takes; zero means as in Table.Usual.
type Usual struct {
	Add     time.Duration `yaml:"add"`
	Change  time.Duration `yaml:"change"`
	Destroy time.Duration `yaml:"destroy"`
}

// Entry is what the table says of one type.
type Entry struct {
	Usual `yaml:",inline"`
	When  []Case `yaml:"when"` // the first that fits counts
}

// Case is what the table says of resources with a certain attribute.
type Case struct {
	Usual     `yaml:",inline"`
	Attribute string `yaml:"attribute"`
	Is        any    `yaml:"is"`
	Set       bool   `yaml:"set"` // any value will do
}

// Load reads the table that pocctl is built with.
func Load() (Table, error) { return parse(durations) }

func parse(data []byte) (Table, error) {
	var table Table
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&table); err != nil {
		return Table{}, fmt.Errorf("read the table of durations: %w", err)
	}
	if table.AsOf == "" || table.Usual.Add <= 0 || table.Usual.Change <= 0 || table.Usual.Destroy <= 0 {
		return Table{}, errors.New("read the table of durations: asOf or usual is missing")
	}
	return table, nil
}

// Of says how long what the plan does to resource usually takes.
func (t Table) Of(resource plan.Resource) time.Duration {
	attributes := resource.After
	if attributes == nil {
		attributes = resource.Before
	}
	entry := t.Types[resource.Type]
	usual := entry.Usual
	for _, one := range entry.When {
		value, present := attributes[one.Attribute]
		if present && (one.Set && value != nil && value != "" || !one.Set && value == one.Is) {
			usual = one.Usual
			break
		}
	}
	usual = usual.or(t.Usual)
	switch resource.Action {
	case plan.Add:
		return usual.Add
	case plan.Change:
		return usual.Change
	case plan.Destroy:
		return usual.Destroy
	case plan.Replace:
		return usual.Destroy + usual.Add
	default:
		return 0
	}
}

func (u Usual) or(other Usual) Usual {
	for _, pair := range []struct{ mine, others *time.Duration }{
		{&u.Add, &other.Add}, {&u.Change, &other.Change}, {&u.Destroy, &other.Destroy},
	} {
		if *pair.mine == 0 {
			*pair.mine = *pair.others
		}
	}
	return u
}
