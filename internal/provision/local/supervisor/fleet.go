package supervisor

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
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
	ready   map[string]*readiness
}

// readiness tells once that a component has been ready.
type readiness struct {
	once sync.Once
	done chan struct{}
}

func newFleet(c cluster.Cluster, files pki.Bundle, board *board, log *slog.Logger) *fleet {
	return &fleet{cluster: c, files: files, board: board, log: log, spawner: process.NewSpawner(), ready: map[string]*readiness{}}
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

// stopping says how a component is ended. The node stops its pods, and etcd
// closes its files; the others have nothing to lose, and the API server would
// wait for its clients.
func stopping(component string) (syscall.Signal, time.Duration) {
	switch component {
	case controlplane.Node:
		return syscall.SIGTERM, 15 * time.Second
	case controlplane.Etcd:
		return syscall.SIGTERM, 2 * time.Second
	default:
		return syscall.SIGKILL, time.Second
	}
}

// run starts every component, tells when all are ready, and stops them when ctx
// ends.
func (f *fleet) run(ctx context.Context) error {
	defer f.spawner.Close()
	var mu sync.Mutex
	members := map[string]member{}
	components := controlplane.Components(f.cluster, f.files)
	for _, component := range components {
		f.ready[component.Name] = &readiness{done: make(chan struct{})}
	}

	var starting sync.WaitGroup
	for _, component := range components {
		starting.Go(func() {
			if component.After != "" {
				select {
				case <-f.ready[component.After].done:
				case <-ctx.Done():
					return
				}
			}
			started, err := f.start(ctx, component)
			if err != nil {
				f.log.Error("start", "component", component.Name, "error", err)
				return
			}
			mu.Lock()
			members[component.Name] = started
			mu.Unlock()
			select {
			case <-f.ready[component.Name].done:
			case <-ctx.Done():
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

func (f *fleet) start(running context.Context, component controlplane.Component) (member, error) {
	log, err := process.NewLog(f.cluster.Log(component.Name), 10, 2)
	if err != nil {
		return member{}, fmt.Errorf("open log: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	started := member{stop: stop, ended: make(chan struct{})}
	signal, grace := stopping(component.Name)
	go func() {
		defer close(started.ended)
		defer closeLog(log)
		process.Supervise(ctx, process.Options{
			Name:       component.Name,
			Command:    func() (*exec.Cmd, error) { return f.command(component), nil },
			Spawner:    f.spawner,
			Log:        log,
			StopSignal: signal,
			Grace:      grace,
			Notify: func(state process.State) {
				f.board.state(state)
				if state.Phase == process.Running {
					go f.watchReady(running, component.Name, state.PID)
				}
			},
		})
	}()
	return started, nil
}

func (f *fleet) command(component controlplane.Component) *exec.Cmd {
	command := exec.Command(f.cluster.Binary, append([]string{"component", component.Name}, component.Args...)...) //nolint:noctx // its supervisor ends it
	command.Env = append(os.Environ(), Marker(f.cluster.Directory))
	command.Env = append(command.Env, component.Env...)
	command.Dir = f.cluster.Directory
	return command
}

// watchReady waits until the process that just started answers, and tells. The
// API server counts as ready once the cluster has what its node needs.
func (f *fleet) watchReady(ctx context.Context, component string, pid int) {
	if controlplane.AwaitReady(ctx, component, f.cluster, f.files) != nil {
		return
	}
	if component == controlplane.APIServer {
		if err := bootstrap.Apply(ctx, f.files.Admin.Kubeconfig); err != nil {
			f.log.Error("bootstrap", "error", err)
			return
		}
	}
	if !f.board.ready(component, pid) {
		return // it has fallen meanwhile, and another watches
	}
	f.log.Info("ready", "component", component)
	f.ready[component].once.Do(func() { close(f.ready[component].done) })
}

func closeLog(log io.Closer) {
	if err := log.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "close log:", err)
	}
}
