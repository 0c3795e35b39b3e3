//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/provision/local/image"
	"github.com/pocctl/pocctl/internal/provision/local/runtime/process"
	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim"
)

// CreateContainer makes what a container needs, and starts nothing.
func (r *Runtime) CreateContainer(_ context.Context, sandboxID string, config *runtimeapi.ContainerConfig, sandboxConfig *runtimeapi.PodSandboxConfig) (string, error) {
	r.mu.Lock()
	s := r.sandboxes[sandboxID]
	r.mu.Unlock()
	if s == nil {
		return "", notFound("pod sandbox", sandboxID)
	}
	entry, err := r.imageOf(config.GetImage())
	if err != nil {
		return "", err
	}
	c := &container{
		id:        r.newID(),
		sandbox:   s,
		config:    config,
		image:     entry,
		isolation: r.isolation,
		user:      userOf(config.GetLinux().GetSecurityContext(), entry.User),
		created:   r.options.Now().UnixNano(),
		done:      make(chan struct{}),
		state:     runtimeapi.ContainerState_CONTAINER_CREATED,
	}
	if directory := sandboxConfig.GetLogDirectory(); directory != "" && config.GetLogPath() != "" {
		c.logPath = filepath.Join(directory, config.GetLogPath())
	}
	if err := r.prepare(c); err != nil {
		_ = os.RemoveAll(r.containerDirectory(c.id))
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sandboxes[sandboxID] == nil || !s.ready {
		_ = os.RemoveAll(r.containerDirectory(c.id))
		return "", fmt.Errorf("create a container: its pod %s was stopped", s.config.GetMetadata().GetName())
	}
	r.containers[c.id] = c
	return c.id, nil
}

// imageOf prefers the reference of the pod: the kubelet gives an ID beside it,
// which a rebuild of the program has changed.
func (r *Runtime) imageOf(spec *runtimeapi.ImageSpec) (image.Entry, error) {
	if reference := spec.GetUserSpecifiedImage(); reference != "" {
		return r.options.Images.Resolve(reference)
	}
	return r.options.Images.Resolve(spec.GetImage())
}

// prepare makes the container's directory and collects its mounts: first the
// node's own, then the pod's, so that the pod's win.
func (r *Runtime) prepare(c *container) error {
	directory := r.containerDirectory(c.id)
	if err := os.MkdirAll(directory, 0o711); err != nil { //nolint:gosec // its user passes through
		return fmt.Errorf("make the container's directory: %w", err)
	}
	temporary := filepath.Join(directory, "tmp")
	if err := makeShared(temporary); err != nil {
		return fmt.Errorf("make the container's /tmp: %w", err)
	}
	c.mounts = []shim.Mount{{Source: temporary, Target: "/tmp"}}
	c.mounts = append(c.mounts, r.visible(c)...)
	if c.isolation != process.None {
		passwd, err := writePasswd(directory, c.user)
		if err != nil {
			return fmt.Errorf("make the container's /etc/passwd: %w", err)
		}
		if passwd != "" {
			c.mounts = append(c.mounts, shim.Mount{Source: passwd, Target: "/etc/passwd", ReadOnly: true})
		}
	}
	for _, mount := range c.config.GetMounts() {
		resolved, err := r.mount(c, mount)
		if err != nil {
			return err
		}
		c.mounts = slices.DeleteFunc(c.mounts, func(m shim.Mount) bool { return m.Target == resolved.Target })
		c.mounts = append(c.mounts, resolved)
	}
	return nil
}

func makeShared(directory string) error {
	if err := os.Mkdir(directory, 0o755); err != nil { //nolint:gosec // and wider below
		return err
	}
	return os.Chmod(directory, 0o777|os.ModeSticky) //nolint:gosec // as every /tmp is; Chmod goes past the umask
}

// visible gives the paths below the machine's /tmp that a container still sees.
func (r *Runtime) visible(c *container) []shim.Mount {
	paths := slices.Clone(r.options.Visible)
	if c.image.Program != "" {
		paths = append(paths, filepath.Dir(c.image.Program))
	}
	var mounts []shim.Mount
	for _, visible := range paths {
		if _, err := os.Stat(visible); err == nil && strings.HasPrefix(visible, "/tmp/") {
			mounts = append(mounts, shim.Mount{Source: visible, Target: visible})
		}
	}
	return mounts
}

// writePasswd gives the machine's users with the container's own added, or "" if
// it is there: some programs, initdb among them, must find their user's name.
func writePasswd(directory string, user shim.User) (string, error) {
	source, err := os.Open("/etc/passwd")
	if errors.Is(err, os.ErrNotExist) {
		return "", nil // the path is not ours to invent
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = source.Close() }()
	content, err := io.ReadAll(source)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Split(line, ":"); len(fields) > 2 && fields[2] == fmt.Sprint(user.UID) {
			return "", nil
		}
	}
	name := filepath.Join(directory, "passwd")
	line := fmt.Sprintf("pocctl:x:%d:%d:container:/:/sbin/nologin\n", user.UID, user.GID)
	return name, os.WriteFile(name, append(content, line...), 0o644) //nolint:gosec // as public as the original
}

func (r *Runtime) mount(c *container, mount *runtimeapi.Mount) (shim.Mount, error) {
	target := path.Clean(mount.GetContainerPath())
	if mount.GetImage().GetImage() != "" {
		return shim.Mount{}, fmt.Errorf("mount %s: an image can't be a volume here: images are programs", target)
	}
	source := mount.GetHostPath()
	if target == "/etc/hosts" {
		if hosts := r.options.HostsFile(c.sandbox.config.GetMetadata().GetNamespace()); hosts != "" {
			source = hosts
		}
	}
	source, err := filepath.EvalSymlinks(source)
	if err != nil {
		return shim.Mount{}, fmt.Errorf("mount %s: %w", target, err)
	}
	if !mount.GetReadonly() && c.isolation.ChangesUser() {
		if err := r.giveEmpty(source, c.user); err != nil {
			return shim.Mount{}, fmt.Errorf("mount %s: %w", target, err)
		}
	}
	return shim.Mount{Source: source, Target: target, ReadOnly: mount.GetReadonly()}, nil
}

// giveEmpty makes a new volume's directory the container's, as a provisioner of
// local volumes would, when only root could write to it.
func (r *Runtime) giveEmpty(directory string, user shim.User) error {
	base := r.options.DataDirectory
	if base == "" || !strings.HasPrefix(directory, filepath.Clean(base)+"/") {
		return nil
	}
	info, err := os.Stat(directory)
	if err != nil || !info.IsDir() || info.Mode()&0o002 != 0 {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || owner.Uid != 0 {
		return nil
	}
	if entries, err := os.ReadDir(directory); err != nil || len(entries) > 0 {
		return err
	}
	return os.Chown(directory, user.UID, user.GID)
}
