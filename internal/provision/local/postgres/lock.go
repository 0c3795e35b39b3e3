//go:build linux

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockFile is held by whoever works in the data directory. The server's children
// inherit it, so it is free only when the last of them has ended: an orphan that
// survived its killed server is waited for.
const lockFile = ".pocctl.lock"

func lock(ctx context.Context, data string, options Options) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(data, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	wait := options.LockWait
	if wait <= 0 {
		wait = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for said := false; ; said = true {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock the data directory: %w", err), file.Close())
		}
		if !said {
			_, _ = fmt.Fprintf(options.Log, "waiting for another Postgres to let go of %s\n", data)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(
				fmt.Errorf("another Postgres has held %s for %v: %w", data, wait, ctx.Err()), file.Close())
		case <-poll.C:
		}
	}
}

// keepOpen lets the file stay open over exec.
func keepOpen(file *os.File) error {
	_, err := unix.FcntlInt(file.Fd(), unix.F_SETFD, 0)
	return err
}

// mendLockFile deals with the postmaster.pid of a killed server. Postgres takes
// it for a running server's when its number has gone to another process of this
// user, and gives up on an empty one. We hold the lock, so no server that we
// started runs here.
//
// The number is replaced by ours, which Postgres knows to be stale, rather than
// the file removed: its other lines let Postgres see for itself whether a server
// of another's still uses the shared memory.
func mendLockFile(data string, log io.Writer) error {
	path := filepath.Join(data, "postmaster.pid")
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read postmaster.pid: %w", err)
	}
	first, rest, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		_, _ = fmt.Fprintln(log, "removing a broken postmaster.pid")
		return os.Remove(path)
	}
	if worksIn(pid, data) {
		return nil // started by hand; Postgres says so itself
	}
	renewed := path + ".new"
	mended := strconv.Itoa(os.Getpid()) + "\n" + rest
	if err := errors.Join(os.WriteFile(renewed, []byte(mended), 0o600), os.Rename(renewed, path)); err != nil {
		return fmt.Errorf("mend postmaster.pid: %w", err)
	}
	return nil
}

// worksIn says whether a process has the directory as its own, as every process
// of Postgres does.
func worksIn(pid int, directory string) bool {
	theirs, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	if err != nil {
		return false
	}
	ours, err := os.Stat(directory)
	return err == nil && os.SameFile(theirs, ours)
}
