//go:build linux

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	embedded "github.com/fergusstrange/embedded-postgres"
)

const (
	fetchedVersion = embedded.V17
	partial        = ".partial"
)

// fetch puts a Postgres into the cache, whole or not at all.
func fetch(ctx context.Context, options FindOptions) (Installation, error) {
	home := filepath.Join(options.CacheDir, "postgres", string(fetchedVersion))
	unpacked := home + partial
	if err := errors.Join(os.RemoveAll(unpacked), os.MkdirAll(unpacked, 0o755)); err != nil { //nolint:gosec // pods of any user run it
		return Installation{}, fmt.Errorf("fetch Postgres: %w", err)
	}
	defer os.RemoveAll(unpacked)

	config := embedded.DefaultConfig().
		Version(fetchedVersion).
		CachePath(filepath.Join(unpacked, "archive")).
		BinariesPath(filepath.Join(unpacked, "programs")).
		RuntimePath(filepath.Join(unpacked, "runtime")).
		// The library fetches only on its way to start a server. A data directory
		// that cannot be made ends it once the programs are unpacked.
		DataPath(filepath.Join(os.DevNull, "none")).
		Port(0).
		Logger(io.Discard)
	if options.Repository != "" {
		config = config.BinaryRepositoryURL(options.Repository)
	}

	timeout := options.FetchTimeout
	if timeout <= 0 {
		timeout = 3 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- embedded.NewDatabase(config).Start() }() // takes no context
	var outcome error
	select {
	case outcome = <-ended:
	case <-ctx.Done():
		return Installation{}, fmt.Errorf("fetch Postgres %s: %w", fetchedVersion, ctx.Err())
	}
	if _, err := inspect(ctx, filepath.Join(unpacked, "programs", "bin")); err != nil {
		return Installation{}, fmt.Errorf("fetch Postgres %s: %w", fetchedVersion, outcome)
	}
	if err := addReady(filepath.Join(unpacked, "programs", "bin")); err != nil {
		return Installation{}, fmt.Errorf("fetch Postgres: %w", err)
	}
	// What is there is broken, or it would have been found.
	err := errors.Join(os.RemoveAll(home), os.Rename(filepath.Join(unpacked, "programs"), home))
	if err != nil {
		return Installation{}, fmt.Errorf("fetch Postgres: %w", err)
	}
	return inspect(ctx, filepath.Join(home, "bin"))
}
