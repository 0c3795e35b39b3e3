// Package defaults holds the configuration that pocctl is built with.
package defaults

import "embed"

// Files is the folder config of the source tree.
//
//go:embed environments slo.yaml feature-flags.yaml
var Files embed.FS
