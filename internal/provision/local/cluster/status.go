package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Phase is how far the supervisor has come.
type Phase string

// The phases of a supervisor, in order.
const (
	Starting Phase = "starting"
	Running  Phase = "running" // every component has been started and answers
	Stopping Phase = "stopping"
	Stopped  Phase = "stopped"
)

// Status is what the supervisor says of itself and its components.
type Status struct {
	Phase      Phase             `json:"phase"`
	PID        int               `json:"pid"`
	Started    time.Time         `json:"started"`
	Build      string            `json:"build"`
	Components []ComponentStatus `json:"components"`
	// Error says why the supervisor gave up; empty while it has not.
	Error string `json:"error,omitempty"`
}

// ComponentStatus is one process of the cluster.
type ComponentStatus struct {
	Name     string    `json:"name"`
	PID      int       `json:"pid"` // 0 while it does not run
	Ready    bool      `json:"ready"`
	Restarts int       `json:"restarts"`
	Since    time.Time `json:"since"`
	// LastExit says how it last ended, with its last log lines.
	LastExit string `json:"lastExit,omitempty"`
}

const statusFile = "supervisor.json"

// ReadStatus reads what the supervisor last said in directory.
func ReadStatus(directory string) (Status, error) {
	var s Status
	data, err := os.ReadFile(filepath.Join(directory, statusFile))
	if err != nil {
		return s, fmt.Errorf("read supervisor status: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("read supervisor status: %w", err)
	}
	return s, nil
}

// WriteStatus replaces what the supervisor says in directory.
func WriteStatus(directory string, s Status) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write supervisor status: %w", err)
	}
	return writeFile(filepath.Join(directory, statusFile), data)
}
