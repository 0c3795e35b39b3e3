package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"

	"github.com/pocctl/pocctl/internal/fault"
)

// LoadChart reads a chart: a plain name is looked up in built (charts.Files,
// or the charts directory of a checkout), anything with a slash, or a name that
// built does not have, is a directory or archive of this machine.
func LoadChart(built fs.FS, name string) (*chart.Chart, error) {
	if !strings.ContainsAny(name, "/\\") {
		if _, err := fs.Stat(built, path.Join(name, "Chart.yaml")); err == nil {
			return loadFiles(built, name)
		}
	}
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.ChartInvalid, "chart", name, "detail", "there is no such chart, neither built in nor as a path")
	}
	loaded, err := loader.Load(name)
	return valid(name, loaded, err)
}

func loadFiles(built fs.FS, name string) (*chart.Chart, error) {
	root, err := fs.Sub(built, name)
	if err != nil {
		return nil, fmt.Errorf("open chart %s: %w", name, err)
	}
	rules := ignore.Empty()
	if text, err := fs.ReadFile(root, ignore.HelmIgnore); err == nil {
		if rules, err = ignore.Parse(bytes.NewReader(text)); err != nil {
			return nil, fault.New(fault.ChartInvalid, "chart", name, "detail", "its "+ignore.HelmIgnore).Because(err)
		}
	}
	rules.AddDefaults()
	var files []*loader.BufferedFile
	err = fs.WalkDir(root, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || file == "." {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch ignored := rules.Ignore(file, info); {
		case ignored && entry.IsDir():
			return fs.SkipDir
		case ignored || entry.IsDir():
			return nil
		}
		data, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		files = append(files, &loader.BufferedFile{Name: file, Data: data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read chart %s: %w", name, err)
	}
	loaded, err := loader.LoadFiles(files)
	return valid(name, loaded, err)
}

func valid(name string, loaded *chart.Chart, err error) (*chart.Chart, error) {
	if err == nil {
		err = loaded.Validate()
	}
	if err == nil && loaded.Metadata.Type == "library" {
		err = errors.New("a library chart cannot be installed")
	}
	if err != nil {
		return nil, fault.New(fault.ChartInvalid, "chart", name, "detail", err)
	}
	return loaded, nil
}
