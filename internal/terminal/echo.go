package terminal

import (
	"errors"
	"os"

	"github.com/charmbracelet/x/termios"
	"golang.org/x/sys/unix"
)

// muteEcho keeps keys from writing into the live view until restore is called.
// Ctrl-C stays a signal. A process in the background leaves the terminal alone:
// changing it would stop the process.
func muteEcho(in *os.File) (restore func()) {
	fd := int(in.Fd())
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || group != unix.Getpgrp() {
		return func() {}
	}
	if err := setEcho(fd, false); err != nil {
		return func() {}
	}
	return func() { _ = setEcho(fd, true) } // the terminal may be gone: nothing to mend
}

func setEcho(fd int, on bool) error {
	now, err := termios.GetTermios(fd)
	if err != nil {
		return err
	}
	if on == (now.Lflag&unix.ECHO != 0) {
		return errAsItIs
	}
	local := map[termios.L]bool{termios.ECHO: on}
	//nolint:unconvert // the types differ from system to system
	return termios.SetTermios(fd, uint32(now.Ispeed), uint32(now.Ospeed), nil, nil, nil, nil, local)
}

// errAsItIs keeps an echo that someone else has muted from being given back.
var errAsItIs = errors.New("the echo is so already")
