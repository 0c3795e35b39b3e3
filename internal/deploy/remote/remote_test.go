package remote_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/deploy/remote"
	"github.com/pocctl/pocctl/internal/fault"
)

const archive = "an archive"

// serve is a repository with one chart, whose index tells the digest told.
func serve(t *testing.T, told string) (address string, asked *int) {
	t.Helper()
	count := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count++
		switch r.URL.Path {
		case "/charts/index.yaml":
			_, _ = w.Write([]byte("apiVersion: v1\nentries:\n  small:\n    - {apiVersion: v2, name: small, version: 1.2.3, digest: \"" + told + "\", urls: [files/small-1.2.3.tgz]}\n"))
		case "/charts/files/small-1.2.3.tgz":
			_, _ = w.Write([]byte(archive))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/charts", &count
}

func code(err error) fault.Code {
	var known *fault.Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}

func TestFetch(t *testing.T) {
	directory := t.TempDir()
	address, asked := serve(t, "")
	source := remote.Source{Chart: "small", Repository: address, Version: "1.2.3"}
	if _, err := remote.Kept(source, directory); code(err) != fault.ChartUnavailable {
		t.Errorf("before it is fetched: %v", err)
	}
	path, err := remote.Fetch(t.Context(), source, directory)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := remote.Kept(source, directory); kept != path || err != nil {
		t.Errorf("kept: %s, %v", kept, err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != archive {
		t.Fatalf("%q, %v", got, err)
	}
	if again, err := remote.Fetch(t.Context(), source, directory); again != path || err != nil || *asked != 2 {
		t.Errorf("again: %s, %v, after %d requests", again, err, *asked)
	}
	if err := os.WriteFile(path, []byte("rotten"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Kept(source, directory); code(err) != fault.ChartUnavailable {
		t.Errorf("a rotten one is kept: %v", err)
	}
	if _, err := remote.Fetch(t.Context(), source, directory); err != nil || *asked != 4 {
		t.Errorf("a rotten one was not fetched again: %v, after %d requests", err, *asked)
	}
	told, err := os.ReadFile(path + ".digest")
	if err != nil {
		t.Fatal(err)
	}
	source.Digest = string(told)
	if _, err := remote.Fetch(t.Context(), source, directory); err != nil || *asked != 4 {
		t.Errorf("pinned: %v, after %d requests", err, *asked)
	}
	if files, _ := filepath.Glob(filepath.Join(directory, "*")); len(files) != 2 {
		t.Errorf("it keeps %v", files)
	}
}

func TestFetchRefuses(t *testing.T) {
	other := "sha256:" + strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		told   string
		change func(*remote.Source)
		code   fault.Code
		says   string
	}{
		"no such version":   {"", func(s *remote.Source) { s.Version = "9.9.9" }, fault.ChartUnavailable, "has no such chart"},
		"no such chart":     {"", func(s *remote.Source) { s.Chart = "other" }, fault.ChartUnavailable, "has no such chart"},
		"a range":           {"", func(s *remote.Source) { s.Version = "^1" }, fault.ChartUnavailable, "has version 1.2.3 instead"},
		"no repository":     {"", func(s *remote.Source) { s.Repository += "/none" }, fault.ChartUnavailable, "404"},
		"nobody answers":    {"", func(s *remote.Source) { s.Repository = "http://127.0.0.1:1" }, fault.ChartUnavailable, "connection refused"},
		"no registry":       {"", func(s *remote.Source) { s.Repository = "oci://127.0.0.1:1/charts" }, fault.ChartUnavailable, "connection refused"},
		"index disagrees":   {strings.Repeat("0", 64), func(*remote.Source) {}, fault.ChartAltered, other},
		"pinned to another": {"", func(s *remote.Source) { s.Digest = other }, fault.ChartAltered, other},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := serve(t, test.told)
			source := remote.Source{Chart: "small", Repository: address, Version: "1.2.3"}
			test.change(&source)
			directory := t.TempDir()
			_, err := remote.Fetch(t.Context(), source, directory)
			if code(err) != test.code || !strings.Contains(err.Error(), test.says) || fault.From(err).Fix == "" {
				t.Errorf("got %v", err)
			}
			if files, _ := filepath.Glob(filepath.Join(directory, "*")); len(files) != 0 {
				t.Errorf("it left %v", files)
			}
		})
	}
}
