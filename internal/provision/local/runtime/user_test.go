//go:build linux

package runtime

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/provision/local/image"
	"github.com/pocctl/pocctl/internal/provision/local/runtime/process"
)

const ordinaryVariable = "POCCTL_TEST_ORDINARY_USER"

// userMatters picks the tests whose outcome may depend on who runs them.
const userMatters = "^Test(Attach|Close|Containers|Environment|Exec|File|Hosts|Killed|Many|Namespace|Nested|New|Next|No|Program|Read|Start|Stats|User|Volumes|Working)"

// TestAsAnOrdinaryUser runs tests again as one, where they run as root.
func TestAsAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 || os.Getenv(ordinaryVariable) != "" {
		return // they run as one already
	}
	const nobody = 65534
	directory, err := os.MkdirTemp("", "pocctl-ordinary")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	binary := filepath.Join(directory, "suite")
	copyFile(t, "/proc/self/exe", binary)
	if err := os.Chown(directory, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary, "-test.v", "-test.timeout=4m", "-test.run="+userMatters)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + directory, ordinaryVariable + "=yes"}
	command.Dir = directory
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("as an ordinary user: %v\n%s", err, failures(string(out)))
	}
	if !strings.Contains(string(out), "--- PASS: TestVolumesAreAtTheirPaths") {
		t.Error("the tests did not run")
	}
}

func failures(out string) string {
	var kept []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "=== ") && !strings.Contains(line, "--- PASS") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
}

func runAs(uid, gid int64, groups ...int64) func(*runtimeapi.ContainerConfig) {
	return security(func(s *runtimeapi.LinuxContainerSecurityContext) {
		s.RunAsUser = &runtimeapi.Int64Value{Value: uid}
		s.RunAsGroup = &runtimeapi.Int64Value{Value: gid}
		s.SupplementalGroups = groups
	})
}

func TestUser(t *testing.T) {
	everyIsolation(t, func(t *testing.T, f *fixture) {
		isolation, _ := f.Isolation()
		root := os.Geteuid() == 0
		for name, test := range map[string]struct {
			change func(*runtimeapi.ContainerConfig)
			want   string
		}{
			"the image's":  {func(*runtimeapi.ContainerConfig) {}, "65532:65532"},
			"the pod's":    {runAs(1234, 2345), "1234:2345"},
			"root's":       {runAs(0, 0), "0:0"},
			"user, no gid": {security(func(s *runtimeapi.LinuxContainerSecurityContext) { s.RunAsUser = &runtimeapi.Int64Value{Value: 999} }), "999:65532"},
		} {
			want := test.want
			if isolation == process.None && !root {
				want = fmt.Sprintf("%d:%d", os.Geteuid(), os.Getegid())
			}
			if out, _ := f.run(shell(`echo "$(id -u):$(id -g)"`, test.change)); strings.TrimSpace(out) != want {
				t.Errorf("%s: %q, want %s", name, out, want)
			}
		}
		if out, _ := f.run(shell("id -G", runAs(1234, 2345, 77, 88))); root && strings.TrimSpace(out) != "2345 77 88" {
			t.Errorf("groups %q", out)
		}
	})
}

func TestUserHasAName(t *testing.T) {
	f, ok := withNamespace(t)
	if !ok {
		return
	}
	if out, status := f.run(shell("id -un", runAs(54321, 54321))); status.ExitCode != 0 || out != "pocctl\n" {
		t.Errorf("exit code %d, output %q", status.ExitCode, out)
	}
}

func TestNoPrivilegesAreLeft(t *testing.T) {
	everyIsolation(t, func(t *testing.T, f *fixture) {
		out, _ := f.run(shell("grep -E 'Cap(Prm|Eff|Amb)|NoNewPrivs' /proc/self/status",
			security(func(s *runtimeapi.LinuxContainerSecurityContext) { s.NoNewPrivs = true })))
		if strings.Count(out, "0000000000000000") != 3 || !strings.Contains(out, "NoNewPrivs:\t1") {
			t.Errorf("it has\n%s", out)
		}
	})
}

func TestProgramThatTheUserCantReach(t *testing.T) {
	hidden := filepath.Join(openDirectory(t), "hidden")
	program := write(t, filepath.Join(hidden, "program"), "#!/bin/sh\necho script $0 $@\n")
	binary := filepath.Join(hidden, "binary")
	copyFile(t, "/proc/self/exe", binary)
	for _, path := range []string{program, hidden} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(hidden, 0o700); err != nil {
		t.Fatal(err)
	}
	images := image.NewCatalogue(
		image.Image{Name: "script", Program: program},
		image.Image{Name: "binary", Program: binary, Args: []string{programCommand}},
	)
	for _, isolation := range []Isolation{Auto, Substitute} {
		f := newFixture(t, isolated(isolation), func(o *Options) { o.Images = images })
		for name, want := range map[string]string{"script": "script", "binary": "args [a b]"} {
			out, status := f.run(&runtimeapi.ContainerConfig{
				Metadata: &runtimeapi.ContainerMetadata{Name: "main"},
				Image:    &runtimeapi.ImageSpec{Image: name},
				Args:     []string{"a", "b"},
			})
			if status.ExitCode != 0 || !strings.Contains(out, want) || !strings.Contains(out, "a b") {
				t.Errorf("%q, %s: exit code %d, output %q", isolation, name, status.ExitCode, out)
			}
		}
	}
}

func TestNewVolumeIsGivenToItsUser(t *testing.T) {
	data := openDirectory(t)
	f := newFixture(t, func(o *Options) { o.DataDirectory = data })
	volume := filepath.Join(data, "volume")
	if err := os.Mkdir(volume, 0o755); err != nil {
		t.Fatal(err)
	}
	out, status := f.run(shell("echo hello > /data/file && cat /data/file", mounts(mountOf(volume, "/data", false))))
	if status.ExitCode != 0 || out != "hello\n" {
		t.Errorf("exit code %d, output %q", status.ExitCode, out)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_NODE", "secret")
	f := newFixture(t, func(o *Options) {
		o.Env = func(p Pod) map[string]string {
			return map[string]string{"FROM_NODE": p.Namespace + "/" + p.Name + "/" + p.Labels["app"], "BOTH": "node"}
		}
	})
	out, _ := f.run(shell("env", env("BOTH", "pod"), env("OWN", "a b=c")))
	pods, err := f.ListPodSandbox(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	status, err := f.PodSandboxStatus(t.Context(), pods[0].Id, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"FROM_NODE=default/pod/test", "BOTH=node", "OWN=a b=c", "HOSTNAME=pod", "POCCTL_POD_IP=" + status.Status.Network.Ip} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("%s is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "secret") {
		t.Error("the node's environment leaks")
	}
}
