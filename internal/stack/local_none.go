//go:build !linux || slim

package stack

import "github.com/pocctl/pocctl/internal/fault"

// newLocal refuses: this build has no Kubernetes inside.
func newLocal(Options) (platform, error) {
	return nil, fault.New(fault.PlatformUnsupported, "detail", "this build of pocctl leaves it out; it needs Linux")
}
