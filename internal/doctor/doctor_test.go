package doctor

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/terminal"
)

func TestRun(t *testing.T) {
	found := func(result Result) func(context.Context) Result {
		return func(context.Context) Result { return result }
	}
	first := fault.New(fault.PortBusy, "port", 1)
	for _, test := range []struct {
		name   string
		checks []Check
		status Status
		err    error
	}{
		{"all well", []Check{{"a", found(ok("fine"))}}, OK, nil},
		{"a warning", []Check{{"a", found(warn("so so", "mend"))}, {"b", found(ok("fine"))}}, Warn, nil},
		{"the first failure counts", []Check{
			{"a", found(warn("so so", "mend"))}, {"b", found(fail(first))}, {"c", found(fail(fault.New(fault.Usage, "detail", "x")))},
		}, Fail, first},
	} {
		t.Run(test.name, func(t *testing.T) {
			report := Run(t.Context(), "local", test.checks)
			if report.Status != test.status || !errors.Is(report.Err(), test.err) {
				t.Errorf("got %s, %v; want %s, %v", report.Status, report.Err(), test.status, test.err)
			}
			if len(report.Checks) != len(test.checks) || report.Checks[0].Name != "a" {
				t.Errorf("got %+v", report.Checks)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	report := Report{Status: Fail, Checks: []Result{
		{Name: "cores", Status: OK, Detail: "2 cores"},
		{Name: "user namespaces", Status: Warn, Detail: "not allowed here", Fix: "allow them"},
		{Name: "disk", Status: Fail, Detail: "1 MB free", Fix: "free some space"},
	}}
	var got strings.Builder
	if err := report.Write(&got, terminal.NewStyles(false)); err != nil {
		t.Fatal(err)
	}
	want := `✓ cores            2 cores
! user namespaces  not allowed here
                   allow them
✗ disk             1 MB free
                   free some space

This machine cannot hold the environment yet.
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestChecksFitTheKind(t *testing.T) {
	names := func(kind config.Kind) string {
		var names []string
		for _, check := range Checks(Options{Environment: config.Environment{Kind: kind}}) {
			names = append(names, check.Name)
		}
		return strings.Join(names, ", ")
	}
	if got := names(config.KindLocal); !strings.Contains(got, "postgres") || strings.Contains(got, "docker") {
		t.Errorf("local: %s", got)
	}
	if got := names(config.KindKind); strings.Contains(got, "postgres") || !strings.Contains(got, "docker") {
		t.Errorf("kind: %s", got)
	}
}

func TestStateDirectory(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(folder, "not", "there")
	if got := stateDirectory(missing); got.Status != OK {
		t.Errorf("a directory to be made: %+v", got)
	}
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Error("the check made the directory")
	}
	for name, path := range map[string]string{"a file": file, "below a file": filepath.Join(file, "state")} {
		if got := stateDirectory(path); got.Status != Fail || fault.ExitCode(got.problem) != fault.ExitUsage {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := disk(missing); got.Status == Warn || !strings.Contains(got.Detail, "free") {
		t.Errorf("disk: %+v", got)
	}
}

func TestPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if got := port(t.Context(), address); got.Status != Warn || got.Fix == "" {
		t.Errorf("a busy port: %+v", got)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if got := port(t.Context(), address); got.Status != OK {
		t.Errorf("a free port: %+v", got)
	}
}

func TestPostgres(t *testing.T) {
	if got := postgres(t.Context(), t.TempDir()); got.Status != Fail || got.problem.Code != fault.PostgresMissing {
		t.Errorf("a folder without Postgres: %+v", got)
	}
	if got := postgres(t.Context(), ""); got.Status != OK || !strings.Contains(got.Detail, " in /") {
		t.Errorf("this machine's Postgres: %+v", got)
	}
}

func TestBytes(t *testing.T) {
	for count, want := range map[uint64]string{0: "0 MB", 5 << 20: "5 MB", 3 << 29: "1.5 GB"} {
		if got := bytes(count); got != want {
			t.Errorf("bytes(%d) = %s, want %s", count, got, want)
		}
	}
}
