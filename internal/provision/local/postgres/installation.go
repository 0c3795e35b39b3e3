//go:build linux

// Package postgres finds the machine's Postgres, or fetches one, and runs it the
// way the official container image does.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
)

// oldest is the oldest major version that is used.
const oldest = 12

// directories are where distributions and installers put the programs.
var directories = []string{
	"/usr/lib/postgresql/*/bin", // Debian, Ubuntu, Alpine
	"/usr/pgsql-*/bin",          // the PostgreSQL project's RPMs
	"/usr/lib/postgresql*/bin",  // SUSE, Gentoo
	"/usr/local/pgsql/bin",      // built from source
	"/opt/homebrew/opt/postgresql*/bin",
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
}

// FindOptions say where to look.
type FindOptions struct {
	// Directory holds postgres and initdb; if it is given, no other is looked at.
	Directory string
	// CacheDir is where a fetched Postgres is kept; empty for none.
	CacheDir string
	// Major asks for that major version alone; 0 takes the newest.
	Major int
	// Fetch allows a Postgres to be fetched into CacheDir when none is found.
	Fetch bool
	// Repository is the URL of a Maven repository to fetch from; empty for the
	// public one.
	Repository string
	// FetchTimeout bounds a fetch; default 3 min.
	FetchTimeout time.Duration
}

// Installation is a Postgres of this machine.
type Installation struct {
	BinDir  string
	Version string // "15.18"
	Major   int
}

// Program gives the path of one of its programs.
func (i Installation) Program(name string) string { return filepath.Join(i.BinDir, name) }

// Find gives the newest usable Postgres. The error is a fault.PostgresMissing
// when there is none.
func Find(ctx context.Context, options FindOptions) (Installation, error) {
	var best Installation
	var reasons []error
	for _, directory := range candidates(options) {
		found, err := inspect(ctx, directory)
		if err != nil {
			if !errors.Is(err, os.ErrNotExist) || options.Directory != "" {
				reasons = append(reasons, err)
			}
			continue
		}
		wanted := options.Major == 0 || found.Major == options.Major
		if wanted && newer(found.Version, best.Version) {
			best = found
		}
	}
	if best.BinDir != "" {
		return best, nil
	}
	if options.Fetch && options.Directory == "" && options.CacheDir != "" && options.Major == 0 {
		fetched, err := fetch(ctx, options)
		if err == nil {
			return fetched, nil
		}
		reasons = append(reasons, err)
	}
	missing := fault.New(fault.PostgresMissing, "wanted", wanted(options), "package", packageName(options.Major))
	if reason := errors.Join(reasons...); reason != nil {
		return Installation{}, missing.Because(reason)
	}
	return Installation{}, missing
}

func wanted(options FindOptions) string {
	what := "Postgres"
	if options.Major != 0 {
		what = fmt.Sprintf("Postgres %d", options.Major)
	}
	if options.Directory != "" {
		return what + " in " + options.Directory
	}
	return what + " on this machine"
}

func packageName(major int) string {
	if major == 0 {
		return "postgresql"
	}
	return fmt.Sprintf("postgresql-%d", major)
}

// candidates lists directories, distributions' before PATH's: /usr/local/bin may
// hold a copy that does not find its files.
func candidates(options FindOptions) []string {
	if options.Directory != "" {
		return []string{options.Directory}
	}
	var found []string
	for _, pattern := range directories {
		matches, _ := filepath.Glob(pattern) // the patterns are good
		found = append(found, matches...)
	}
	for _, directory := range filepath.SplitList(os.Getenv("PATH")) {
		// A link leads to the directory that has the others beside it.
		if program, err := filepath.EvalSymlinks(filepath.Join(directory, "postgres")); err == nil {
			found = append(found, filepath.Dir(program))
		}
	}
	if options.CacheDir != "" {
		matches, _ := filepath.Glob(filepath.Join(options.CacheDir, "postgres", "*", "bin"))
		found = append(found, matches...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(found, func(directory string) bool {
		known := seen[directory]
		seen[directory] = true
		return known || strings.Contains(directory, partial)
	})
}

// inspect says which Postgres a directory holds, if postgres and initdb work, are
// of one version, and find their files.
func inspect(ctx context.Context, directory string) (Installation, error) {
	server, err := version(ctx, filepath.Join(directory, "postgres"))
	if err != nil {
		return Installation{}, err
	}
	creator, err := version(ctx, filepath.Join(directory, "initdb"))
	if err != nil {
		return Installation{}, err
	}
	if server != creator {
		return Installation{}, fmt.Errorf("%s holds postgres %s and initdb %s", directory, server, creator)
	}
	major, _, _ := strings.Cut(server, ".")
	number, err := strconv.Atoi(major)
	if err != nil || number < oldest {
		return Installation{}, fmt.Errorf("%s holds Postgres %s; %d is the oldest that is used", directory, server, oldest)
	}
	if missing := missingFile(ctx, filepath.Join(directory, "initdb")); missing != "" {
		return Installation{}, fmt.Errorf("the Postgres in %s does not find %s", directory, missing)
	}
	return Installation{BinDir: directory, Version: server, Major: number}, nil
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+(?:\.\d+)*)`)

func version(ctx context.Context, program string) (string, error) {
	if _, err := os.Stat(program); err != nil {
		return "", err
	}
	output, err := run(ctx, exec.CommandContext(ctx, program, "--version"))
	if err != nil {
		return "", fmt.Errorf("run %s --version: %w", program, err)
	}
	match := versionPattern.FindStringSubmatch(output)
	if match == nil {
		return "", fmt.Errorf("%s says %q of its version", program, strings.TrimSpace(output))
	}
	return match[1], nil
}

var catalogPattern = regexp.MustCompile(`POSTGRES_BKI=(\S+)`)

// missingFile gives the path of the catalogue that initdb needs, if it isn't
// there. A initdb that does not tell, as one run by root, gets the benefit of the
// doubt.
func missingFile(ctx context.Context, initdb string) string {
	command := exec.CommandContext(ctx, initdb, "--show", "--pgdata=/nonexistent")
	knownUser(command)
	output, err := run(ctx, command)
	if err != nil {
		return ""
	}
	match := catalogPattern.FindStringSubmatch(output)
	if match == nil {
		return ""
	}
	if _, err := os.Stat(match[1]); err == nil {
		return ""
	}
	return match[1]
}

// run gives what a quick command writes, both streams.
func run(ctx context.Context, command *exec.Cmd) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	bounded := exec.CommandContext(ctx, command.Path, command.Args[1:]...)
	bounded.SysProcAttr = command.SysProcAttr
	bounded.Env = append(os.Environ(), "LC_ALL=C")
	output, err := bounded.CombinedOutput()
	return string(output), err
}

// newer compares dotted numbers; any is newer than none.
func newer(one, other string) bool {
	return slices.Compare(numbers(one), numbers(other)) > 0
}

func numbers(version string) []int {
	var list []int
	for part := range strings.SplitSeq(version, ".") {
		if number, err := strconv.Atoi(part); err == nil {
			list = append(list, number)
		}
	}
	return list
}
