//go:build linux

package runtime

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/provision/local/image"
	"github.com/pocctl/pocctl/internal/provision/local/runtime/process"
)

// patience bounds every wait of the tests.
const patience = 30 * time.Second

// fixture is a runtime with the machine's tools for an image.
type fixture struct {
	*Runtime
	t    *testing.T
	logs string
	made int // containers, for their logs' names
}

func newFixture(t *testing.T, change ...func(*Options)) *fixture {
	t.Helper()
	options := Options{Directory: filepath.Join(openDirectory(t), "runtime"), Images: image.NewCatalogue()}
	for _, apply := range change {
		apply(&options)
	}
	r, err := New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &fixture{Runtime: r, t: t, logs: t.TempDir()}
}

func isolated(isolation Isolation) func(*Options) {
	return func(o *Options) { o.Isolation = isolation }
}

// everyIsolation runs a test with paths substituted, and with namespaces where
// they can be had; where not, it sees that the runtime knows it.
func everyIsolation(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	t.Run("substitute", func(t *testing.T) { test(t, newFixture(t, isolated(Substitute))) })
	t.Run("namespace", func(t *testing.T) {
		if f, ok := withNamespace(t); ok {
			test(t, f)
		}
	})
}

// withNamespace gives a runtime with namespaces. Without, it sees that the runtime
// falls back and refuses to be told otherwise.
func withNamespace(t *testing.T, change ...func(*Options)) (*fixture, bool) {
	t.Helper()
	f := newFixture(t, change...)
	if isolation, reason := f.Isolation(); isolation == process.None {
		if reason == nil {
			t.Error("there is no namespace, and no reason")
		}
		options := f.options
		options.Isolation, options.Directory = Namespace, t.TempDir()
		if _, err := New(t.Context(), options); err == nil {
			t.Error("a runtime that must have namespaces started without")
		}
		t.Logf("no mount namespace here: %v", reason)
		return nil, false
	}
	return f, true
}

func (f *fixture) sandbox() string {
	f.t.Helper()
	id, err := f.RunPodSandbox(f.t.Context(), f.sandboxConfig(), "")
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

func (f *fixture) sandboxConfig() *runtimeapi.PodSandboxConfig {
	return &runtimeapi.PodSandboxConfig{
		Metadata:     &runtimeapi.PodSandboxMetadata{Name: "pod", Namespace: "default", Uid: "uid-1"},
		Hostname:     "pod",
		LogDirectory: f.logs,
		Labels:       map[string]string{"app": "test"},
	}
}

// shell is a container that runs a script.
func shell(script string, change ...func(*runtimeapi.ContainerConfig)) *runtimeapi.ContainerConfig {
	config := &runtimeapi.ContainerConfig{
		Metadata: &runtimeapi.ContainerMetadata{Name: "main"},
		Image:    &runtimeapi.ImageSpec{Image: "busybox"},
		Command:  []string{"sh", "-c", script},
		LogPath:  "main/0.log",
	}
	for _, apply := range change {
		apply(config)
	}
	return config
}

func mounts(list ...*runtimeapi.Mount) func(*runtimeapi.ContainerConfig) {
	return func(c *runtimeapi.ContainerConfig) { c.Mounts = append(c.Mounts, list...) }
}

func env(name, value string) func(*runtimeapi.ContainerConfig) {
	return func(c *runtimeapi.ContainerConfig) {
		c.Envs = append(c.Envs, &runtimeapi.KeyValue{Key: name, Value: []byte(value)})
	}
}

func security(change func(*runtimeapi.LinuxContainerSecurityContext)) func(*runtimeapi.ContainerConfig) {
	return func(c *runtimeapi.ContainerConfig) {
		if c.Linux == nil {
			c.Linux = &runtimeapi.LinuxContainerConfig{SecurityContext: &runtimeapi.LinuxContainerSecurityContext{}}
		}
		change(c.Linux.SecurityContext)
	}
}

func (f *fixture) start(config *runtimeapi.ContainerConfig) string {
	f.t.Helper()
	id, err := f.tryStart(config)
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

func (f *fixture) tryStart(config *runtimeapi.ContainerConfig) (string, error) {
	f.t.Helper()
	f.made++
	config.LogPath = fmt.Sprintf("main/%d.log", f.made)
	id, err := f.CreateContainer(f.t.Context(), f.sandbox(), config, f.sandboxConfig())
	if err != nil {
		return "", err
	}
	return id, f.StartContainer(f.t.Context(), id)
}

func (f *fixture) status(id string) *runtimeapi.ContainerStatus {
	f.t.Helper()
	response, err := f.ContainerStatus(f.t.Context(), id, false)
	if err != nil {
		f.t.Fatal(err)
	}
	return response.Status
}

// exited waits until the container has, and gives its status.
func (f *fixture) exited(id string) *runtimeapi.ContainerStatus {
	f.t.Helper()
	eventually(f.t, "container to exit", func() bool {
		return f.status(id).State == runtimeapi.ContainerState_CONTAINER_EXITED
	})
	return f.status(id)
}

// run runs a container to its end and gives its output without the log's format.
func (f *fixture) run(config *runtimeapi.ContainerConfig) (string, *runtimeapi.ContainerStatus) {
	f.t.Helper()
	id := f.start(config)
	status := f.exited(id)
	return f.output(id), status
}

// output gives the content of a container's log.
func (f *fixture) output(id string) string {
	f.t.Helper()
	content, err := os.ReadFile(f.status(id).LogPath)
	if err != nil {
		f.t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(content)) {
		fields := strings.SplitN(line, " ", 4)
		if fields[2] == "P" {
			fields[3] = strings.TrimSuffix(fields[3], "\n")
		}
		out.WriteString(fields[3])
	}
	return out.String()
}

// ready waits until the container's log holds a text.
func (f *fixture) ready(id, text string) {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("the log to hold %q", text), func() bool {
		return strings.Contains(f.output(id), text)
	})
}

func (f *fixture) exec(id string, command ...string) (string, error) {
	f.t.Helper()
	stdout, _, err := f.ExecSync(f.t.Context(), id, command, patience)
	return string(stdout), err
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", patience, what)
		}
		<-ticker.C
	}
}

// alive tells whether a process runs; a zombie doesn't.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + strings.TrimSpace(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func exists(pid string) bool {
	_, err := os.Stat("/proc/" + pid)
	return err == nil
}

func itoa(n int) string { return strconv.Itoa(n) }

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// openDirectory makes a directory that any user may reach and write to.
func openDirectory(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	for path, mode := range map[string]os.FileMode{directory: 0o777, filepath.Dir(directory): 0o755} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}
