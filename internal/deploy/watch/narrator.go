package watch

import (
	"strings"
	"time"
)

// narrator tells a Progress what changed, and nothing twice.
type narrator struct {
	progress Progress
	ready    map[string]bool
	last     string
}

func newNarrator(progress Progress) *narrator {
	return &narrator{progress: progress, ready: map[string]bool{}}
}

func (n *narrator) tell(states []State, elapsed time.Duration) {
	if n.progress == nil {
		return
	}
	var waiting []string
	for _, state := range states {
		name := state.Object.Namespace + "/" + state.Object.String()
		switch {
		case state.Ready && !n.ready[name]:
			n.progress.Info("%s %s, %.1fs", state.Object, state.Summary, elapsed.Seconds())
		case !state.Ready:
			waiting = append(waiting, state.String())
		}
		n.ready[name] = state.Ready
	}
	line := strings.Join(waiting, ", ")
	if line != "" && line != n.last {
		n.progress.Waiting("%s", line)
	}
	n.last = line
}
