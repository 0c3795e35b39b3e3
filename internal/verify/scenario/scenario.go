// Package scenario reads what load to send from a file: weighted requests, what stands
// in them for what, and the stages in which they are sent.
package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/verify/load"
)

// Scenario is a file that was read.
type Scenario struct {
	Load load.Scenario
	// Stages are empty if the file says nothing of when: any plan will do.
	Stages []load.Stage
}

// file is a scenario as it is written.
type file struct {
	Operations []operation         `json:"operations"`
	Targets    targets             `json:"targets"`
	Variables  map[string]variable `json:"variables"`
	Stages     []stage             `json:"stages"`
}

type operation struct {
	Name    string            `json:"name"`
	Weight  int               `json:"weight"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Body    string            `json:"body"`
	Headers map[string]string `json:"headers"`
	Expect  []int             `json:"expect"`
	Cached  bool              `json:"cached"`
	Makes   bool              `json:"makes"`
}

type targets struct {
	Count  int       `json:"count"`
	Skew   float64   `json:"skew"`
	Create operation `json:"create"`
	Delete operation `json:"delete"`
}

type variable struct {
	Values []string `json:"values"`
	File   string   `json:"file"`
	Column string   `json:"column"`
	Order  string   `json:"order"`
}

type stage struct {
	Name     string        `json:"name"`
	Rate     float64       `json:"rate"`
	From     float64       `json:"from"`
	To       float64       `json:"to"`
	Duration time.Duration `json:"duration"`
	Warmup   bool          `json:"warmup"`
}

// mostBytes is more than any scenario or file of values.
const mostBytes = 16 << 20

// Read reads a scenario; files of values stand beside it. What it refuses is a
// fault.ConfigUnreadable or a fault.ConfigInvalid that names line, key and fix.
func Read(path string) (Scenario, error) {
	data, err := readFile(path)
	if err != nil {
		return Scenario{}, fault.New(fault.ConfigUnreadable, "path", path).Because(err)
	}
	return Parse(path, data, func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		return readFile(name)
	})
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > mostBytes {
		err = fmt.Errorf("it has %d MB; %d are allowed", info.Size()>>20, mostBytes>>20)
	}
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder")
	}
	if err != nil {
		return nil, plain(err)
	}
	data, err := os.ReadFile(path)
	return data, plain(err)
}

// plain leaves out the path, which the message has.
func plain(err error) error {
	var wrapped *fs.PathError
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// Parse reads a scenario that is called path in messages. open gives files of values.
func Parse(path string, data []byte, open func(name string) ([]byte, error)) (Scenario, error) {
	var written file
	decoded, err := config.Decode(path, data, &written)
	if err != nil {
		return Scenario{}, err
	}
	r := reader{File: decoded, open: open}
	var made Scenario
	if made.Load.Variables, err = r.variables(written.Variables); err != nil {
		return Scenario{}, err
	}
	if err := r.operations(written.Operations, &made.Load); err != nil {
		return Scenario{}, err
	}
	if err := r.targets(written.Targets, &made.Load); err != nil {
		return Scenario{}, err
	}
	made.Stages, err = r.stages(written.Stages)
	return made, err
}
