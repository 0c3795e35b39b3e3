//go:build !linux

package load

// newClock gives the most precise clock there is, and what closes it.
func newClock() (clock, func()) { return timerClock{}, func() {} }
