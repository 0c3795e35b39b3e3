//go:build !linux

package doctor

import (
	"context"
	"errors"
	"runtime"

	"github.com/pocctl/pocctl/internal/fault"
)

func platform() Result {
	return fail(fault.New(fault.PlatformUnsupported, "detail", "it needs Linux, and this is "+runtime.GOOS))
}

func userNamespaces(context.Context) Result { return warn("there are none here", "run it on Linux") }

func availableMemory() (uint64, error) { return 0, errors.New("not measured on " + runtime.GOOS) }

func postgres(context.Context, string) Result { return warn("not looked for here", "run it on Linux") }
