package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// refusal is bad input and what it has to be answered with.
type refusal struct {
	name string
	args []string
	env  []string // variables
	exit int
	code string
	says string // part of the message
	fix  string // part of the fix
}

func badInput(t *testing.T, box *harness.Sandbox) []refusal {
	t.Helper()
	file := func(name, content string) []string { return []string{"up", "--env", box.Write(name, content)} }
	return []refusal{
		{name: "unknown environment", args: []string{"up", "--env", "stagin"}, exit: 2, code: "environment-unknown", says: "stagin", fix: "local"},
		{name: "no such file", args: []string{"up", "--env", "./nowhere.yaml"}, exit: 2, code: "config-unreadable", says: "nowhere.yaml", fix: "exists"},
		{name: "bad YAML", args: file("bad.yaml", "kind: local\n  load: [\n"), exit: 2, code: "config-invalid", says: "line 2", fix: "YAML"},
		{name: "wrong type", args: file("type.yaml", "kind: local\nload: {rate: fast}\n"), exit: 2, code: "config-invalid", says: "load.rate", fix: "digits"},
		{name: "unknown key", args: file("key.yaml", "kind: local\nreleaces: []\n"), exit: 2, code: "config-invalid", says: "releaces", fix: `did you mean "releases"`},
		{name: "wrong value of a chart", args: file("value.yaml", "kind: local\nreleases:\n  - {name: backend, chart: backend, values: {replicaCount: many}}\n"), exit: 2, code: "values-invalid", says: "replicaCount", fix: "correct"},
		{name: "unknown kind", args: file("kind.yaml", "kind: locale\n"), exit: 2, code: "config-invalid", says: "locale", fix: `did you mean "local"`},
		{name: "not on loopback", args: file("open.yaml", "kind: local\ningress: {address: 0.0.0.0:8080}\n"), exit: 2, code: "config-invalid", says: "ingress.address", fix: "loopback"},
		{name: "unknown phase", args: []string{"up", "--only", "smoek"}, exit: 2, code: "usage", says: "use one of preflight, provision, deploy, smoke, canary, verify", fix: "--help"},
		{name: "unknown phase to leave out", args: []string{"up", "--skip", "canry"}, exit: 2, code: "usage", says: "use one of preflight"},
		{name: "flags that exclude each other", args: []string{"up", "--from", "deploy", "--only", "smoke"}, exit: 2, code: "usage", says: "--from and --only exclude each other", fix: "pocctl up --help"},
		{name: "rate of nothing", args: []string{"up", "--rate", "0"}, exit: 2, code: "usage", says: "--rate", fix: "pocctl up --help"},
		{name: "rate that is no number", args: []string{"verify", "--slo", "--rate", "fast"}, exit: 2, code: "usage", says: `--rate is "fast": it takes a whole number`, fix: "pocctl verify --help"},
		{name: "spike below the rate", args: []string{"up", "--spike", "10"}, exit: 2, code: "usage", says: "--spike", fix: "--help"},
		{name: "duration that is none", args: []string{"up", "--duration", "long"}, exit: 2, code: "usage", says: "it takes a duration", fix: "--help"},
		{name: "variable", args: []string{"up"}, env: []string{"POCCTL_RATE=fast"}, exit: 2, code: "usage", says: "POCCTL_RATE", fix: "--help"},
		{name: "unknown flag", args: []string{"up", "--durations", "1s"}, exit: 2, code: "usage", says: "did you mean --duration?", fix: "--help"},
		{name: "unknown command", args: []string{"upp"}, exit: 2, code: "usage", says: `did you mean "up"?`, fix: "--help"},
		{name: "argument too much", args: []string{"up", "staging"}, exit: 2, code: "usage", says: "staging", fix: "--help"},
		{name: "no checkout", args: []string{"up", "--source", "/nonexistent"}, exit: 2, code: "config-unreadable", says: "/nonexistent", fix: "exists"},
		{
			name: "no Postgres where it should be", exit: 1, code: "postgres-missing", says: "/nonexistent", fix: "postgres.directory",
			args: file("postgres.yaml", "kind: local\npostgres: {directory: /nonexistent}\nreleases: [{name: postgres, chart: postgres}]\n"),
		},
	}
}

