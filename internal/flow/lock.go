package flow

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pocctl/pocctl/internal/fault"
)

// Holder says who holds an environment.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"` // "up"
	User    string    `json:"user"`
	Host    string    `json:"host"`
	Since   time.Time `json:"since"`
}

// NewHolder describes this process.
func NewHolder(command string) Holder {
	// A name that cannot be found out is worth no error here.
	host, _ := os.Hostname()
	user := os.Getenv("USER")
	if user == "" {
		user = fmt.Sprintf("user %d", os.Getuid())
	}
	return Holder{PID: os.Getpid(), Command: command, User: user, Host: host, Since: time.Now().UTC()}
}

// String names the holder: "pocctl up (process 42 of ada on box, since 10:04:05 UTC)".
func (h Holder) String() string {
	if h.PID == 0 {
		return "another pocctl"
	}
	return fmt.Sprintf("pocctl %s (process %d of %s on %s, since %s UTC)",
		h.Command, h.PID, h.User, h.Host, h.Since.UTC().Format(time.TimeOnly))
}

// Lock keeps other runs off an environment while this process lives: the kernel
// frees it even on kill -9. Children do not inherit it.
type Lock struct{ file *os.File }

// Acquire takes the lock of environment env, whose state directory is dir. If
// another process has it, the error is fault.EnvironmentHeld and names the holder.
func Acquire(dir, env string, holder Holder) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(dir, err)
	}
	path := filepath.Join(dir, "lock")
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, unusable(dir, err)
		}
		current, err := take(file, path)
		if errors.Is(err, unix.EWOULDBLOCK) {
			other := readHolder(file)
			return nil, errors.Join(fault.New(fault.EnvironmentHeld, "env", env, "holder", other), file.Close())
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
		if !current { // its last holder removed it meanwhile
			if err := file.Close(); err != nil {
				return nil, fmt.Errorf("lock %s: %w", path, err)
			}
			continue
		}
		// A full disk leaves the holder unnamed: it must not stand in the way of
		// taking the environment down.
		if err := writeHolder(file, holder); err != nil && !full(err) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
		return &Lock{file: file}, nil
	}
}

// unusable says why nothing can be made in dir.
func unusable(dir string, cause error) error {
	if full(cause) {
		return fault.New(fault.StateDirFull, "path", dir, "free", "no space", "needed", "2 GB").Because(cause)
	}
	return fault.New(fault.StateDirUnwritable, "path", dir).Because(cause)
}

func full(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// Release frees the environment.
func (l *Lock) Release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("release lock: %w", err)
	}
	return nil
}

// Remove deletes the lock's file and frees the environment: for `down`, which
// leaves no file behind.
func (l *Lock) Remove() error {
	if err := os.Remove(l.file.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("remove lock: %w", err), l.Release())
	}
	return l.Release()
}

// take locks file and says whether it still is the one at path.
func take(file *os.File, path string) (current bool, err error) {
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return false, err
	}
	mine, err := file.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return os.SameFile(mine, named), nil
}

func readHolder(file *os.File) Holder {
	var holder Holder
	// The holder may be about to write its name; then it stays unnamed.
	if err := json.NewDecoder(file).Decode(&holder); err != nil {
		return Holder{}
	}
	return holder
}

func writeHolder(file *os.File, holder Holder) error {
	text, err := json.Marshal(holder)
	if err != nil {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	return err
}
