//go:build linux

package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// settings are what the container's environment says.
type settings struct {
	data       string
	user       string
	password   string
	database   string
	initdbArgs []string
	hostMethod string // how clients by TCP prove who they are
}

const passwordMethod = "scram-sha-256" //nolint:gosec // a method

func readSettings(lookup func(string) (string, bool)) (settings, error) {
	s := settings{data: defaultData, user: "postgres"}
	if data, _ := lookup("PGDATA"); data != "" {
		s.data = data
	}
	for _, read := range []struct {
		name string
		into *string
	}{
		{"POSTGRES_USER", &s.user}, {"POSTGRES_PASSWORD", &s.password}, {"POSTGRES_DB", &s.database},
		{"POSTGRES_HOST_AUTH_METHOD", &s.hostMethod},
	} {
		value, err := valueOrFile(lookup, read.name)
		if err != nil {
			return settings{}, err
		}
		if value != "" {
			*read.into = value
		}
	}
	if s.database == "" {
		s.database = s.user
	}
	if s.hostMethod == "" {
		s.hostMethod = passwordMethod
	}
	for _, name := range []string{s.user, s.database, s.hostMethod} {
		if strings.ContainsFunc(name, unicode.IsControl) {
			return settings{}, fmt.Errorf("the name %q holds a control character", name)
		}
	}
	arguments, _ := lookup("POSTGRES_INITDB_ARGS")
	s.initdbArgs = strings.Fields(arguments)
	return s, nil
}

// valueOrFile reads NAME, or the file that NAME_FILE names.
func valueOrFile(lookup func(string) (string, bool), name string) (string, error) {
	value, _ := lookup(name)
	path, _ := lookup(name + "_FILE")
	switch {
	case path == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("%s and %s_FILE are both set; set one", name, name)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read %s_FILE: %w", name, err)
	}
	// As the shell's $(< file) does.
	return strings.TrimRight(string(content), "\n"), nil
}

// needsPassword is asked before a new database is made.
func (s settings) needsPassword() error {
	if s.password == "" && s.hostMethod != "trust" {
		return errors.New("a new database needs a password: set POSTGRES_PASSWORD")
	}
	return nil
}

// longestSocket is the longest path of a Unix socket on Linux.
const longestSocket = 107

// serverArguments keep the server small and to itself; the container's own
// arguments come later and win.
func serverArguments(data, address string) []string {
	sockets := data
	if len(filepath.Join(data, ".s.PGSQL.65535")) > longestSocket {
		sockets = "" // reached by TCP alone
	}
	var arguments []string
	for _, setting := range slices.Concat([]string{
		"listen_addresses=" + address,
		"unix_socket_directories=" + sockets,
		"unix_socket_permissions=0700",
	}, smallSettings()) {
		arguments = append(arguments, "-c", setting)
	}
	return arguments
}

// smallSettings suit one service on one machine. What durability rests on (fsync,
// full_page_writes, synchronous_commit) stays on.
func smallSettings() []string {
	return []string{
		"shared_buffers=32MB",
		"max_connections=100",
		"work_mem=2MB",
		"maintenance_work_mem=32MB",
		"min_wal_size=32MB",
		"max_wal_size=256MB",
		"max_parallel_workers_per_gather=0",
		"max_parallel_maintenance_workers=0",
		"max_logical_replication_workers=0",
		"autovacuum_max_workers=2",
		"jit=off",
		"huge_pages=off",
		// In the data directory, so that a kill leaves nothing elsewhere.
		"dynamic_shared_memory_type=mmap",
	}
}