// TestRefusals shows that bad input is told with code, message and fix, in text
// and in JSON, and that nothing has been made when it is.
func TestRefusals(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	for _, bad := range badInput(t, box) {
		t.Run(bad.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			prepare := func(args ...string) *exec.Cmd {
				command := box.Command(ctx, box.Binary, append(slices.Clone(bad.args), args...)...)
				command.Env = append(command.Env, bad.env...)
				return command
			}
			refuse(t, prepare, bad)
			nothingIn(t, filepath.Join(box.Home, "state"))
		})
	}
}

// refuse runs a command as text and as JSON and holds its answers to what they
// have to be.
func refuse(t *testing.T, command func(args ...string) *exec.Cmd, bad refusal) {
	t.Helper()
	text := run(t, command())
	if text.Exit != bad.exit {
		t.Errorf("exit %d; %d is wanted\n%s", text.Exit, bad.exit, text.Stderr)
	}
	told := strings.Join(strings.Fields(text.Stdout+text.Stderr), " ") // as wrapped to the width
	for _, part := range []string{bad.code, bad.says, bad.fix} {
		if !strings.Contains(told, part) {
			t.Errorf("the text does not say %q:\n%s%s", part, text.Stdout, text.Stderr)
		}
	}
	machine := run(t, command("-o", "json"))
	if machine.Exit != bad.exit {
		t.Errorf("with JSON exit %d; %d is wanted\n%s", machine.Exit, bad.exit, machine.Stderr)
	}
	problem := parse(t, machine.Stdout).Error
	if problem == nil {
		t.Fatalf("the document has no error:\n%s", machine.Stdout)
	}
	if problem.Code != bad.code || !strings.Contains(problem.Message, bad.says) || !strings.Contains(problem.Fix, bad.fix) {
		t.Errorf("error is %+v; code %s, message with %q and fix with %q are wanted", *problem, bad.code, bad.says, bad.fix)
	}
}

func run(t *testing.T, command *exec.Cmd) harness.Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	began := time.Now()
	err := command.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatalf("run %s: %v", command.Path, err)
	}
	return harness.Result{
		Stdout: stdout.String(), Stderr: stderr.String(),
		Exit: command.ProcessState.ExitCode(), Seconds: time.Since(began).Seconds(),
	}
}

