package config

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	defaults "github.com/pocctl/pocctl/config"
	"github.com/pocctl/pocctl/internal/fault"
)

// Source is where named configuration comes from: the files inside the binary,
// or the folder config of a checkout.
type Source struct {
	// Files holds environments/NAME.yaml.
	Files fs.FS
	// Directory is where Files lies on disk; empty for those inside the binary.
	Directory string
}

// OpenSource gives the configuration of the checkout at directory, or that
// inside the binary when directory is empty. A folder that is none is a
// fault.ConfigUnreadable.
func OpenSource(directory string) (Source, error) {
	if directory == "" {
		return Source{Files: defaults.Files}, nil
	}
	folder, err := filepath.Abs(filepath.Join(directory, "config"))
	if err != nil {
		return Source{}, fault.New(fault.ConfigUnreadable, "path", directory).Because(err)
	}
	if _, err := os.Stat(folder); err != nil {
		return Source{}, fault.New(fault.ConfigUnreadable, "path", folder).Because(plain(err))
	}
	return Source{Files: os.DirFS(folder), Directory: folder}, nil
}

// Environments lists the names of the environments in the source, in order.
func (s Source) Environments() []string {
	files, err := fs.Glob(s.Files, "environments/*.yaml")
	if err != nil { // only a malformed pattern
		return nil
	}
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, strings.TrimSuffix(path.Base(file), ".yaml"))
	}
	return names
}

// read gives the environment's file as people know it, its folder on disk (empty
// inside the binary) and its content.
func (s Source) read(environment string) (file, folder string, data []byte, err error) {
	if isPath(environment) {
		if file, err = filepath.Abs(environment); err != nil {
			return "", "", nil, fault.New(fault.ConfigUnreadable, "path", environment).Because(err)
		}
		if data, err = os.ReadFile(file); err != nil {
			return "", "", nil, fault.New(fault.ConfigUnreadable, "path", environment).Because(plain(err))
		}
		return environment, filepath.Dir(file), data, nil
	}
	inside := "environments/" + environment + ".yaml"
	data, err = fs.ReadFile(s.Files, inside)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return "", "", nil, fault.New(fault.EnvironmentUnknown, "name", environment, "known", strings.Join(s.Environments(), ", "))
	}
	if err != nil {
		return "", "", nil, fault.New(fault.ConfigUnreadable, "path", inside).Because(plain(err))
	}
	if s.Directory == "" {
		return "config/" + inside, "", data, nil
	}
	file = filepath.Join(s.Directory, filepath.FromSlash(inside))
	return file, filepath.Dir(file), data, nil
}

func isPath(environment string) bool {
	return strings.ContainsAny(environment, `/\`) ||
		strings.HasSuffix(environment, ".yaml") || strings.HasSuffix(environment, ".yml")
}

// plain takes the path off a file error whose message already names it.
func plain(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
