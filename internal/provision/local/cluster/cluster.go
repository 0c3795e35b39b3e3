// Package cluster describes one local cluster: its addresses, its programs, and
// where it keeps its state. The description is a file in the state directory, so
// that the command, the supervisor and the node all see the same one.
package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
)

// NodeName is the name of the one node.
const NodeName = "pocctl"

// Cluster is the description. Addresses are host:port on loopback.
type Cluster struct {
	// Name is the environment's name.
	Name string `json:"name"`
	// Binary is the pocctl that runs every component, and Build its identity: a
	// running cluster of another build is restarted with the new one.
	Binary string `json:"binary"`
	Build  string `json:"build"`
	// Slot numbers the clusters of one machine; it picks the address ranges.
	Slot int `json:"slot"`

	APIServer   string `json:"apiServer"`
	EtcdClient  string `json:"etcdClient"`
	EtcdPeer    string `json:"etcdPeer"`
	Kubelet     string `json:"kubelet"`
	NodeMetrics string `json:"nodeMetrics"`
	Ingress     string `json:"ingress"`
	// IngressWanted is the address that the environment asks for.
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

// PodRange is where pods have their addresses.
func (c Cluster) PodRange() netip.Prefix { return loopbackRange(firstRange + 2*c.Slot) }

// ServiceRange is where Services have their addresses.
func (c Cluster) ServiceRange() netip.Prefix { return loopbackRange(firstRange + 2*c.Slot + 1) }

// ServiceIP is the address of the Service named kubernetes.
func (c Cluster) ServiceIP() netip.Addr { return c.ServiceRange().Addr().Next() }

// DNS is the address of the cluster's name server. Its port can be had without
// privileges, and holding it is what holds the slot.
func (c Cluster) DNS() string {
	base := c.ServiceRange().Addr().As4()
	base[3] = 10
	return netip.AddrPortFrom(netip.AddrFrom4(base), dnsPort).String()
}

// Slots is how many clusters one machine can run side by side.
const Slots = 16

const (
	firstRange      = 42
	dnsPort         = 5353
	descriptionFile = "cluster.json"
)

func loopbackRange(second int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, byte(second), 0, 0}), 16)
}

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
