//go:build linux

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pocctl/pocctl/internal/fault"
)

const (
	// versionFile is what makes a directory a database of Postgres. It is moved
	// in last.
	versionFile = "PG_VERSION"
	// workDir, in the data directory, is where a new database is made. While it
	// is there, nobody has been told that the database exists.
	workDir = ".initialising"
)

// matching finds the Postgres that the data directory needs: of the version that
// made it, or the newest for a new one.
func matching(ctx context.Context, options FindOptions, data string) (Installation, error) {
	content, err := os.ReadFile(filepath.Join(data, versionFile))
	if errors.Is(err, os.ErrNotExist) {
		return Find(ctx, options)
	}
	if err != nil {
		return Installation{}, fmt.Errorf("read the version of the database: %w", err)
	}
	made := strings.TrimSpace(string(content))
	major, err := strconv.Atoi(made)
	if err != nil {
		return Installation{}, fmt.Errorf("read the version of the database in %s: %q is none", data, made)
	}
	options.Major, options.Fetch = major, false
	installation, err := Find(ctx, options)
	if err != nil && options.Directory != "" {
		// The directory may have been chosen for its newest version.
		anywhere := options
		anywhere.Directory = ""
		installation, err = Find(ctx, anywhere)
	}
	if err == nil {
		return installation, nil
	}
	options.Major = 0
	if present, noneErr := Find(ctx, options); noneErr == nil {
		return Installation{}, fault.New(fault.PostgresVersion,
			"directory", data, "made", made, "present", present.Version)
	}
	return Installation{}, err
}

