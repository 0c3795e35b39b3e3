package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"os/exec"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// background is a pocctl that runs while the test goes on.
type background struct {
	box            *harness.Sandbox
	command        *exec.Cmd
	stdout, stderr output
	ended          chan struct{}
	began          time.Time
}

// output is what a program has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// begin starts pocctl. It is killed with the test at the latest.
func begin(t *testing.T, box *harness.Sandbox, args ...string) *background {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	b := &background{box: box, command: box.PocctlCommand(ctx, args...), ended: make(chan struct{}), began: time.Now()}
	b.command.Stdout, b.command.Stderr = &b.stdout, &b.stderr
	if err := b.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(b.ended)
		_ = b.command.Wait() // how it ended is in its state
	}()
	t.Cleanup(func() {
		cancel()
		<-b.ended
	})
	return b
}

// sees waits until stderr holds text.
func (b *background) sees(text string) {
	b.box.Eventually(2*time.Minute, text+" on stderr", func() (bool, string) {
		said := b.stderr.String()
		return strings.Contains(said, text), said
	})
}

func (b *background) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := b.command.Process.Signal(signal); err != nil {
		t.Fatalf("signal %v: %v; it said: %s", signal, err, b.stderr.String())
	}
}

// end waits for the program to end, and gives what it said.
func (b *background) end() harness.Result {
	<-b.ended
	return harness.Result{
		Stdout: b.stdout.String(), Stderr: b.stderr.String(),
		Exit: b.command.ProcessState.ExitCode(), Seconds: time.Since(b.began).Seconds(),
	}
}

// measured runs pocctl, and again while its load could not be held: other tests
// keep the machine busy, which voids a measurement and says nothing of the stack.
func measured(t *testing.T, box *harness.Sandbox, args ...string) harness.Result {
	t.Helper()
	const void, tries = 6, 5
	result := box.Pocctl(args...)
	for range tries {
		if result.Exit != void {
			break
		}
		t.Log("the load was not held; again")
		result = box.Pocctl(args...)
	}
	return result
}

// gently is how `up` is typed where the load is not what is tested: other tests
// measure on the same machine, or keep it busy.
func gently(t *testing.T, box *harness.Sandbox, environment string) []string {
	t.Helper()
	return []string{
		"up", "-o", "json", "--rate", "50", "--duration", "2s", "--warmup", "0s", "--source", source(t, box, environment, anyLatency),
	}
}

// running says whether the program has not ended yet.
func (b *background) running() bool {
	select {
	case <-b.ended:
		return false
	default:
		return true
	}
}

// processes gives the process numbers of the sandbox whose command line holds
// words.
func processes(t *testing.T, box *harness.Sandbox, words string) []int {
	t.Helper()
	var found []int
	for _, line := range box.Processes() {
		number, command, _ := strings.Cut(line, ": ")
		if !strings.Contains(command, words) {
			continue
		}
		pid, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, pid)
	}
	return found
}

// localEnvironment is the built-in environment's file with some of its words
// replaced: pairs of old and new.
func localEnvironment(t *testing.T, pairs ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "environments", "local.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(data), pairs[i]) {
			t.Fatalf("local.yaml has no %q to replace", pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(string(data))
}

// source makes a folder for --source: the checkout's charts, and a configuration
// with these objectives.
func source(t *testing.T, box *harness.Sandbox, environment, objectives string) string {
	t.Helper()
	box.Write("source/config/environments/local.yaml", environment)
	box.Write("source/config/slo.yaml", objectives)
	folder := filepath.Join(box.Home, "source")
	if _, err := os.Stat(filepath.Join(folder, "charts")); err == nil {
		return folder
	}
	if err := os.CopyFS(filepath.Join(folder, "charts"), os.DirFS(filepath.Join("..", "..", "charts"))); err != nil {
		t.Fatal(err)
	}
	return folder
}

// anyLatency is an objective that a few requests decide.
const anyLatency = `objectives:
  - {name: latency-p95, indicator: latency, quantile: 0.95, target: "<60s"}
`
