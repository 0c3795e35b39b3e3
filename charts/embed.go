// Package charts holds the Helm charts of the stack, so that a downloaded
// binary needs no checkout.
package charts

import "embed"

//go:generate go run ../internal/verify/rules/generate prometheus/rules/objectives.yaml prometheus/drill/objectives.yaml backend/files/objectives.yaml
//go:generate go run ../internal/verify/dashboards/generate observability/dashboards

// Files holds one directory a chart: alertmanager, argo-rollouts, backend, blackbox, issuer, observability, policies, postgres, prometheus, redis, secrets.
//
//go:embed all:alertmanager all:argo-rollouts all:backend all:blackbox all:issuer all:observability all:policies all:postgres all:prometheus all:redis all:secrets
var Files embed.FS

// Definitions holds the custom resource definitions that the charts use, as YAML
// files under definitions, and without descriptions as JSON under definitions/brief. A build that was not made by make has none.
//
//go:embed all:definitions
var Definitions embed.FS
