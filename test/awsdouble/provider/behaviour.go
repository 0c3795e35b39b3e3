package provider

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// table says what the schema does not: see its head.
//
//go:embed behaviour.yaml
var table []byte

// behaviour is what a type of resource does.
type behaviour struct {
	ID       string         `yaml:"id"`       // a template, see values.go; the generic one if empty
	Values   map[string]any `yaml:"values"`   // templates of what the provider computes
	Defaults map[string]any `yaml:"defaults"` // of optional arguments, in the plan already
	Replace  []string       `yaml:"replace"`  // arguments whose change needs a new resource: "name" or "vpc_config.0.subnet_ids"
	Recount  []string       `yaml:"recount"`  // computed attributes that every update changes
	Unique   []string       `yaml:"unique"`   // arguments that no two resources may share
	Taken    string         `yaml:"taken"`    // the code for one that does
	Quota    string         `yaml:"quota"`    // the code when there are too many
	Held     string         `yaml:"held"`     // the code when something still uses it at its deletion
	Create   time.Duration  `yaml:"create"`   // how long it usually takes
	Update   time.Duration  `yaml:"update"`
	Delete   time.Duration  `yaml:"delete"`
	API      string         `yaml:"api"` // "EC2 CreateVpc", for errors; the generic one if empty
}

// behaviours reads the table.
func behaviours() (map[string]behaviour, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(table))
	decoder.KnownFields(true)
	var all map[string]behaviour
	if err := decoder.Decode(&all); err != nil {
		return nil, fmt.Errorf("read the double's behaviour: %w", err)
	}
	return all, nil
}

// of is a type's behaviour, with what goes for every type.
func (s *Server) of(kind string) behaviour {
	own, listed := s.behaviours[kind]
	if !listed {
		own.Replace = []string{"name", "name_prefix", "vpc_id", "availability_zone", "cluster_name", "bucket", "role"}
		if strings.HasSuffix(kind, "_attachment") || strings.HasSuffix(kind, "_association") {
			own.Replace = append(own.Replace, "*")
		}
	}
	own.Replace = append(own.Replace, "region")
	if own.Create == 0 {
		own.Create = 2 * time.Second
	}
	if own.Update == 0 {
		own.Update = min(own.Create, time.Minute)
	}
	if own.Delete == 0 {
		own.Delete = own.Create
	}
	return own
}
