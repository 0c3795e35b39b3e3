// Package cloud is the account that the AWS double pretends to have: resources
// as files in one directory, which the provider's processes and the servers of
// the APIs share, and a control file that says what goes wrong. A process that
// is killed leaves whole files.
package cloud

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Environment names the variable with the directory of the account.
const Environment = "POCCTL_AWSDOUBLE_DIR"

// Account is the directory of one pretended account.
type Account struct {
	directory string
}

// Resource is something that exists in the account.
type Resource struct {
	Type       string         `json:"type"` // Terraform's, "aws_vpc"
	ID         string         `json:"id"`
	Attributes map[string]any `json:"attributes"` // Terraform's, as JSON has them
	Made       time.Time      `json:"made"`
	// Ready is when AWS is done with making it.
	Ready time.Time `json:"ready,omitzero"`
}

// ErrExists is returned for a resource whose identifier is taken.
var ErrExists = errors.New("it exists already")

// Open opens the account in a directory, which is made if it is not there.
func Open(directory string) (*Account, error) {
	for _, part := range []string{"resources", "spent"} {
		if err := os.MkdirAll(filepath.Join(directory, part), 0o700); err != nil {
			return nil, fmt.Errorf("open the account of the AWS double: %w", err)
		}
	}
	return &Account{directory: directory}, nil
}

// Directory is where the account is.
func (a *Account) Directory() string { return a.directory }

func (a *Account) path(kind, id string) string {
	return filepath.Join(a.directory, "resources", kind, url.PathEscape(id)+".json")
}

// Add makes a resource; ErrExists if its identifier is taken.
func (a *Account) Add(resource Resource) error {
	path := a.path(resource.Type, resource.ID)
	temporary, err := a.write(path, resource)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	if err := os.Link(temporary, path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s %s: %w", resource.Type, resource.ID, ErrExists)
	} else if err != nil {
		return err
	}
	return nil
}

// Put makes a resource, or replaces what it has.
func (a *Account) Put(resource Resource) error {
	path := a.path(resource.Type, resource.ID)
	temporary, err := a.write(path, resource)
	if err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// write writes a resource to a new file beside its own.
func (a *Account) write(path string, resource Resource) (string, error) {
	text, err := json.Marshal(resource)
	if err != nil {
		return "", fmt.Errorf("keep %s %s: %w", resource.Type, resource.ID, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	temporary := filepath.Join(filepath.Dir(path), "."+rand.Text())
	return temporary, os.WriteFile(temporary, text, 0o600)
}

// Get finds a resource; the second result tells whether it is there.
func (a *Account) Get(kind, id string) (Resource, bool, error) {
	resource, err := read(a.path(kind, id))
	if errors.Is(err, fs.ErrNotExist) {
		return Resource{}, false, nil
	}
	return resource, err == nil, err
}

// Remove removes a resource; it is no error if it isn't there.
func (a *Account) Remove(kind, id string) error {
	if err := os.Remove(a.path(kind, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Linger deletes a resource as AWS deletes keys and secrets: it is gone, but for a
// while its name is taken and its tags are found.
func (a *Account) Linger(kind, id string) error {
	target := filepath.Join(a.directory, "lingering", kind, url.PathEscape(id)+".json")
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	if err := os.Rename(a.path(kind, id), target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Lingering gives the resources of a type, or all for "", that are deleted and
// not quite gone.
func (a *Account) Lingering(kind string) ([]Resource, error) { return a.list("lingering", kind) }

// Objects is the directory of a bucket's objects.
func (a *Account) Objects(bucket string) string {
	return filepath.Join(a.directory, "objects", bucket)
}

// List gives the resources of a type, or all for "", in the order they were made.
func (a *Account) List(kind string) ([]Resource, error) { return a.list("resources", kind) }

func (a *Account) list(part, kind string) ([]Resource, error) {
	if kind == "" {
		kind = "*"
	}
	paths, err := filepath.Glob(filepath.Join(a.directory, part, kind, "[^.]*.json"))
	if err != nil {
		return nil, err
	}
	found := make([]Resource, 0, len(paths))
	for _, path := range paths {
		resource, err := read(path)
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, resource)
	}
	slices.SortStableFunc(found, func(one, other Resource) int {
		if order := one.Made.Compare(other.Made); order != 0 {
			return order
		}
		return strings.Compare(one.Type+one.ID, other.Type+other.ID)
	})
	return found, nil
}

func read(path string) (Resource, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Resource{}, err
	}
	var resource Resource
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // so that a million stays one
	if err := decoder.Decode(&resource); err != nil {
		return Resource{}, fmt.Errorf("read %s: %w", path, err)
	}
	return resource, nil
}

// Text is a resource's attribute as text, "" if it has none.
func (r Resource) Text(name string) string {
	switch value := r.Attributes[name].(type) {
	case nil:
		return ""
	case string:
		return value
	default:
		return fmt.Sprint(value)
	}
}

// Tags are a resource's, those of the provider's default_tags among them.
func (r Resource) Tags() map[string]string {
	tags := map[string]string{}
	for _, name := range []string{"tags", "tags_all"} {
		some, _ := r.Attributes[name].(map[string]any)
		for key, value := range some {
			tags[key] = fmt.Sprint(value)
		}
	}
	return tags
}

// Matches tells whether a resource has all of the values: an attribute's as
// text, or a tag's under "tags.Name".
func Matches(attributes map[string]any, match map[string]string) bool {
	resource := Resource{Attributes: attributes}
	for name, want := range match {
		got := resource.Text(name)
		if tag, ok := strings.CutPrefix(name, "tags."); ok {
			got = resource.Tags()[tag]
		}
		if got != want {
			return false
		}
	}
	return true
}
