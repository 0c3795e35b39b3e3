// Package local provisions the local environment: a Kubernetes cluster whose
// components and pods are processes of this machine.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/process"
	"github.com/pocctl/pocctl/internal/provision/local/supervisor"
)

// Options describe a local environment.
type Options struct {
	// Name is the environment's name.
	Name string
	// Directory is its state directory, absolute.
	Directory string
	// Binary is the pocctl to run, absolute, and Build its identity.
	Binary, Build string
	// Ingress is the wanted host:port.
	Ingress string
	// PostgresDirectory holds postgres and initdb; empty where no release needs it.
	PostgresDirectory string
	// Images are the environment's own images, by name.
	Images map[string]cluster.Image
}

// Progress is told what is being waited for, and what is worth a line.
type Progress interface {
	Waiting(format string, args ...any)
	Info(format string, args ...any)
}

// Environment is a local environment, up or not.
type Environment struct {
	options Options
}

// New gives the environment that options describe. Nothing is touched.
func New(options Options) *Environment { return &Environment{options: options} }

// Cluster gives the cluster as it was last described, or as it would be.
func (e *Environment) Cluster() cluster.Cluster {
	c, err := cluster.Load(e.options.Directory)
	if err != nil {
		c = cluster.Cluster{Directory: e.options.Directory, Ingress: e.options.Ingress}
	}
	c.Name = e.options.Name
	c.Binary, c.Build = e.options.Binary, e.options.Build
	c.IngressWanted = e.options.Ingress
	c.PostgresDirectory = e.options.PostgresDirectory
	c.Images = e.options.Images
	return c
}

// pollEvery is how often a wait looks at its condition.
const pollEvery = 25 * time.Millisecond

// Up says whether a supervisor runs the cluster, of whatever build it is.
func (e *Environment) Up() (bool, error) {
	_, up, err := e.running()
	return up, err
}

// Running says whether the supervisor of this very build runs the cluster.
func (e *Environment) Running() (bool, error) {
	build, up, err := e.running()
	return up && build == e.options.Build, err
}

func (e *Environment) running() (build string, up bool, err error) {
	pid, err := supervisor.Holder(e.options.Directory)
	if err != nil || pid == 0 {
		return "", false, err
	}
	status, err := cluster.ReadStatus(e.options.Directory)
	if err != nil {
		return "", false, nil //nolint:nilerr // it has the lock and has not said anything yet
	}
	return status.Build, status.PID == pid && status.Phase == cluster.Running, nil
}

// Stands says whether a supervisor, of whatever build, has the cluster.
func (e *Environment) Stands() (bool, error) {
	pid, err := supervisor.Holder(e.options.Directory)
	return pid != 0, err
}

// Describe writes the cluster's description: of a new cluster, or what changed
// of one that runs.
func (e *Environment) Describe() error {
	c := e.Cluster()
	for _, directory := range []string{c.Directory, filepath.Dir(c.Log("any")), c.Volumes(), c.NodeRoot(), c.PodLogs(), c.Hosts()} {
		if err := os.MkdirAll(directory, 0o700); err != nil {
			return fault.New(fault.StateDirUnwritable, "path", c.Directory).Because(err)
		}
	}
	// Pods may run as another user, who must be able to walk to the volumes.
	return c.Save()
}

// Start sees to it that a supervisor of this build runs. One of another build is
// stopped first: its data stays.
func (e *Environment) Start(ctx context.Context, progress Progress) error {
	pid, err := supervisor.Holder(e.options.Directory)
	if err != nil {
		return err
	}
	if pid != 0 {
		status, err := cluster.ReadStatus(e.options.Directory)
		if err == nil && status.Build == e.options.Build && status.Phase != cluster.Stopping && status.Phase != cluster.Stopped {
			return nil
		}
		progress.Info("the cluster runs with another build of pocctl; restarting it with this one")
		if err := e.Stop(ctx, progress); err != nil {
			return err
		}
	}
	return launch(e.Cluster())
}

// Stop ends the supervisor and everything under it. Nothing of the state is
// removed.
func (e *Environment) Stop(ctx context.Context, progress Progress) error {
	progress.Waiting("the cluster's processes to end")
	if err := stopSupervisor(ctx, e.options.Directory); err != nil {
		return err
	}
	if err := process.Kill(ctx, supervisor.Marker(e.options.Directory)); err != nil {
		return fault.New(fault.LeftBehind, "leftovers", err.Error()).Because(err)
	}
	return nil
}

// Remove deletes the state directory's content; with keepData, all but the data.
// The cluster must have been stopped.
func (e *Environment) Remove(keepData bool) error {
	entries, err := os.ReadDir(e.options.Directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove state: %w", err)
	}
	keep := ""
	if keepData {
		keep = filepath.Base(cluster.Cluster{Directory: e.options.Directory}.Data())
	}
	for _, entry := range entries {
		if !ours(entry.Name()) || entry.Name() == keep {
			continue
		}
		if err := os.RemoveAll(filepath.Join(e.options.Directory, entry.Name())); err != nil {
			return fault.New(fault.LeftBehind, "leftovers", entry.Name()).Because(err)
		}
	}
	return nil
}

// ours says whether name is of a cluster's making: a state directory given by
// hand may hold other things, which are not pocctl's to delete.
func ours(name string) bool {
	for _, own := range cluster.Entries() {
		if name == own {
			return true
		}
	}
	return false
}
