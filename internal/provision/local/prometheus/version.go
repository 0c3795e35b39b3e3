//go:build linux && !slim

package prometheus

import (
	"runtime/debug"
	"strings"
)

// moduleVersion is the version of Prometheus that is compiled in; "unknown" where
// the build does not tell, as in tests.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/prometheus/prometheus" {
			return release(module.Version)
		}
	}
	return "unknown"
}

// release gives the version that the module's stands for: v0.315.0 is 3.15.0.
func release(module string) string {
	parts := strings.Split(strings.TrimPrefix(module, "v"), ".")
	if len(parts) != 3 || parts[0] != "0" || len(parts[1]) != 3 {
		return module
	}
	minor := strings.TrimLeft(parts[1][1:], "0")
	if minor == "" {
		minor = "0"
	}
	return parts[1][:1] + "." + minor + "." + parts[2]
}
