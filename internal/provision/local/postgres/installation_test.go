//go:build linux

package postgres

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
)

// fake makes a directory of programs that say their versions.
func fake(t *testing.T, directory, server, creator string) string {
	t.Helper()
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, version := range map[string]string{"postgres": server, "initdb": creator} {
		script := fmt.Sprintf("#!/bin/sh\necho '%s (PostgreSQL) %s (Debian)'\n", name, version)
		if err := os.WriteFile(filepath.Join(directory, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func TestFindInDirectory(t *testing.T) {
	tests := []struct {
		name            string
		server, creator string
		major           int
		want            string // version, or a part of the error
		fails           bool
	}{
		{name: "good", server: "16.4", creator: "16.4", want: "16.4"},
		{name: "of two versions", server: "16.4", creator: "15.2", want: "postgres 16.4 and initdb 15.2", fails: true},
		{name: "too old", server: "9.6.24", creator: "9.6.24", want: "12 is the oldest", fails: true},
		{name: "another major", server: "16.4", creator: "16.4", major: 15, want: "Postgres 15", fails: true},
		{name: "talks nonsense", server: "x", creator: "x", want: "of its version", fails: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			directory := fake(t, t.TempDir(), test.server, test.creator)
			found, err := Find(t.Context(), FindOptions{Directory: directory, Major: test.major})
			if test.fails {
				var missing *fault.Error
				if !errors.As(err, &missing) || missing.Code != fault.PostgresMissing || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
				return
			}
			if err != nil || found.Version != test.want || found.BinDir != directory {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
}

func TestFindTellsWhatACopyLacks(t *testing.T) {
	directory := fake(t, t.TempDir(), "16.4", "16.4")
	script := "#!/bin/sh\ncase $1 in --show) echo POSTGRES_BKI=/usr/share/none/postgres.bki;; *) echo 'initdb (PostgreSQL) 16.4';; esac\n"
	if err := os.WriteFile(filepath.Join(directory, "initdb"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Find(t.Context(), FindOptions{Directory: directory})
	if err == nil || !strings.Contains(err.Error(), "does not find /usr/share/none/postgres.bki") {
		t.Errorf("error %v", err)
	}
}

func TestFindOnThisMachine(t *testing.T) {
	found, err := Find(t.Context(), FindOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if found.Major < oldest {
		t.Errorf("found %+v", found)
	}
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := os.Stat(found.Program(program)); err != nil {
			t.Error(err)
		}
	}
}

func TestFindTakesTheNewestThatFits(t *testing.T) {
	cache := t.TempDir()
	fake(t, filepath.Join(cache, "postgres", "98.1", "bin"), "98.1", "98.1")
	fake(t, filepath.Join(cache, "postgres", "98.10", "bin"), "98.10", "98.10")
	fake(t, filepath.Join(cache, "postgres", "97.2", "bin"), "97.2", "97.2")
	fake(t, filepath.Join(cache, "postgres", "99.0"+partial, "bin"), "99.0", "99.0")
	for major, want := range map[int]string{0: "98.10", 98: "98.10", 97: "97.2"} {
		found, err := Find(t.Context(), FindOptions{CacheDir: cache, Major: major})
		if err != nil || found.Version != want {
			t.Errorf("major %d: found %+v, %v", major, found, err)
		}
	}
}

// bare leaves the machine without a Postgres.
func bare(t *testing.T) FindOptions {
	t.Helper()
	return FindOptions{CacheDir: t.TempDir(), FetchTimeout: 20 * time.Second}
}

func TestFetch(t *testing.T) {
	programs, err := os.ReadFile("testdata/programs.txz")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".jar") {
			http.NotFound(w, r)
			return
		}
		asked++
		archive := zip.NewWriter(w)
		file, _ := archive.Create("postgres.txz")
		_, _ = file.Write(programs)
		_ = archive.Close()
	}))
	defer repository.Close()
	options := bare(t)
	options.Repository = repository.URL
	found, err := fetch(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if found.Version != "17.5" || !strings.HasPrefix(found.BinDir, options.CacheDir) {
		t.Errorf("fetched %+v", found)
	}
	if again, err := Find(t.Context(), FindOptions{CacheDir: options.CacheDir, Major: 17}); err != nil || again.Major != 17 {
		t.Errorf("found %+v, %v", again, err)
	}
	if asked != 1 {
		t.Errorf("the archive was asked for %d times", asked)
	}
	leftovers, _ := filepath.Glob(filepath.Join(options.CacheDir, "postgres", "*"+partial))
	if len(leftovers) != 0 {
		t.Errorf("left behind: %v", leftovers)
	}
}

func TestFetchFails(t *testing.T) {
	silence := make(chan struct{})
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"not there", http.NotFound, "no version found"},
		{"no archive", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "hello") }, "checksums do not match"},
		{"no answer", func(http.ResponseWriter, *http.Request) { <-silence }, context.DeadlineExceeded.Error()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			repository := httptest.NewServer(test.handler)
			options := bare(t)
			options.Repository = repository.URL
			if test.name == "no answer" {
				options.FetchTimeout = 200 * time.Millisecond
			}
			_, err := fetch(t.Context(), options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if found, _ := filepath.Glob(filepath.Join(options.CacheDir, "postgres", "*", "bin")); len(found) != 0 {
				t.Errorf("half a Postgres: %v", found)
			}
			repository.CloseClientConnections()
		})
	}
	close(silence)
}

func TestSocketPathTooLong(t *testing.T) {
	short := strings.Join(serverArguments("/data", "127.0.0.1"), " ")
	if !strings.Contains(short, "unix_socket_directories=/data ") {
		t.Error(short)
	}
	long := strings.Join(serverArguments("/"+strings.Repeat("x", 95), "127.0.0.1"), " ")
	if !strings.Contains(long, "unix_socket_directories= ") {
		t.Error(long)
	}
}
