package rules

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/pocctl/pocctl/internal/config"
)

// Check is what the canary's analysis in the cluster asks Prometheus: the value of
// Query has to be below Limit. No value is a failure, and so is NaN.
type Check struct {
	Name  string  `yaml:"name"`
	Limit float64 `yaml:"limit"`
	// Query has the arguments {{args.namespace}}, {{args.canary}} (a pod template
	// hash) and {{args.window}} (a duration).
	Query string `yaml:"query"`
}

// of selects the canary's pods.
const ofCanary = `namespace="{{args.namespace}}",pod_template_hash="{{args.canary}}"`

// Checks gives those of the objectives that a canary's own pods tell of.
func Checks(objectives config.Objectives) []Check {
	var checks []Check
	requests := `sum(increase(http_server_request_duration_seconds_count{` + ofCanary + `,` + served + `}[{{args.window}}]))`
	for _, objective := range objectives {
		limit := objective.Limit.Value
		switch objective.Indicator {
		case config.ErrorRate:
			failed := `sum(increase(http_server_request_duration_seconds_count{` + ofCanary + `,` + served + `,error_type=~"5.."}[{{args.window}}]))`
			checks = append(checks, Check{objective.Name, limit / 100, fmt.Sprintf("(%s or 0 * %s) / (%s > 0)", failed, requests, requests)})
		case config.Latency:
			quick := `sum(increase(http_server_request_duration_seconds_bucket{` + ofCanary + `,` + served + `,le="` + seconds(limit) + `"}[{{args.window}}]))`
			checks = append(checks, Check{objective.Name, round(1 - objective.Quantile), fmt.Sprintf("(%s - %s) / (%s > 0)", requests, quick, requests)})
		case config.DatabaseConnections:
			pool := `{` + ofCanary + `,db_client_connection_pool_name="postgresql"`
			checks = append(checks, Check{objective.Name, limit / 100, `sum(avg_over_time(db_client_connection_count` + pool +
				`,db_client_connection_state="used"}[{{args.window}}])) / sum(avg_over_time(db_client_connection_max` + pool + `}[{{args.window}}]))`})
		default: // not of one version's pods, or too fine for so few requests
		}
	}
	return checks
}

// round leaves out the noise of binary fractions.
func round(share float64) float64 { return float64(int64(share*1e6+0.5)) / 1e6 }

// ChecksYAML writes them for the chart of the service.
func ChecksYAML(objectives config.Objectives) ([]byte, error) {
	text := bytes.NewBufferString("# Generated from config/slo.yaml by `make generate`; change that.\n")
	encoder := yaml.NewEncoder(text)
	encoder.SetIndent(2)
	if err := encoder.Encode(Checks(objectives)); err != nil {
		return nil, fmt.Errorf("write the checks of a canary: %w", err)
	}
	return text.Bytes(), nil
}
