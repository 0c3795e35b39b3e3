package flow

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ReadJournal reads the events of a journal. A last line that is torn, as a kill
// or a power cut leaves it, is left out; any other bad line is an error, beside
// the events before it.
func ReadJournal(source io.Reader) ([]Event, error) {
	var events []Event
	var torn error
	lines := bufio.NewReader(source)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if torn != nil {
				return events, torn
			}
			var event Event
			if bad := json.Unmarshal(text, &event); bad != nil {
				torn = fmt.Errorf("journal line %d: %w", number, bad)
			} else {
				events = append(events, event)
			}
		}
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return events, fmt.Errorf("read journal: %w", err)
		}
	}
}

// Past is a run as its journal tells it.
type Past struct {
	Run     string
	Env     string
	Command string
	Started time.Time
	Status  Status   // Interrupted too if the run was killed
	Killed  bool     // the journal has no end: kill -9 or a power cut
	Seconds float64  // on the run's clock, up to its last event
	During  []string // the steps at work when it stopped short, or that failed
}

// List tells of the environment's runs, oldest first. A journal that cannot be
// read is left out: it must not keep the next run from starting.
func List(dir string) ([]Past, error) {
	names, err := journals(dir)
	if err != nil {
		return nil, err
	}
	var runs []Past
	for _, name := range names {
		if events, err := readFile(name); err == nil && len(events) > 0 {
			runs = append(runs, past(events))
		}
	}
	return runs, nil
}

// Latest tells of the environment's newest run; nil if there is none.
func Latest(dir string) (*Past, error) {
	names, err := journals(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Backward(names) {
		if events, err := readFile(name); err == nil && len(events) > 0 {
			newest := past(events)
			return &newest, nil
		}
	}
	return nil, nil
}

// Unfinished tells of the environment's newest run if it stopped short; nil if it
// passed or there is none. Hold the lock, or a run at work looks killed.
func Unfinished(dir string) (*Past, error) {
	newest, err := Latest(dir)
	if err != nil || newest == nil || newest.Status == Passed {
		return nil, err
	}
	return newest, nil
}

// Typical says how long each step took in the middle one of its last passed runs
// under command ("up"), leaving out those with nothing to do.
func Typical(dir, command string) (map[string]time.Duration, error) {
	const runs = 10
	names, err := journals(dir)
	if err != nil {
		return nil, err
	}
	taken := map[string][]float64{}
	for _, name := range names[max(0, len(names)-runs):] {
		events, err := readFile(name)
		if err != nil || len(events) == 0 || events[0].Command != command {
			continue
		}
		for _, event := range events {
			if event.Kind == StepEnded && event.Status == Passed && event.Message != alreadySo {
				taken[event.Step] = append(taken[event.Step], event.Seconds)
			}
		}
	}
	typical := make(map[string]time.Duration, len(taken))
	for step, seconds := range taken {
		slices.Sort(seconds)
		typical[step] = ofSeconds(seconds[len(seconds)/2])
	}
	return typical, nil
}

// journals lists the journal files, oldest first: a ULID sorts by time.
func journals(dir string) ([]string, error) {
	entries, err := os.ReadDir(RunsDir(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".jsonl") {
			names = append(names, filepath.Join(RunsDir(dir), entry.Name()))
		}
	}
	return names, nil
}

func readFile(name string) ([]Event, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	defer file.Close()
	return ReadJournal(file)
}

func past(events []Event) Past {
	run := Past{Run: events[0].Run, Started: events[0].Time, Status: Interrupted, Killed: true}
	for _, event := range events {
		run.Seconds = event.Elapsed
		switch event.Kind {
		case RunStarted:
			run.Env, run.Command = event.Env, event.Command
		case StepStarted:
			run.During = append(run.During, event.Step)
		case StepEnded:
			if event.Status == Passed {
				run.During = slices.DeleteFunc(run.During, func(step string) bool { return step == event.Step })
			}
		case RunEnded:
			run.Status, run.Killed = event.Status, false
		}
	}
	return run
}
