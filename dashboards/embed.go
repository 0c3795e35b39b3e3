// Package dashboards holds the dashboards for Grafana, so that a downloaded binary
// needs no checkout.
package dashboards

import "embed"

//go:generate go run ../internal/verify/dashboards/generate .

// Files holds one JSON file a dashboard, generated from the objectives.
//
//go:embed *.json
var Files embed.FS
