package terraform

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/fault"
)

// program writes a terraform that says it is of version.
func program(t *testing.T, directory, version string) string {
	t.Helper()
	path := filepath.Join(directory, "terraform")
	script := "#!/bin/sh\necho '{\"terraform_version\": \"" + version + "\"}'\n"
	if version == "" {
		script = "#!/bin/sh\necho no such thing >&2\nexit 3\n"
	}
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind(t *testing.T) {
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	absent := func(string) (string, error) { return "", errors.New("not on PATH") }
	at := func(path string) func(string) (string, error) {
		return func(string) (string, error) { return path, nil }
	}
	newEnough, own := program(t, t.TempDir(), "1.11.4"), t.TempDir()
	fetchedBefore := program(t, own, "1.11.4")
	old, broken := program(t, t.TempDir(), "1.9.8"), program(t, t.TempDir(), "")

	for _, test := range []struct {
		name      string
		look      func(string) (string, error)
		directory string
		fetch     bool
		want      string
		code      fault.Code
		message   string
	}{
		{"on PATH", at(newEnough), t.TempDir(), true, newEnough, "", ""},
		{"fetched before", absent, own, false, fetchedBefore, "", ""},
		{"old, and fetched before", at(old), own, false, fetchedBefore, "", ""},
		{"old alone", at(old), t.TempDir(), false, "", fault.TerraformOld, "is version 1.9.8; >= 1.10.0"},
		{"old and no network", at(old), t.TempDir(), true, "", fault.TerraformOld, "fetch terraform 1.11.4"},
		{"none", absent, t.TempDir(), false, "", fault.TerraformMissing, "not asked for"},
		{"none and no network", absent, t.TempDir(), true, "", fault.TerraformMissing, "fetch terraform 1.11.4"},
		{"not terraform", at(broken), t.TempDir(), false, "", fault.TerraformFailed, "terraform version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Find(t.Context(), FindOptions{Directory: test.directory, Fetch: test.fetch, ReleasesURL: nothing.URL, LookPath: test.look})
			if test.code == "" {
				if err != nil || got.Path != test.want || got.Version != "1.11.4" {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if problem := fault.From(err); err == nil || problem.Code != test.code || !strings.Contains(problem.Message, test.message) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}
