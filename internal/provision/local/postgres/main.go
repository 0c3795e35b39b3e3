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
	"strings"
	"syscall"
	"time"

	"github.com/pocctl/pocctl/internal/provision/local/process"
)

// StopSignal is how Postgres is asked to end, as in the official image: it ends
// at once and cleanly. On SIGTERM it would wait for its clients to leave.
const StopSignal = syscall.SIGINT

// defaultData is the official image's data directory.
const defaultData = "/var/lib/postgresql/data"

// Options of the image.
type Options struct {
	// Args are the container's arguments: "postgres" and its own, or just those,
	// or another program of Postgres with its.
	Args []string
	// Lookup reads the container's environment; the official image's variables
	// POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB (each also with _FILE),
	// POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD and PGDATA are honoured.
	// Default os.LookupEnv.
	Lookup func(name string) (string, bool)
	// Find says where to look for Postgres.
	Find FindOptions
	// Address to listen on; default 127.0.0.1.
	Address string
	// Log takes what is said before Postgres itself speaks; default os.Stderr.
	Log io.Writer
	// LockWait bounds the wait for another Postgres to let go of the data
	// directory; default 30 s.
	LockWait time.Duration
}

// Main does what the official image's entry point does, then becomes the server.
// It returns only when it cannot.
//
// A data directory is made whole or not at all: killed at any moment, the next
// start begins anew or goes on. Differences to the image: scripts in
// /docker-entrypoint-initdb.d are not run, POSTGRES_INITDB_ARGS is split at
// spaces, and the settings are small ones.
func Main(ctx context.Context, options Options) error {
	if options.Lookup == nil {
		options.Lookup = os.LookupEnv
	}
	if options.Log == nil {
		options.Log = os.Stderr
	}
	if options.Address == "" {
		options.Address = "127.0.0.1"
	}
	args := options.Args
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		args = append([]string{"postgres"}, args...)
	}
	if args[0] != "postgres" {
		return other(ctx, options, args)
	}
	if os.Geteuid() == 0 {
		return errors.New("start Postgres: it refuses to run as root; give the pod another user with runAsUser")
	}
	return server(ctx, options, args[1:])
}

// server prepares the data directory and becomes postgres.
func server(ctx context.Context, options Options, args []string) error {
	settings, err := readSettings(options.Lookup)
	if err != nil {
		return fmt.Errorf("start Postgres: %w", err)
	}
	data, err := filepath.Abs(settings.data)
	if err != nil {
		return fmt.Errorf("start Postgres: %w", err)
	}
	settings.data = data
	installation, err := matching(ctx, options.Find, data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	held, err := lock(ctx, data, options)
	if err != nil {
		return err
	}
	if err := initialise(ctx, installation, settings, held, options.Log); err != nil {
		return err
	}
	if err := mendLockFile(data, options.Log); err != nil {
		return err
	}
	// Held on by the server and all its children, until the last has ended.
	if err := keepOpen(held); err != nil {
		return fmt.Errorf("hold the data directory: %w", err)
	}
	arguments := append([]string{"postgres", "-D", data}, serverArguments(data, options.Address)...)
	return become(installation, installation.Program("postgres"), append(arguments, args...), data)
}

// other becomes another program, one of Postgres' own first.
func other(ctx context.Context, options Options, args []string) error {
	installation, err := Find(ctx, options.Find)
	if err != nil {
		return err
	}
	program := installation.Program(filepath.Base(args[0]))
	switch _, err := os.Stat(program); {
	case filepath.Base(args[0]) == readyProgram && (err != nil || isOurs(program)):
		// A fetched Postgres comes without.
		os.Exit(Ready(ctx, args[1:], options.Lookup, options.Log)) //nolint:forbidigo // its code is the answer
	case err != nil:
		if program, err = exec.LookPath(args[0]); err != nil {
			return fmt.Errorf("run %s: %w", args[0], err)
		}
	}
	data, known := options.Lookup("PGDATA")
	if !known {
		data = defaultData
	}
	return become(installation, program, args, data)
}

func become(installation Installation, program string, args []string, data string) error {
	environment := append(os.Environ(),
		"PATH="+installation.BinDir+string(os.PathListSeparator)+os.Getenv("PATH"), "PGDATA="+data)
	if err := process.Become(program, args, environment); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
}
