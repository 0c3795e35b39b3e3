package load

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// kernelClock waits on a timerfd: the network poller wakes for it within tens of
// microseconds, where the runtime's own timers round up to a millisecond and
// would send requests in bursts.
type kernelClock struct {
	timer *os.File
	fd    int
}

// newClock gives the most precise clock there is, and what closes it.
func newClock() (clock, func()) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return timerClock{}, func() {}
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	return &kernelClock{timer: timer, fd: fd}, func() { _ = timer.Close() }
}

func (c *kernelClock) Now() time.Time { return time.Now() }

func (c *kernelClock) Until(ctx context.Context, t time.Time) (time.Time, error) {
	now := time.Now()
	wait := t.Sub(now)
	if wait <= 0 {
		return now, ctx.Err()
	}
	setting := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(wait))}
	if err := unix.TimerfdSettime(c.fd, 0, &setting, nil); err != nil {
		return timerClock{}.Until(ctx, t)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.timer.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var expirations [8]byte
	if _, err := c.timer.Read(expirations[:]); err != nil && ctx.Err() == nil {
		return timerClock{}.Until(ctx, t)
	}
	return time.Now(), ctx.Err()
}
