//go:build linux

package runtime

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func mountOf(source, target string, readOnly bool) *runtimeapi.Mount {
	return &runtimeapi.Mount{HostPath: source, ContainerPath: target, Readonly: readOnly}
}

func TestVolumesAreAtTheirPaths(t *testing.T) {
	f, ok := withNamespace(t)
	if !ok {
		return
	}
	for name, target := range map[string]string{
		"missing at the root":    "/pocctl-test-volume",
		"missing, deep":          "/pocctl-test/a/b/c",
		"missing below etc":      "/etc/pocctl-test/config",
		"missing below usr":      "/usr/local/share/pocctl-test/x",
		"through a link":         "/var/run/secrets/pocctl-test",
		"over what is there":     "/usr/share",
		"below the home of root": "/root/pocctl-test",
		"in the temporary one":   "/tmp/pocctl-test/volume",
		"where devices are":      "/dev/pocctl-test",
	} {
		t.Run(name, func(t *testing.T) {
			source := openDirectory(t)
			write(t, filepath.Join(source, "greeting"), "hello")
			before := shallow(t, target)
			asked := func(*runtimeapi.ContainerConfig) {}
			if strings.HasPrefix(target, "/root/") {
				asked = runAs(0, 0)
			}
			out, status := f.run(shell("cat "+target+"/greeting && echo there > "+target+"/answer && ls /usr/bin/env /etc/passwd /proc/self/exe",
				mounts(mountOf(source, target, false)), asked))
			if status.ExitCode != 0 || !strings.HasPrefix(out, "hello") {
				t.Errorf("exit code %d, output %q", status.ExitCode, out)
			}
			if answer, _ := os.ReadFile(filepath.Join(source, "answer")); string(answer) != "there\n" {
				t.Errorf("the volume holds %q", answer)
			}
			if after := shallow(t, target); after != before {
				t.Errorf("on the machine, %s was\n%s\nand is\n%s", target, before, after)
			}
		})
	}
}

// shallow tells which of a path's ancestors exist, and what is beside it.
func shallow(t *testing.T, path string) string {
	t.Helper()
	var found strings.Builder
	for ; path != "/"; path = filepath.Dir(path) {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			found.WriteString("no ")
		}
		found.WriteString(path + "\n")
	}
	return found.String()
}

func TestFileVolume(t *testing.T) {
	f, ok := withNamespace(t)
	if !ok {
		return
	}
	source := write(t, filepath.Join(t.TempDir(), "file"), "hello")
	for _, target := range []string{"/etc/pocctl-test.conf", "/etc/hostname", "/dev/termination-log", "/a/b.conf"} {
		out, status := f.run(shell("cat "+target, mounts(mountOf(source, target, false))))
		if status.ExitCode != 0 || out != "hello\n" {
			t.Errorf("%s: exit code %d, output %q", target, status.ExitCode, out)
		}
	}
	if _, err := os.Stat("/dev/termination-log"); err == nil {
		t.Error("a mount point was made on the machine")
	}
}

func TestNestedVolumes(t *testing.T) {
	f, ok := withNamespace(t)
	if !ok {
		return
	}
	outer, inner := openDirectory(t), openDirectory(t)
	write(t, filepath.Join(outer, "outer"), "1")
	write(t, filepath.Join(inner, "inner"), "2")
	out, status := f.run(shell("cat /data/outer /data/in/side/inner",
		mounts(mountOf(inner, "/data/in/side", false), mountOf(outer, "/data", false))))
	if status.ExitCode != 0 || strings.TrimSpace(out) != "12" {
		t.Errorf("exit code %d, output %q", status.ExitCode, out)
	}
}

func TestReadOnlyVolume(t *testing.T) {
	f, ok := withNamespace(t)
	if !ok {
		return
	}
	source := openDirectory(t)
	out, _ := f.run(shell("touch /data/x 2>&1; true", mounts(mountOf(source, "/data", true))))
	if !strings.Contains(out, "Read-only file system") {
		t.Errorf("output %q", out)
	}
}

