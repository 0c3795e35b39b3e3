package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/flow"
)

// Save keeps the document beside the run's journal in the environment's state
// directory dir: <dir>/runs/<run>.json, whole or not at all.
func (d *Document) Save(dir string) (err error) {
	if d.Run == "" {
		return nil // refused before it began: nothing to keep
	}
	var text bytes.Buffer
	if err := d.JSON(&text); err != nil {
		return err
	}
	runs := flow.RunsDir(dir)
	if err := os.MkdirAll(runs, 0o700); err != nil {
		return fmt.Errorf("save report: %w", err)
	}
	file, err := os.CreateTemp(runs, d.Run+".*.part")
	if err != nil {
		return fmt.Errorf("save report: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("save report: %w", errors.Join(err, os.Remove(file.Name())))
		}
	}()
	_, err = file.Write(text.Bytes())
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), filepath.Join(runs, d.Run+".json"))
}

// Read gives the document of one run.
func Read(dir, run string) (*Document, error) {
	text, err := os.ReadFile(filepath.Join(flow.RunsDir(dir), run+".json"))
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	document := &Document{}
	if err := json.Unmarshal(text, document); err != nil {
		return nil, fmt.Errorf("read report of run %s: %w", run, err)
	}
	return document, nil
}

// Latest gives the document of the newest run that has one; nil if none has.
func Latest(dir string) (*Document, error) {
	runs, err := List(dir)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	return Read(dir, runs[len(runs)-1])
}

// List names the runs that have a document, oldest first.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(flow.RunsDir(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	var runs []string
	for _, entry := range entries {
		if run, found := strings.CutSuffix(entry.Name(), ".json"); found {
			runs = append(runs, run)
		}
	}
	slices.Sort(runs) // a ULID sorts by time
	return runs, nil
}
