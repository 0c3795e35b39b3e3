// Package supervisor keeps the processes of a local cluster running. It outlives
// the command that starts it, holds the cluster's address range, and takes
// everything down with it when it goes.
package supervisor

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/controlplane"
	"github.com/pocctl/pocctl/internal/provision/local/process"
)

// Options of a supervisor.
type Options struct {
	// Directory is the cluster's state directory, with its description in it.
	Directory string
	// Log is told what happens.
	Log *slog.Logger
}

// leftoverDeadline bounds the wait for processes of a killed supervisor.
const leftoverDeadline = 10 * time.Second

// Run keeps the cluster running until ctx ends, then stops it in order. Only one
// supervisor runs on a directory: another gets ErrHeld at once.
func Run(ctx context.Context, options Options) error {
	lock, err := hold(options.Directory)
	if err != nil {
		return err
	}
	defer lock.Close()

	c, err := cluster.Load(options.Directory)
	if err != nil {
		return err
	}
	board := newBoard(c)
	if err := run(ctx, c, board, options.Log); err != nil {
		board.fail(err)
		return err
	}
	return nil
}

func run(ctx context.Context, c cluster.Cluster, board *board, log *slog.Logger) error {
	cleaning, cancel := context.WithTimeout(ctx, leftoverDeadline)
	defer cancel()
	if err := process.Kill(cleaning, Marker(c.Directory)); err != nil {
		return fmt.Errorf("end what an earlier supervisor left: %w", err)
	}

	slot, err := takeSlot(&c)
	if err != nil {
		return err
	}
	defer slot.Close()
	if err := c.Save(); err != nil {
		return err
	}
	files, err := controlplane.Certificates(c)
	if err != nil {
		return err
	}
	if err := copyKubeconfig(files.Admin.Kubeconfig, c.Kubeconfig()); err != nil {
		return err
	}

	log.Info("starting", "cluster", c.Name, "pods", c.PodRange().String())
	return newFleet(c, files, board, log).run(ctx)
}

// Marker is the environment variable that every process of the cluster carries.
func Marker(directory string) string { return "POCCTL_CLUSTER=" + directory }

func copyKubeconfig(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

// takeSlot holds an address range: the cluster's own if it has data, since its
// Services' addresses are in there, or else the first that is free.
func takeSlot(c *cluster.Cluster) (net.Listener, error) {
	if _, err := os.Stat(c.EtcdData()); err == nil {
		listener, err := net.Listen("tcp4", c.SlotLock().String()) //nolint:noctx // takes no time
		if err != nil {
			return nil, fmt.Errorf("another cluster holds the addresses %s of this one: take that one down, or this one with `pocctl down --keep-data`, and bring it up again: %w", c.PodRange(), err)
		}
		return listener, nil
	}
	for _, c.Slot = range slots(c.Directory) {
		if listener, err := net.Listen("tcp4", c.SlotLock().String()); err == nil { //nolint:noctx // takes no time
			return listener, nil
		}
	}
	return nil, fmt.Errorf("all %d address ranges of this machine are held by other clusters", cluster.Slots)
}

// slots gives the order in which a new cluster tries them: the first one, then
// from a place of the directory's own on. A cluster that is down for a moment
// finds its slot free when others do not all take the lowest.
func slots(directory string) []int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(directory)) // never fails
	order := []int{0}
	for i := range cluster.Slots {
		if slot := (int(hash.Sum32()%cluster.Slots) + i) % cluster.Slots; slot != 0 {
			order = append(order, slot)
		}
	}
	return order
}
