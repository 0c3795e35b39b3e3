// Package image maps container image references to programs of this machine.
package image

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/pocctl/pocctl/internal/fault"
)

// DefaultUser is the user, and the group, of a container whose pod asks for none.
const DefaultUser = 65532

// Image is a program that stands for a container image.
type Image struct {
	// Name is the reference without tag or digest.
	Name string
	// Program is an absolute path on this machine. Empty means the machine's own
	// tools: the pod's command is then looked up on PATH, and is a shell by default.
	Program string
	// Args come before the pod's own arguments.
	Args []string
	Env  map[string]string
	// User is the uid that the program runs as unless the pod names one; 0 is
	// taken as DefaultUser, so that root is only ever asked for by the pod.
	User int64
	// StopSignal asks the program to end unless the pod names one; 0 is SIGTERM.
	StopSignal syscall.Signal
	// Path is where a container finds the program; by default the last part of
	// the name below "/", for example "/pocctl".
	Path string
}

// Entry is an image that was found, with what identifies its content.
type Entry struct {
	Image
	// ID is "sha256:…"; it changes when the program is rebuilt.
	ID string
	// Size is the program's, in bytes.
	Size uint64
}

// Catalogue holds the images that the node knows. It is safe for concurrent use.
type Catalogue struct {
	builtin map[string]Image

	mu    sync.RWMutex
	added map[string]Image
}

// NewCatalogue makes a catalogue of the built-in images, to which "busybox", the
// machine's own tools, is added.
func NewCatalogue(builtin ...Image) *Catalogue {
	tools := Image{Name: "busybox"}
	return &Catalogue{builtin: byName(append([]Image{tools}, builtin...))}
}

// Set replaces the environment's own images. One of them wins over a built-in
// image of the same name.
func (c *Catalogue) Set(images ...Image) {
	added := byName(images)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added = added
}

// Resolve finds the image of a reference, or of an ID that an earlier Resolve
// gave. The error is a fault.ImageUnknown, or says why the program can't be used.
func (c *Catalogue) Resolve(reference string) (Entry, error) {
	if strings.HasPrefix(reference, idPrefix) {
		return c.byID(reference)
	}
	image, known := c.lookup(Normalise(reference))
	if !known {
		return Entry{}, c.unknown(reference)
	}
	return identify(image)
}

// Names lists the known images, sorted.
func (c *Catalogue) Names() []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	names := slices.Collect(maps.Keys(c.builtin))
	for name := range c.added {
		if _, replaced := c.builtin[name]; !replaced {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// List gives the images whose programs can be used.
func (c *Catalogue) List() []Entry {
	var entries []Entry
	for _, name := range c.Names() {
		if entry, err := c.Resolve(name); err == nil {
			entries = append(entries, entry)
		}
	}
	return entries
}

func (c *Catalogue) lookup(name string) (Image, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if image, known := c.added[name]; known {
		return image, true
	}
	image, known := c.builtin[name]
	return image, known
}

func (c *Catalogue) byID(id string) (Entry, error) {
	for _, entry := range c.List() {
		if entry.ID == id {
			return entry, nil
		}
	}
	return Entry{}, c.unknown(id)
}

func (c *Catalogue) unknown(reference string) error {
	return fault.New(fault.ImageUnknown,
		"image", reference,
		"name", Normalise(reference),
		"known", strings.Join(c.Names(), ", "))
}

func byName(images []Image) map[string]Image {
	named := make(map[string]Image, len(images))
	for _, image := range images {
		image.Name = Normalise(image.Name)
		if image.Path == "" {
			image.Path = "/" + path.Base(image.Name)
		}
		if image.User == 0 {
			image.User = DefaultUser
		}
		named[image.Name] = image
	}
	return named
}

func identify(image Image) (Entry, error) {
	if image.Program == "" {
		return Entry{Image: image, ID: digest(image, nil)}, nil
	}
	info, err := os.Stat(image.Program)
	if err != nil {
		return Entry{}, fmt.Errorf("find the program of image %s: %w", image.Name, err)
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return Entry{}, fmt.Errorf("image %s: %s is not an executable file", image.Name, image.Program)
	}
	return Entry{Image: image, ID: digest(image, info), Size: uint64(info.Size())}, nil
}
