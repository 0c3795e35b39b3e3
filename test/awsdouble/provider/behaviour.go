package provider

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// tables say what the schema does not: how the provider makes identifiers and
// computed values, what it defaults, what forces a new resource, and how long
// things usually take. Types that are in none get plausible values by the names of
// their attributes. Sources: the provider's documentation, and AWS' own.
//
//go:embed behaviour/*.yaml
var tables embed.FS

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
	Lingers  string         `yaml:"lingers"`  // the argument with the days for which it stays once deleted; 0 for none
	Create   time.Duration  `yaml:"create"`   // how long it usually takes
	Update   time.Duration  `yaml:"update"`
	Delete   time.Duration  `yaml:"delete"`
	API      string         `yaml:"api"` // "EC2 CreateVpc", for errors; the generic one if empty
}

// behaviours reads the tables.
func behaviours() (map[string]behaviour, error) {
	files, err := tables.ReadDir("behaviour")
	if err != nil {
		return nil, err
	}
	all := map[string]behaviour{}
	for _, file := range files {
		text, err := tables.ReadFile("behaviour/" + file.Name())
		if err != nil {
			return nil, err
		}
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		decoder.KnownFields(true)
		if err := decoder.Decode(&all); err != nil {
			return nil, fmt.Errorf("read the double's behaviour, %s: %w", file.Name(), err)
		}
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
