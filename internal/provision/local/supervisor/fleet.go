package supervisor

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/pocctl/pocctl/internal/provision/local/bootstrap"
	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/controlplane"
	"github.com/pocctl/pocctl/internal/provision/local/pki"
	"github.com/pocctl/pocctl/internal/provision/local/process"
)

// fleet is the set of components, started and stopped in order.
type fleet struct {
	cluster cluster.Cluster
	files   pki.Bundle
	board   *board
	log     *slog.Logger
	spawner *process.Spawner
}

func newFleet(c cluster.Cluster, files pki.Bundle, board *board, log *slog.Logger) *fleet {
	return &fleet{cluster: c, files: files, board: board, log: log, spawner: process.NewSpawner()}
}

// member is a component that runs, and the way to stop it.
type member struct {
	stop  context.CancelFunc
	ended chan struct{}
}

// stopOrder goes from what uses the API to what it stands on. The API server
// waits for etcd when it ends, so etcd goes last.
func stopOrder() [][]string {
	return [][]string{
		{controlplane.Node, controlplane.Scheduler, controlplane.ControllerManager},
		{controlplane.APIServer},
		{controlplane.Etcd},
	}
}

// grace is the time from asking to killing. Only the node has something to lose:
// it stops the pods. What the others know is in etcd, and etcd's in its files.
func grace(component string) time.Duration {
	if component == controlplane.Node {
		return 15 * time.Second
	}
	return time.Second
}

// run starts every component, tells when all are ready, and stops them when ctx
// ends.
func (f *fleet) run(ctx context.Context) error {
	defer f.spawner.Close()
	var mu sync.Mutex
	members := map[string]member{}
	ready := map[string]chan struct{}{}
	components := controlplane.Components(f.cluster, f.files)
	for _, component := range components {
		ready[component.Name] = make(chan struct{})
	}

	var starting sync.WaitGroup
	for _, component := range components {
		starting.Go(func() {
			if component.After != "" {
				select {
				case <-ready[component.After]:
				case <-ctx.Done():
					return
				}
			}
			mu.Lock()
			started, err := f.start(component)
			members[component.Name] = started
			mu.Unlock()
			if err != nil {
				f.log.Error("start", "component", component.Name, "error", err)
				return
			}
			if f.awaitReady(ctx, component.Name) == nil {
				f.board.ready(component.Name)
				f.log.Info("ready", "component", component.Name)
				close(ready[component.Name])
			}
		})
	}
	starting.Wait()
	if ctx.Err() == nil {
		f.board.phase(cluster.Running)
	}
	<-ctx.Done()

	f.board.phase(cluster.Stopping)
	for _, names := range stopOrder() {
		for _, name := range names {
			if started, running := members[name]; running && started.stop != nil {
				started.stop()
			}
		}
		for _, name := range names {
			if started, running := members[name]; running && started.stop != nil {
				<-started.ended
			}
		}
	}
	f.board.phase(cluster.Stopped)
	return nil
}

func (f *fleet) start(component controlplane.Component) (member, error) {
	log, err := process.NewLog(f.cluster.Log(component.Name), 10, 2)
	if err != nil {
		return member{}, fmt.Errorf("open log: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	started := member{stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(started.ended)
		defer closeLog(log)
		process.Supervise(ctx, process.Options{
			Name:    component.Name,
			Command: func() (*exec.Cmd, error) { return f.command(component), nil },
			Spawner: f.spawner,
			Log:     log,
			Grace:   grace(component.Name),
			Notify:  f.board.state,
		})
	}()
	return started, nil
}

func (f *fleet) command(component controlplane.Component) *exec.Cmd {
	command := exec.Command(f.cluster.Binary, append([]string{"component", component.Name}, component.Args...)...)
	command.Env = append(os.Environ(), Marker(f.cluster.Directory))
	command.Env = append(command.Env, component.Env...)
	command.Dir = f.cluster.Directory
	return command
}

// awaitReady waits for the component and, for the API server, gives the cluster
// what its node needs before the node starts.
func (f *fleet) awaitReady(ctx context.Context, component string) error {
	if err := controlplane.AwaitReady(ctx, component, f.cluster, f.files); err != nil {
		return err
	}
	if component != controlplane.APIServer {
		return nil
	}
	if err := bootstrap.Apply(ctx, f.files.Admin.Kubeconfig); err != nil {
		f.log.Error("bootstrap", "error", err)
		return err
	}
	return nil
}

func closeLog(log io.Closer) {
	if err := log.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "close log:", err)
	}
}
