//go:build linux

package runtime

import (
	"fmt"
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// openTerminal makes a terminal, which is given to its user if it is another.
func openTerminal(uid int, give bool) (master, slave *os.File, err error) {
	blocking, slave, err := pty.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	defer func() { _ = blocking.Close() }()
	if give {
		err = slave.Chown(uid, -1)
	}
	if err == nil {
		master, err = pollable(blocking)
	}
	if err != nil {
		_ = slave.Close()
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	return master, slave, nil
}

// pollable gives a copy on which reading ends with a deadline or a close, which
// the pty package's does not.
func pollable(file *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), file.Name()), nil
}

func resizeTerminal(terminal *os.File, sizes <-chan remotecommand.TerminalSize, done <-chan struct{}) {
	for {
		select {
		case size, open := <-sizes:
			if !open {
				return
			}
			if size.Width > 0 && size.Height > 0 {
				setSize(terminal, size)
			}
		case <-done:
			return
		}
	}
}

// setSize does without Fd, which would make the terminal block.
func setSize(terminal *os.File, size remotecommand.TerminalSize) {
	connection, err := terminal.SyscallConn()
	if err != nil {
		return
	}
	_ = connection.Control(func(fd uintptr) {
		_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
	})
}