func TestReadOnlyRoot(t *testing.T) {
	f, ok := withNamespace(t)
	if !ok {
		return
	}
	data := openDirectory(t)
	machine := openDirectory(t) // writable for the user, were it not for the root
	f.options.Visible = nil
	readOnly := security(func(s *runtimeapi.LinuxContainerSecurityContext) { s.ReadonlyRootfs = true })
	out, status := f.run(shell(`for place in / /etc /var/tmp /usr/pocctl-test; do touch $place/x 2>/dev/null && echo "wrote to $place"; done
touch /data/x /tmp/x && echo >/dev/null && echo fine`, readOnly, mounts(mountOf(data, "/data", false), mountOf(machine, "/usr/pocctl-test", true))))
	if status.ExitCode != 0 || strings.TrimSpace(out) != "fine" {
		t.Errorf("exit code %d, output %q", status.ExitCode, out)
	}
}

func TestContainersHaveATemporaryDirectoryOfTheirOwn(t *testing.T) {
	everyIsolation(t, func(t *testing.T, f *fixture) {
		one, two := f.start(shell("touch /tmp/healthy; echo ready; sleep 600")), f.start(shell("echo ready; sleep 600"))
		f.ready(one, "ready")
		f.ready(two, "ready")
		if _, err := f.exec(one, "cat", "/tmp/healthy"); err != nil {
			t.Errorf("a command does not see the container's file: %v", err)
		}
		if _, err := f.exec(two, "cat", "/tmp/healthy"); err == nil {
			t.Error("a container sees the file of another")
		}
	})
}

func TestHostsFileIsTheNodes(t *testing.T) {
	hosts := write(t, filepath.Join(t.TempDir(), "hosts"), "127.43.0.1 one\n")
	f, ok := withNamespace(t, func(o *Options) {
		o.HostsFile = func(namespace string) string {
			if namespace == "default" {
				return hosts
			}
			return ""
		}
	})
	if !ok {
		return
	}
	kubelets := write(t, filepath.Join(t.TempDir(), "etc-hosts"), "kubelet's\n")
	id := f.start(shell("cat /etc/hosts; sleep 600", mounts(mountOf(kubelets, "/etc/hosts", false))))
	f.ready(id, "127.43.0.1 one")
	// In place, as it is kept up to date.
	write(t, hosts, "127.43.0.1 one two\n")
	if out, err := f.exec(id, "cat", "/etc/hosts"); err != nil || !strings.Contains(out, "one two") {
		t.Errorf("output %q, %v", out, err)
	}
}

func TestSubstitutionOfPaths(t *testing.T) {
	f := newFixture(t, isolated(Substitute))
	source := openDirectory(t)
	write(t, filepath.Join(source, "app.conf"), "hello\n")
	out, status := f.run(shell(`cat /etc/app/app.conf "$CONFIG"; echo "$POCCTL_MOUNTS"; cat app.conf`,
		env("CONFIG", "/etc/app/app.conf"), mounts(mountOf(source, "/etc/app", true)),
		func(c *runtimeapi.ContainerConfig) { c.WorkingDir = "/etc/app" }))
	if status.ExitCode != 0 || strings.Count(out, "hello") != 3 || !strings.Contains(out, `"/etc/app":"`+source+`"`) {
		t.Errorf("exit code %d, output %q", status.ExitCode, out)
	}
}

func TestMissingSourceIsRefused(t *testing.T) {
	f := newFixture(t)
	_, err := f.tryStart(shell("", mounts(mountOf("/nowhere/at/all", "/data", false))))
	if err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("CreateContainer gave %v", err)
	}
}

func TestWorkingDirectory(t *testing.T) {
	f, ok := withNamespace(t)
	if !ok {
		return
	}
	for _, directory := range []string{"", "/usr", "/app/does/not/exist"} {
		out, _ := f.run(shell("pwd", func(c *runtimeapi.ContainerConfig) { c.WorkingDir = directory }))
		if want := max(directory, "/"); strings.TrimSpace(out) != want {
			t.Errorf("working directory %q, want %q", out, want)
		}
	}
	if _, err := os.Stat("/app/does"); err == nil {
		t.Error("a working directory was made on the machine")
	}
}

func TestRootsPrivateDirectoryIsRefusedWithoutNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		return // an ordinary user's containers run as that user
	}
	options := newFixture(t).options
	options.Isolation, options.Directory = Substitute, filepath.Join(t.TempDir(), "private")
	if err := os.Mkdir(options.Directory, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(options.Directory), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), options); err == nil || !strings.Contains(err.Error(), "choose another directory") {
		t.Errorf("New gave %v", err)
	}
}
