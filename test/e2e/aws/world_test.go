// Package aws proves environments in AWS on the double: an account that is none, with
// a cluster that is the local environment's.
package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/test/awsdouble"
	"github.com/pocctl/pocctl/test/awsdouble/api"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// account is the double's.
const account = "123456789012"

// smallEnvironment has no releases: it is for what goes wrong before them.
const smallEnvironment = `kind: aws
aws: {account: "` + account + `", region: eu-west-1, domain: staging.example.com, root: staging}
`

// world is one user's: a home, a state directory, and an account of AWS.
type world struct {
	t       *testing.T
	home    string
	binary  string
	env     string // path of the environment's file
	source  string // given as --source; empty is what the binary holds
	account *cloud.Account
	server  *api.Server
	extra   []string // more of the environment; later ones win
}

func TestMain(m *testing.M) {
	flag.Parse()
	// They wait more than they work.
	_ = flag.Set("test.parallel", "4") // it is a number
	os.Exit(m.Run())
}

// newWorld makes a world with an empty account, and an environment of that content.
func newWorld(t *testing.T, environment string) *world {
	t.Helper()
	binary := os.Getenv("POCCTL_BINARY")
	if binary == "" {
		t.Fatal("POCCTL_BINARY is not set: run `make e2e`")
	}
	double := awsdouble.Install(t)
	server := api.Serve(t, double.Account)
	home := t.TempDir()
	w := &world{t: t, home: home, binary: binary, env: filepath.Join(home, "staging.yaml"), account: double.Account, server: server}
	w.extra = append(double.Environment(), server.Environment()...)
	w.write("staging.yaml", environment)
	return w
}

// small is a world whose root module is a small one.
func small(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := newWorld(t, smallEnvironment)
	w.source = filepath.Join(w.home, "source")
	root := filepath.Join(w.source, "modules", "roots", "staging")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/small/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	w.write("source/modules/roots/staging/main.tf", string(text))
	for _, folder := range []string{"config", "charts"} {
		if err := os.Symlink(filepath.Join(checkout(t), folder), filepath.Join(w.source, folder)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// checkout is the root of this repository.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// rewriteRoot changes a text of the small root module.
func (w *world) rewriteRoot(old, fresh string) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.source, "modules", "roots", "staging", "main.tf"))
	if err != nil || strings.Count(string(text), old) != 1 {
		w.t.Fatalf("the root module has %q %d times, %v", old, strings.Count(string(text), old), err)
	}
	w.write("source/modules/roots/staging/main.tf", strings.Replace(string(text), old, fresh, 1))
}

func (w *world) write(name, content string) string {
	w.t.Helper()
	path := filepath.Join(w.home, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// result is how pocctl ended.
type result struct {
	stdout, stderr string
	exit           int
	seconds        float64
}

// command gives a pocctl command, not started.
func (w *world) command(ctx context.Context, args ...string) *exec.Cmd {
	args = append(args, "--env", w.env)
	if w.source != "" {
		args = append(args, "--source", w.source)
	}
	return w.program(ctx, w.binary, args...)
}

// program gives a command in this world. Nothing but loopback can be reached from it.
func (w *world) program(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = w.home
	command.Env = append([]string{
		"HOME=" + w.home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "NO_COLOR=1",
		"POCCTL_STATE_DIR=" + filepath.Join(w.home, "state"),
		"HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1,localhost",
	}, w.extra...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 20 * time.Second
	return command
}

// deadline bounds every program that a test waits for.
const deadline = 4 * time.Minute

func (w *world) pocctl(args ...string) result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return w.finish(w.command(ctx, args...))
}

func (w *world) finish(command *exec.Cmd) result {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	began := time.Now()
	err := command.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), seconds: time.Since(began).Seconds()}
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		r.exit = ended.ExitCode()
	case err != nil:
		w.t.Fatalf("run %s: %v", command.Path, err)
	}
	w.t.Logf("%s: exit %d after %.1f s", strings.Join(command.Args[:min(2, len(command.Args))], " "), r.exit, r.seconds)
	return r
}

// must fails the test unless the program exited 0, and gives its stdout.
func (w *world) must(r result) string {
	w.t.Helper()
	if r.exit != 0 {
		w.t.Fatalf("exit %d\nstdout: %s\nstderr: %s", r.exit, r.stdout, tail(r.stderr))
	}
	return r.stdout
}

// tail is the end of what may be long.
func tail(text string) string {
	const most = 4000
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}

// refused fails the test unless pocctl ended with that exit code and that fault, whose
// message says all of words, and whose fix says something.
func (w *world) refused(r result, exit int, code string, words ...string) {
	w.t.Helper()
	if r.exit != exit {
		w.t.Fatalf("exit %d, want %d\nstdout: %s\nstderr: %s", r.exit, exit, r.stdout, tail(r.stderr))
	}
	var document struct {
		Error struct{ Code, Message, Fix string } `json:"error"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &document); err != nil {
		w.t.Fatalf("stdout is no JSON document: %v\n%s\n%s", err, r.stdout, tail(r.stderr))
	}
	if document.Error.Code != code || document.Error.Fix == "" {
		w.t.Fatalf("got %+v, want %s", document.Error, code)
	}
	for _, word := range words {
		if !strings.Contains(document.Error.Message+" "+document.Error.Fix, word) {
			w.t.Errorf("%s does not say %q: %+v", code, word, document.Error)
		}
	}
}

// control says how AWS behaves from now on.
func (w *world) control(control cloud.Control) {
	w.t.Helper()
	if err := w.account.SetControl(control); err != nil {
		w.t.Fatal(err)
	}
}

// count gives how many resources of a type there are; of all types if it is empty.
func (w *world) count(kind string) int {
	w.t.Helper()
	found, err := w.account.List(kind)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(found)
}
