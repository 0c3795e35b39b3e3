//go:build linux

package runtime

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// The real-time signals as the C library counts them.
const (
	firstRealTime = 34
	lastRealTime  = 64
)

// stopSignal gives the number of the signal that the pod names, or else the
// image's, or else SIGTERM.
func stopSignal(signal runtimeapi.Signal, image syscall.Signal) syscall.Signal {
	if signal == runtimeapi.Signal_SIGNAL_RUNTIME_DEFAULT && image != 0 {
		return image
	}
	name := strings.TrimPrefix(signal.String(), "SIGNAL_")
	if number := unix.SignalNum(name); number != 0 {
		return number
	}
	// SIGRTMIN, SIGRTMINPLUS1 to 15, SIGRTMAXMINUS14 to 1, SIGRTMAX.
	if offset, found := strings.CutPrefix(name, "SIGRTMIN"); found {
		number, _ := strconv.Atoi(strings.TrimPrefix(offset, "PLUS"))
		return syscall.Signal(firstRealTime + number)
	}
	if offset, found := strings.CutPrefix(name, "SIGRTMAX"); found {
		number, _ := strconv.Atoi(strings.TrimPrefix(offset, "MINUS"))
		return syscall.Signal(lastRealTime - number)
	}
	return syscall.SIGTERM
}
