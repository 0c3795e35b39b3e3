//go:build linux

package shim

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// node is a place below the root at which, or below which, something is wanted
// that the machine may not have there.
type node struct {
	children map[string]*node
	mount    *Mount // nil for a directory that only has to exist
}

// plan makes the tree of mount points and directories. Symbolic links on the way
// are followed on the machine, as the paths of the root are the machine's.
func plan(mounts []Mount, directories ...string) (*node, error) {
	root := &node{}
	for _, directory := range directories {
		if _, err := root.at(directory); err != nil {
			return nil, err
		}
	}
	for _, mount := range mounts {
		place, err := root.at(mount.Target)
		if err != nil {
			return nil, err
		}
		if place == root {
			return nil, fmt.Errorf("mount %s: a mount over / is not possible here", mount.Source)
		}
		place.mount = &mount
	}
	return root, nil
}

// at gives the node of a path, made if it is missing.
func (n *node) at(path string) (*node, error) {
	resolved, err := resolve(path)
	if err != nil {
		return nil, err
	}
	place := n
	for _, name := range parts(resolved) {
		child := place.children[name]
		if child == nil {
			child = &node{}
			if place.children == nil {
				place.children = map[string]*node{}
			}
			place.children[name] = child
		}
		place = child
	}
	return place, nil
}

// fits tells whether all places below n exist in source, with the right type, so
// that the directory can be shown as it is.
func (n *node) fits(source string) bool {
	for name, child := range n.children {
		path := filepath.Join(source, name)
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&os.ModeSymlink != 0 {
			return false
		}
		if child.mount == nil {
			if !info.IsDir() || !child.fits(path) {
				return false
			}
			continue
		}
		if info.IsDir() != isDirectory(child.mount.Source) {
			return false
		}
	}
	return true
}

const maxLinks = 40 // the kernel's own limit

// resolve follows the symbolic links of an absolute path, whose end need not exist.
func resolve(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("mount path %q is not absolute", path)
	}
	done, rest, links := "/", parts(path), 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		next := filepath.Join(done, name)
		target, err := os.Readlink(next)
		if err != nil { // not a link, or not there
			done = next
			continue
		}
		links++
		if links > maxLinks {
			return "", fmt.Errorf("follow %s: too many symbolic links", path)
		}
		if filepath.IsAbs(target) {
			done = "/"
		}
		// The target's parts are cut before cleaning: a/../b may lead through a link.
		rest = slices.Concat(strings.FieldsFunc(target, func(r rune) bool { return r == '/' }), rest)
	}
	return done, nil
}

func parts(path string) []string {
	return strings.FieldsFunc(filepath.Clean(path), func(r rune) bool { return r == '/' })
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
