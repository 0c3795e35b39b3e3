// Package cluster describes one local cluster: its addresses, its programs, and
// where it keeps its state. The description is a file in the state directory, so
// that the command, the supervisor and the node all see the same one.
package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// NodeName is the name of the one node.
const NodeName = "pocctl"

// Cluster is the description.
type Cluster struct {
	// Name is the environment's name.
	Name string `json:"name"`
	// Binary is the pocctl that runs every component, and Build its identity: a
	// running cluster of another build is restarted with the new one.
	Binary string `json:"binary"`
	Build  string `json:"build"`
	// Slot numbers the clusters of one machine; it picks the address ranges.
	Slot int `json:"slot"`
	// Ingress is where HTTP enters, and IngressWanted what the environment asks
	// for: the next free port is taken where that one is busy.
	Ingress       string `json:"ingress"`
	IngressWanted string `json:"ingressWanted"`

	// PostgresDirectory holds postgres and initdb.
	PostgresDirectory string `json:"postgresDirectory,omitempty"`
	// Images are the environment's own images, by name.
	Images map[string]Image `json:"images,omitempty"`

	// Directory is the state directory itself; it is not stored.
	Directory string `json:"-"`
}

// Image is a program of this machine that stands for a container image.
type Image struct {
	Program string            `json:"program"` // absolute path
	Args    []string          `json:"args,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
}

// Load reads the description in directory. A missing one is fs.ErrNotExist.
func Load(directory string) (Cluster, error) {
	var c Cluster
	data, err := os.ReadFile(filepath.Join(directory, descriptionFile))
	if err != nil {
		return c, fmt.Errorf("read cluster description: %w", err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("read cluster description: %w", err)
	}
	c.Directory = directory
	return c, nil
}

// Exists says whether directory holds a cluster.
func Exists(directory string) bool {
	_, err := os.Stat(filepath.Join(directory, descriptionFile))
	return !errors.Is(err, fs.ErrNotExist)
}

// Save writes the description, whole or not at all.
func (c Cluster) Save() error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("write cluster description: %w", err)
	}
	return writeFile(filepath.Join(c.Directory, descriptionFile), data)
}

const descriptionFile = "cluster.json"

// writeFile replaces path with data under a new name first, so that a reader or
// a kill never meets half a file.
func writeFile(path string, data []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// Changed tells when the description in directory was last written.
func Changed(directory string) (time.Time, error) {
	info, err := os.Stat(filepath.Join(directory, descriptionFile))
	if err != nil {
		return time.Time{}, fmt.Errorf("look at cluster description: %w", err)
	}
	return info.ModTime(), nil
}
