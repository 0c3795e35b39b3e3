//go:build linux

package shim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// enterRoot builds the container's file system and makes it the root.
//
// It is a tmpfs that shows the machine's top-level directories as they are. Where
// a mount point is missing, its directory is mirrored: made anew on the tmpfs,
// with each of the machine's entries shown in it. So nothing is ever created on
// the machine.
func enterRoot(spec *Spec) error {
	root := spec.Root
	mounts := root.Mounts
	if spec.Alias != "" && spec.Program != "" {
		if _, err := os.Lstat(spec.Alias); errors.Is(err, os.ErrNotExist) {
			mounts = append([]Mount{{Source: spec.Program, Target: spec.Alias, ReadOnly: true}}, mounts...)
		}
	}
	tree, err := plan(mounts, spec.Directory)
	if err != nil {
		return err
	}
	if root.Hostname != "" {
		if err := unix.Sethostname([]byte(root.Hostname)); err != nil {
			return fmt.Errorf("set the host name: %w", err)
		}
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := unix.Mount(root.Label, root.Directory, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=64m"); err != nil {
		return fmt.Errorf("mount the root: %w", err)
	}
	// Or else the directory's own ancestor, shown in the root, would hold the root.
	if err := unix.Mount("", root.Directory, "", unix.MS_UNBINDABLE, ""); err != nil {
		return fmt.Errorf("mount the root: %w", err)
	}
	b := builder{readOnly: root.ReadOnly, user: spec.User}
	if err := b.mirror(root.Directory, "/", tree); err != nil {
		return err
	}
	if root.ReadOnly {
		if err := setReadOnly(unix.AT_FDCWD, root.Directory, 0); err != nil {
			return fmt.Errorf("make the root read-only: %w", err)
		}
	}
	return pivot(root.Directory)
}

func pivot(directory string) error {
	if err := os.Chdir(directory); err != nil {
		return fmt.Errorf("enter the root: %w", err)
	}
	// With both arguments the same, the old root ends up below the new one, from
	// where it is detached. See pivot_root(2).
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot to the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	return os.Chdir("/")
}

type builder struct {
	readOnly bool
	user     *User
}

// mirror fills the directory at, which is on the root's tmpfs, with the entries
// of source (empty for none) and what the tree wants there.
func (b *builder) mirror(at, source string, n *node) error {
	for _, entry := range entries(source) {
		if n.children[entry.Name()] != nil {
			continue
		}
		if err := b.show(filepath.Join(at, entry.Name()), filepath.Join(source, entry.Name()), entry); err != nil {
			return err
		}
	}
	for name, child := range n.children {
		target := filepath.Join(at, name)
		if child.mount != nil {
			if err := makePoint(target, isDirectory(child.mount.Source)); err != nil {
				return err
			}
			if err := b.mount(target, child); err != nil {
				return err
			}
			continue
		}
		below := ""
		if source != "" && isDirectory(filepath.Join(source, name)) {
			below = filepath.Join(source, name)
		}
		if err := b.directory(target, below, child); err != nil {
			return err
		}
	}
	return nil
}

// directory makes a directory that has mounts below it.
func (b *builder) directory(at, source string, n *node) error {
	if err := os.Mkdir(at, 0o755); err != nil { //nolint:gosec // as public as the machine's
		return fmt.Errorf("make %s: %w", at, err)
	}
	if source == "" {
		if b.user != nil && len(n.children) == 0 { // a working directory
			if err := os.Chown(at, b.user.UID, b.user.GID); err != nil {
				return fmt.Errorf("make %s: %w", at, err)
			}
		}
		return b.mirror(at, "", n)
	}
	if n.fits(source) {
		if err := bind(source, at, b.locked(source)); err != nil {
			return err
		}
		return b.descend(at, n)
	}
	if info, err := os.Stat(source); err == nil {
		// Best effort: in a user namespace, the owner may not be mapped.
		_ = os.Chmod(at, info.Mode().Perm()|info.Mode()&os.ModeSticky)
	}
	return b.mirror(at, source, n)
}

// descend mounts what is wanted below a directory that has all mount points.
func (b *builder) descend(at string, n *node) error {
	for name, child := range n.children {
		target := filepath.Join(at, name)
		if child.mount == nil {
			if err := b.descend(target, child); err != nil {
				return err
			}
			continue
		}
		if err := b.mount(target, child); err != nil {
			return err
		}
	}
	return nil
}

// mount binds a volume. Mount points inside a volume are made in the volume, as
// every container runtime does.
func (b *builder) mount(at string, n *node) error {
	if err := makePoints(n.mount.Source, n); err != nil {
		return err
	}
	if err := bind(n.mount.Source, at, n.mount.ReadOnly); err != nil {
		return err
	}
	return b.descend(at, n)
}

func makePoints(directory string, n *node) error {
	for name, child := range n.children {
		path := filepath.Join(directory, name)
		if err := makePoint(path, child.mount == nil || isDirectory(child.mount.Source)); err != nil {
			return err
		}
		if child.mount == nil {
			if err := makePoints(path, child); err != nil {
				return err
			}
		}
	}
	return nil
}

func makePoint(path string, directory bool) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if directory {
		if err := os.Mkdir(path, 0o755); err != nil { //nolint:gosec // a mount goes over it
			return fmt.Errorf("make the mount point: %w", err)
		}
		return nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the mount point: %w", err)
	}
	return file.Close()
}

// show makes one of the machine's entries visible.
func (b *builder) show(at, source string, entry os.DirEntry) error {
	var err error
	if entry.Type()&os.ModeSymlink != 0 {
		var target string
		if target, err = os.Readlink(source); err == nil {
			err = os.Symlink(target, at)
		}
	} else if err = makePoint(at, entry.IsDir()); err == nil {
		err = bind(source, at, b.locked(source))
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil // it went meanwhile
	}
	return err
}

// locked tells whether a path of the machine is shown read-only. Devices and the
// kernel's own file systems stay as they are, as in any container.
func (b *builder) locked(source string) bool {
	if !b.readOnly {
		return false
	}
	switch parts(source)[0] {
	case "dev", "proc", "sys":
		return false
	}
	return true
}

// entries lists a directory; one that may not be read has none.
func entries(directory string) []os.DirEntry {
	if directory == "" {
		return nil
	}
	list, _ := os.ReadDir(directory)
	return list
}