// initialise makes the database unless it is there.
func initialise(ctx context.Context, installation Installation, s settings, held *os.File, log io.Writer) error {
	work := filepath.Join(s.data, workDir)
	switch _, err := os.Stat(filepath.Join(s.data, versionFile)); {
	case err == nil:
		return os.RemoveAll(work) // empty by now
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("look into the data directory: %w", err)
	}
	if err := s.needsPassword(); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := clearUnfinished(s.data, log); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(log, "making a new database, Postgres %s, in %s\n", installation.Version, s.data)
	if err := os.Chmod(s.data, 0o700); err != nil { //nolint:gosec // a directory needs its x
		return fmt.Errorf("make the data directory private: %w; name a directory of its own below the volume with PGDATA", err)
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	for _, step := range []func() error{
		func() error { return initdb(ctx, installation, s, work, held) },
		func() error { return admitClients(work, s.hostMethod) },
		func() error { return createDatabase(ctx, installation, s, work, held) },
		func() error { return syncFiles(work) },
		func() error { return moveIn(s.data, work) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// clearUnfinished empties a directory in which a database was being made. It refuses one
// that holds anything else.
func clearUnfinished(data string, log io.Writer) error {
	entries, err := os.ReadDir(data)
	if err != nil {
		return fmt.Errorf("look into the data directory: %w", err)
	}
	interrupted := false
	var others []string
	for _, entry := range entries {
		switch entry.Name() {
		case lockFile, "lost+found":
		case workDir:
			interrupted = true
		default:
			others = append(others, entry.Name())
		}
	}
	if !interrupted && len(others) > 0 {
		return fmt.Errorf("make the database: %s holds %s and no database; empty it, or name another with PGDATA",
			data, strings.Join(others, ", "))
	}
	if !interrupted {
		return nil
	}
	_, _ = fmt.Fprintln(log, "making the database was interrupted; beginning anew")
	// The work directory goes last: while it is there, this can be done again.
	for _, name := range append(others, workDir) {
		if err := os.RemoveAll(filepath.Join(data, name)); err != nil {
			return fmt.Errorf("remove what was interrupted: %w", err)
		}
	}
	return nil
}

func initdb(ctx context.Context, installation Installation, s settings, work string, held *os.File) error {
	arguments := []string{
		"--pgdata=" + work, "--username=" + s.user, "--encoding=UTF8",
		"--auth-local=trust", "--auth-host=" + passwordMethod,
		"--text-search-config=english",
		"--no-sync", // the whole file system is synced before it counts
	}
	if s.password != "" {
		file, err := passwordFile(s.password)
		if err != nil {
			return fmt.Errorf("make the database: %w", err)
		}
		defer file.Close()
		// The second of the extra files, which begin at 3.
		arguments = append(arguments, "--pwfile=/proc/self/fd/4")
		return runInitdb(ctx, installation, arguments, s.initdbArgs, work, held, file)
	}
	return runInitdb(ctx, installation, arguments, s.initdbArgs, work, held)
}

// runInitdb takes the locale C.UTF-8, or C where the machine has not got it.
func runInitdb(ctx context.Context, installation Installation, arguments, own []string, work string, files ...*os.File) error {
	var err error
	for _, locale := range []string{"C.UTF-8", "C"} {
		all := append(append(append([]string{}, arguments...), "--locale="+locale), own...)
		if err = start(ctx, exec.CommandContext(ctx, installation.Program("initdb"), all...), files...); err == nil {
			return nil
		}
		if !strings.Contains(err.Error(), "locale") {
			break
		}
		if err := errors.Join(os.RemoveAll(work), os.Mkdir(work, 0o700)); err != nil {
			return fmt.Errorf("make the database: %w", err)
		}
	}
	return fmt.Errorf("make the database: %w", err)
}

// passwordFile holds the password in memory, so that it never is on a disk.
func passwordFile(password string) (*os.File, error) {
	descriptor, err := unix.MemfdCreate("password", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(descriptor), "password")
	if _, err := file.WriteString(password + "\n"); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// admitClients lets clients in from anywhere; the server listens on loopback.
func admitClients(work, method string) error {
	file, err := os.OpenFile(filepath.Join(work, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	_, err = fmt.Fprintf(file, "\nhost all all all %s\n", method)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	return nil
}

// createDatabase uses the server without clients: no port, no waiting.
func createDatabase(ctx context.Context, installation Installation, s settings, work string, held *os.File) error {
	if s.database == "postgres" {
		return nil
	}
	command := exec.CommandContext(ctx, installation.Program("postgres"), "--single", "-D", work, "-F",
		"-c", "exit_on_error=true", "-c", "dynamic_shared_memory_type=mmap", "-c", "shared_buffers=8MB", "postgres")
	command.Stdin = strings.NewReader(`CREATE DATABASE "` + strings.ReplaceAll(s.database, `"`, `""`) + "\"\n")
	if err := start(ctx, command, held); err != nil {
		return fmt.Errorf("make the database %s: %w", s.database, err)
	}
	return nil
}

// start runs a step to its end. The step holds the lock with us (as its file 3),
// so that a step that outlives us keeps the next start waiting; and it dies with
// this thread.
func start(ctx context.Context, command *exec.Cmd, files ...*os.File) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var output strings.Builder
	command.Stdout, command.Stderr = &output, &output
	command.ExtraFiles = files
	command.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	knownUser(command)
	if err := command.Start(); err != nil {
		if command.SysProcAttr.Cloneflags != 0 {
			return fmt.Errorf("user %d is not in the machine's user database, and a user namespace cannot be had: %w", os.Geteuid(), err)
		}
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = command.Process.Kill() })
	defer stop()
	if err := command.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(output.String()))
	}
	return ctx.Err()
}

// syncFiles writes the file system's pending data to its disk.
func syncFiles(directory string) error {
	file, err := os.Open(directory)
	if err != nil {
		return fmt.Errorf("sync the database: %w", err)
	}
	defer file.Close()
	if err := unix.Syncfs(int(file.Fd())); err != nil {
		return fmt.Errorf("sync the database: %w", err)
	}
	return nil
}

// moveIn moves the database to its place. A database can be moved while it is
// not running.
func moveIn(data, work string) error {
	entries, err := os.ReadDir(work)
	if err != nil {
		return fmt.Errorf("move the database to its place: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		if entry.Name() != versionFile {
			names = append(names, entry.Name())
		}
	}
	for _, name := range append(names, versionFile) {
		if name == versionFile {
			// All else must be on the disk before the database counts.
			if err := syncFiles(data); err != nil {
				return err
			}
		}
		if err := os.Rename(filepath.Join(work, name), filepath.Join(data, name)); err != nil {
			return fmt.Errorf("move the database to its place: %w", err)
		}
	}
	if err := os.Remove(work); err != nil {
		return fmt.Errorf("move the database to its place: %w", err)
	}
	return syncFiles(data)
}
