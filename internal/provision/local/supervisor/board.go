package supervisor

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/process"
)

// board keeps what the supervisor says of its components, in memory and in the
// state directory, where the command reads it.
type board struct {
	directory string

	mu     sync.Mutex
	status cluster.Status
}

func newBoard(c cluster.Cluster) *board {
	b := &board{directory: c.Directory, status: cluster.Status{
		Phase: cluster.Starting, PID: os.Getpid(), Started: time.Now().UTC(), Build: c.Build,
	}}
	b.write()
	return b
}

// state takes what the process supervisor says of one component.
func (b *board) state(s process.State) {
	b.change(s.Name, func(component *cluster.ComponentStatus) {
		component.Restarts = s.Restarts
		component.PID = 0
		switch s.Phase {
		case process.Running:
			component.PID = s.PID
			component.Since = time.Now().UTC()
		case process.Exited:
			component.Ready = false
			component.LastExit = strings.TrimSpace(fmt.Sprintf("%s\n%s", s.Exit, strings.Join(s.Lines, "\n")))
		case process.Stopped:
			component.Ready = false
		case process.Starting:
		}
	})
}

// ready marks the component as ready if it still is the process pid.
func (b *board) ready(name string, pid int) (still bool) {
	b.change(name, func(component *cluster.ComponentStatus) {
		still = component.PID == pid
		component.Ready = component.Ready || still
	})
	return still
}

func (b *board) phase(phase cluster.Phase) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Phase = phase
	b.writeLocked()
}

func (b *board) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Phase, b.status.Error = cluster.Stopped, err.Error()
	b.writeLocked()
}

func (b *board) change(name string, set func(*cluster.ComponentStatus)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.status.Components {
		if b.status.Components[i].Name == name {
			set(&b.status.Components[i])
			b.writeLocked()
			return
		}
	}
	component := cluster.ComponentStatus{Name: name}
	set(&component)
	b.status.Components = append(b.status.Components, component)
	b.writeLocked()
}

func (b *board) write() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writeLocked()
}

// writeLocked tells; a full disk must not stop the cluster.
func (b *board) writeLocked() {
	if err := cluster.WriteStatus(b.directory, b.status); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