// nothingIn fails the test for every file and folder that is in directory.
func nothingIn(t *testing.T, directory string) {
	t.Helper()
	err := filepath.WalkDir(directory, func(path string, _ fs.DirEntry, err error) error {
		if path != directory && err == nil {
			t.Errorf("%s was made", path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestStateDirectoryUnwritable gives a state directory in somebody else's folder.
func TestStateDirectoryUnwritable(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	closed := filepath.Join(box.Home, "closed")
	if err := os.Mkdir(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	refuse(t, func(args ...string) *exec.Cmd {
		return box.Command(t.Context(), box.Binary, append([]string{"up", "--state-dir", filepath.Join(closed, "state")}, args...)...)
	}, refusal{exit: 2, code: "state-dir-unwritable", says: filepath.Join(closed, "state"), fix: "--state-dir"})
	nothingIn(t, closed)
}

// TestStateDirectoryFull gives a state directory on a disk without space: nearly
// none, and none at all.
func TestStateDirectoryFull(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, fill string }{
		{"nearly", ""},
		{"wholly", "dd if=/dev/zero of=disk/filling bs=4k status=none 2>filled; "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			box := harness.New(t)
			disk := filepath.Join(box.Home, "disk")
			// What is on the disk afterwards is told on stderr, as the disk goes
			// with the namespace.
			script := `mount -t tmpfs -o size=1M none disk && ` + test.fill + `"$@"; code=$?; find disk -mindepth 1 ! -name filling -printf 'remains: %p\n' >&2; exit $code`
			box.Write("disk/.keep", "")
			refuse(t, func(args ...string) *exec.Cmd {
				command := append([]string{box.Binary, "up", "--state-dir", filepath.Join(disk, "state")}, args...)
				return inNamespace(t, box, script, command...)
			}, refusal{exit: 2, code: "state-dir-full", says: filepath.Join(disk, "state"), fix: "--state-dir"})
			result := run(t, inNamespace(t, box, script, box.Binary, "up", "--state-dir", filepath.Join(disk, "state")))
			if strings.Contains(result.Stderr, "remains: ") {
				t.Errorf("something is left on the full disk:\n%s", result.Stderr)
			}
		})
	}
}

// TestDownOnFullDisk shows that a disk that has filled up is no reason to leave
// an environment standing.
func TestDownOnFullDisk(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	box.Write("disk/.keep", "")
	script := `mount -t tmpfs -o size=1M none disk && mkdir -p disk/state/local/data && echo 1 >disk/state/local/data/row &&
		dd if=/dev/zero of=disk/filling bs=4k status=none 2>filled; "$@"; code=$?; find disk/state -type f >&2; exit $code`
	result := run(t, inNamespace(t, box, script, box.Binary, "down", "--state-dir", filepath.Join(box.Home, "disk", "state")))
	if result.Exit != 0 || strings.Contains(result.Stderr, "disk/state/local/data/row") {
		t.Errorf("down: exit %d\n%s", result.Exit, result.Stderr)
	}
}

// TestNoPostgres hides this machine's Postgres and its network: nothing is found
// and nothing can be fetched, which has to be told at once.
func TestNoPostgres(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	var hide strings.Builder
	for _, pattern := range []string{"/usr/lib/postgresql", "/usr/pgsql-*", "/usr/lib/postgresql*", "/usr/local/pgsql"} {
		folders, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range folders {
			fmt.Fprintf(&hide, "mount -t tmpfs none %s && ", folder)
		}
	}
	box.Write("bin/.keep", "")
	script := hide.String() + `export PATH=` + filepath.Join(box.Home, "bin") + ` && exec "$@"`
	refuse(t, func(args ...string) *exec.Cmd {
		return inNamespace(t, box, script, append([]string{box.Binary, "up"}, args...)...)
	}, refusal{exit: 1, code: "postgres-missing", says: "there is no Postgres on this machine", fix: "apt-get install postgresql"})
	nothingIn(t, filepath.Join(box.Home, "state"))
}

// inNamespace gives a command that runs a shell's script, with the rest as its
// arguments, where mounts are its own and no network is. Root needs no more than
// its own mounts; a user becomes root of a namespace.
func inNamespace(t *testing.T, box *harness.Sandbox, script string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	command := box.Command(ctx, "/bin/sh", append([]string{"-c", script, "sh"}, args...)...)
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	command.SysProcAttr = attributes
	return command
}

// TestUnsupportedPlatform builds pocctl without Kubernetes inside, as it is built
// for other systems, and asks it for the local environment.
func TestUnsupportedPlatform(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	slim := filepath.Join(box.Home, "slim")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "slim", "-o", slim, "../../cmd/pocctl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	refuse(t, func(args ...string) *exec.Cmd {
		return box.Command(t.Context(), slim, append([]string{"up"}, args...)...)
	}, refusal{exit: 2, code: "platform-unsupported", says: "does not run here", fix: "--env kind"})
	nothingIn(t, filepath.Join(box.Home, "state"))

	version := run(t, box.Command(t.Context(), slim, "version", "-o", "json"))
	if version.Exit != 0 || !json.Valid([]byte(version.Stdout)) {
		t.Errorf("version: exit %d\n%s%s", version.Exit, version.Stdout, version.Stderr)
	}
}
