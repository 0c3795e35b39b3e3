// Package harness runs the built pocctl the way a user does: as a program, in a
// state directory of its own, as an ordinary user even where the tests are root.
package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nobody is the user that the programs run as where the tests are root.
const nobody = 65534

// Sandbox is one user's world: a home, a state directory, an environment.
type Sandbox struct {
	// Home holds everything of the sandbox.
	Home string
	// Binary is pocctl.
	Binary string
	// Env is given as --env; empty means the default environment.
	Env string

	t *testing.T
}

// New makes a sandbox, and takes down whatever still runs in it when the test
// ends.
func New(t *testing.T) *Sandbox {
	t.Helper()
	binary := os.Getenv("POCCTL_BINARY")
	if binary == "" {
		t.Fatal("POCCTL_BINARY is not set: run `make e2e`")
	}
	home, err := os.MkdirTemp("", "pocctl-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(home, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	s := &Sandbox{Home: home, Binary: binary, t: t}
	t.Cleanup(func() {
		s.keepLogs()
		if result := s.Pocctl("down"); result.Exit != 0 {
			t.Errorf("down: exit %d\n%s", result.Exit, result.Stderr)
		}
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Result is how a program ended.
type Result struct {
	Stdout, Stderr string
	Exit           int
	Seconds        float64
}

// Command gives a command of the sandbox's user, not started.
func (s *Sandbox) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = s.Home
	command.Env = []string{
		"HOME=" + s.Home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "NO_COLOR=1",
		"POCCTL_SKIP=canary", // but where it is what is tested: it takes a minute
		"POCCTL_STATE_DIR=" + filepath.Join(s.Home, "state"), "KUBECONFIG=" + s.Kubeconfig(),
	}
	command.SysProcAttr = &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return command
}

// deadline bounds every program that a test waits for.
const deadline = 8 * time.Minute

// Pocctl runs pocctl to its end.
func (s *Sandbox) Pocctl(args ...string) Result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return s.finish(s.PocctlCommand(ctx, args...))
}

// PocctlCommand gives a pocctl command, not started.
func (s *Sandbox) PocctlCommand(ctx context.Context, args ...string) *exec.Cmd {
	if s.Env != "" {
		args = append(args, "--env", s.Env)
	}
	return s.Command(ctx, s.Binary, args...)
}

// Kubectl runs the distribution's kubectl to its end.
func (s *Sandbox) Kubectl(args ...string) Result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return s.finish(s.Command(ctx, "kubectl", args...))
}

// Token gives an access token of the environment's issuer; empty if there is none now.
func (s *Sandbox) Token(role string) string {
	s.t.Helper()
	return strings.TrimSpace(s.Pocctl("token", "--as", role).Stdout)
}

// Apply gives kubectl a manifest.
func (s *Sandbox) Apply(manifest string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	command := s.Command(ctx, "kubectl", "apply", "-f", "-")
	command.Stdin = strings.NewReader(manifest)
	if result := s.finish(command); result.Exit != 0 {
		s.t.Fatalf("kubectl apply: %s", result.Stderr)
	}
}

func (s *Sandbox) finish(command *exec.Cmd) Result {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	began := time.Now()
	err := command.Run()
	result := Result{Stdout: stdout.String(), Stderr: stderr.String(), Seconds: time.Since(began).Seconds()}
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		result.Exit = ended.ExitCode()
	case err != nil:
		s.t.Fatalf("run %s: %v", command.Path, err)
	}
	return result
}

// Must fails the test unless the program exited 0, and gives its stdout.
func (s *Sandbox) Must(result Result) string {
	s.t.Helper()
	if result.Exit != 0 {
		s.t.Fatalf("exit %d\nstdout: %s\nstderr: %s", result.Exit, result.Stdout, result.Stderr)
	}
	return result.Stdout
}

// Eventually polls until done says so, or fails the test, naming what it waited
// for and what it saw last.
func (s *Sandbox) Eventually(limit time.Duration, what string, done func() (bool, string)) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, seen := done()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("waited %s for %s; last seen: %s", limit, what, seen)
		case <-tick.C:
		}
	}
}

// State is the environment's state directory.
func (s *Sandbox) State() string { return filepath.Join(s.Home, "state", s.name()) }

// Kubeconfig is the administrator's kubeconfig.
func (s *Sandbox) Kubeconfig() string { return filepath.Join(s.State(), "kubeconfig") }

func (s *Sandbox) name() string {
	if s.Env == "" {
		return "local"
	}
	return strings.TrimSuffix(filepath.Base(s.Env), ".yaml")
}

// Write puts a file into the sandbox's home, readable by its user, and gives its
// path.
func (s *Sandbox) Write(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.Home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// keepLogs leaves the cluster's logs behind when the test failed.
func (s *Sandbox) keepLogs() {
	if !s.t.Failed() {
		return
	}
	kept := filepath.Join(os.TempDir(), "pocctl-e2e-failed", strings.ReplaceAll(s.t.Name(), "/", "-"))
	source := filepath.Join(s.State(), "logs")
	if err := os.MkdirAll(kept, 0o755); err != nil {
		s.t.Log(err)
		return
	}
	if out, err := exec.Command("cp", "-r", source, kept).CombinedOutput(); err != nil {
		s.t.Logf("keep logs: %v %s", err, out)
		return
	}
	s.t.Logf("the cluster's logs are in %s", kept)
}

// Processes lists the processes of the sandbox's environment, and of its state
// directory, that are still there.
func (s *Sandbox) Processes() []string {
	s.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		s.t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		command, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if err != nil || len(command) == 0 {
			continue
		}
		environment, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if bytes.Contains(command, []byte(s.Home)) || bytes.Contains(environment, []byte(s.Home)) {
			found = append(found, fmt.Sprintf("%s: %s", entry.Name(), bytes.ReplaceAll(command, []byte{0}, []byte{' '})))
		}
	}
	return found
}
