//go:build linux && !slim

package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/kubernetes/pkg/volume/util/hostutil"
	"k8s.io/kubernetes/pkg/volume/util/subpath"
	"k8s.io/mount-utils"
)

// directories stands in for mounts: every volume of this node is a directory
// under the kubelet's root, and the runtime shows it to the container.
type directories struct{}

var _ mount.Interface = directories{}

func (directories) Mount(string, string, string, []string) error { return nil }

func (directories) MountSensitive(string, string, string, []string, []string) error { return nil }

func (directories) MountSensitiveWithoutSystemd(string, string, string, []string, []string) error {
	return nil
}

func (directories) MountSensitiveWithoutSystemdWithMountFlags(string, string, string, []string, []string, []string) error {
	return nil
}

func (directories) Unmount(string) error { return nil }

func (directories) List() ([]mount.MountPoint, error) { return nil, nil }

func (directories) IsLikelyNotMountPoint(path string) (bool, error) {
	_, err := os.Stat(path)
	return true, err
}

func (directories) CanSafelySkipMountPointCheck() bool { return false }

func (directories) IsMountPoint(path string) (bool, error) {
	_, err := os.Stat(path)
	return false, err
}

func (directories) GetMountRefs(string) ([]string, error) { return nil, nil }

// subpaths resolves a volume's subPath without a mount of its own. The path is
// resolved once, when the container starts, and must lie within the volume.
type subpaths struct{}

var _ subpath.Interface = subpaths{}

func (subpaths) CleanSubPaths(string, string) error { return nil }

func (subpaths) PrepareSafeSubpath(wanted subpath.Subpath) (string, func(), error) {
	resolved, err := within(wanted.VolumePath, wanted.Path)
	if err != nil {
		return "", nil, fmt.Errorf("prepare subPath: %w", err)
	}
	return resolved, nil, nil
}

func (subpaths) SafeMakeDir(directory, base string, permissions os.FileMode) error {
	root, err := os.OpenRoot(base)
	if err != nil {
		return fmt.Errorf("make subPath: %w", err)
	}
	defer root.Close()
	relative := directory
	if filepath.IsAbs(directory) {
		if relative, err = filepath.Rel(base, directory); err != nil {
			return fmt.Errorf("make subPath: %w", err)
		}
	}
	if relative == "." {
		return nil
	}
	if err := root.MkdirAll(relative, permissions.Perm()); err != nil {
		return fmt.Errorf("make subPath: %w", err)
	}
	return nil
}

func within(base, path string) (string, error) {
	realBase, err := filepath.EvalSymlinks(base)
	if err != nil {
		return "", err
	}
	realPath, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	if realPath != realBase && !strings.HasPrefix(realPath, realBase+string(filepath.Separator)) {
		return "", fmt.Errorf("%s leaves its volume", path)
	}
	return realPath, nil
}

// hostPaths is the machine's file system, of which nothing is mounted: where the
// kubelet, as root, would bind its root directory onto itself, it stays.
type hostPaths struct{ hostutil.HostUtils }

func (hostPaths) MakeRShared(string) error { return nil }
