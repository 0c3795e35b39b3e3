// Package config reads environments, objectives and feature flags into typed
// values, and refuses what it does not know. It is the only user of viper.
package config

import "time"

// Kind says what an environment runs on.
type Kind string

// The kinds of environments.
const (
	KindLocal Kind = "local" // Kubernetes inside the binary
	KindKind  Kind = "kind"
	KindAWS   Kind = "aws"
)

// Environment is one file of config/environments.
type Environment struct {
	// Name is the file's name without its extension.
	Name string `json:"-"`
	Kind Kind   `json:"kind"`
	// Budget is the goal for the whole of `up`; 60 minutes by default.
	Budget time.Duration `json:"budget"`
	// Namespace is where releases go unless they say otherwise.
	Namespace string   `json:"namespace"`
	Ingress   Ingress  `json:"ingress"`
	Auth      Auth     `json:"auth"`
	Postgres  Postgres `json:"postgres"`
	// AWS is for kind aws, and nil for any other.
	AWS *AWS `json:"aws"`
	// Images maps an image name to a program on this machine (local only).
	Images map[string]Image `json:"images"`
	// Secrets are made, with random values, before the releases that use them.
	Secrets  []Secret  `json:"secrets"`
	Releases []Release `json:"releases"`
	// Endpoints are more addresses that people use, by name, for results and
	// `pocctl status`.
	Endpoints map[string]string `json:"endpoints"`
	// Absent are parts that other environments have and this one can't, by name, with
	// what to do instead, for `pocctl status`.
	Absent map[string]string `json:"absent"`
	Smoke  Smoke             `json:"smoke"`
	Canary Canary            `json:"canary"`
	Alerts Alerts            `json:"alerts"`
	Load   Load              `json:"load"`
}

// Ingress is where HTTP enters the environment.
type Ingress struct {
	// Address is host:port on loopback; the next free port is taken if it is busy.
	Address string `json:"address"`
}

// Postgres says where the local environment finds the server's programs.
type Postgres struct {
	// Directory holds postgres and initdb; empty searches PATH and the usual places.
	Directory string `json:"directory"`
}

// AWS says where in AWS the environment is, and what its root module is told.
type AWS struct {
	// Account is the id, twelve digits, of the only account that is touched.
	Account string `json:"account"`
	// Region is a region's name: "eu-west-1".
	Region string `json:"region"`
	// Domain is what people use: "staging.example.com".
	Domain string `json:"domain"`
	// Root is the folder of modules/roots; the environment's name by default.
	Root string `json:"root"`
	// StateBucket holds Terraform's state; "pocctl-state-ACCOUNT-REGION" by default.
	StateBucket string `json:"stateBucket"`
	// Resolver is the name server, host:port, that is asked whether the internet knows
	// Domain; the machine's own if empty.
	Resolver string `json:"resolver"`
	// Protected data outlives mistakes, and `down` wants --force.
	Protected bool `json:"protected"`
	// Variables are the root module's, beside those that follow from the keys above.
	Variables map[string]any `json:"variables"`
}

// Image is a program of this machine that stands for a container image.
type Image struct {
	Program string            `json:"program"` // absolute, or relative to the environment's file
	Args    []string          `json:"args"`
	Env     map[string]string `json:"env"`
}

// Secret is a Secret of the environment's namespace whose values are made up on
// the first run and kept with the data that they guard.
type Secret struct {
	Name string   `json:"name"`
	Keys []string `json:"keys"` // each gets a random password
}

// Release is one Helm release of the environment.
type Release struct {
	Name  string `json:"name"`
	Chart string `json:"chart"` // "backend" for charts/backend, a path, or a name in Repository
	// Repository is where the chart is fetched from, "https://…" or "oci://…"; empty
	// where it is built in or on this machine. Version is then the exact one, and
	// Digest the archive's, "sha256:…", if it is pinned too.
	Repository string         `json:"repository"`
	Version    string         `json:"version"`
	Digest     string         `json:"digest"`
	Namespace  string         `json:"namespace"`
	DependsOn  []string       `json:"dependsOn"` // other releases' names, or Definitions
	Values     map[string]any `json:"values"`
	Timeout    time.Duration  `json:"timeout"`
	Budget     time.Duration  `json:"budget"`
}

// Definitions is what a release depends on that needs the custom resource
// definitions and nothing else. Those that depend on anything have them.
const Definitions = "definitions"

// Smoke says what the smoke phase calls.
type Smoke struct {
	// Release is the release that serves the synthetic transaction; empty leaves it out.
	Release string `json:"release"`
	// Path is the API's base path through the ingress, for example "/api/v1".
	Path string `json:"path"`
}

// Canary says which release is delivered step by step. Its chart makes a Rollout of
// the release's name.
type Canary struct {
	// Release is the one; empty leaves the phase out.
	Release string `json:"release"`
	// Prometheus names the endpoint that its figures are read from; "prometheus" by
	// default.
	Prometheus string `json:"prometheus"`
	// Rate is the load that pocctl sends meanwhile, in requests a second; 0 where
	// people send enough.
	Rate int `json:"rate"`
	// Samples is how many requests each version has to answer for a verdict; 100 by
	// default.
	Samples int `json:"samples"`
	// MemoryGrowth is by how much the memory of a pod may grow, in MiB a second over
	// half a minute or longer; 4 by default, 0 does not judge it.
	MemoryGrowth float64 `json:"memoryGrowth"`
}

// Alerts says where alerts come to, and whether faults may be made to try them.
type Alerts struct {
	// Inbox names the endpoint of the inbox that is told of every alert; "alerts" by
	// default.
	Inbox string `json:"inbox"`
	// Alertmanager names the endpoint of Alertmanager's API, which is asked for silence
	// while things are broken on purpose; "alertmanager" by default.
	Alertmanager string `json:"alertmanager"`
	// Drill allows `verify --alerts` to break things on purpose. Production leaves it
	// out.
	Drill bool `json:"drill"`
}

// Load is the default load of `verify --slo`.
type Load struct {
	Rate     int           `json:"rate"` // requests a second
	Duration time.Duration `json:"duration"`
	Warmup   time.Duration `json:"warmup"`
	Path     string        `json:"path"` // base path through the ingress
}
