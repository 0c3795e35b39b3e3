// Package credentials keeps the passwords of an environment beside the data that
// they guard, so that data kept by `down --keep-data` can be opened again.
package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const file = "credentials.json"

// Store is the file in a data directory. One process at a time: the holder of
// the environment's lock.
type Store struct {
	path string
}

// Open gives the store of a data directory. Nothing is touched.
func Open(directory string) Store { return Store{path: filepath.Join(directory, file)} }

// Get gives the value kept under name and key. If there is none, it keeps fresh
// and gives that.
func (s Store) Get(name, key, fresh string) (string, error) {
	kept := map[string]map[string]string{}
	data, err := os.ReadFile(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read credentials: %w", err)
	}
	if err == nil {
		if err := json.Unmarshal(data, &kept); err != nil {
			return "", fmt.Errorf("read credentials: %w", err)
		}
	}
	if value, found := kept[name][key]; found {
		return value, nil
	}
	if kept[name] == nil {
		kept[name] = map[string]string{}
	}
	kept[name][key] = fresh
	if data, err = json.MarshalIndent(kept, "", "  "); err != nil {
		return "", fmt.Errorf("keep credentials: %w", err)
	}
	return fresh, s.replace(data)
}

// replace writes the file whole or not at all: half of it would lock the data.
func (s Store) replace(data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(s.path), file+".*") // 0600
	if err != nil {
		return fmt.Errorf("keep credentials: %w", err)
	}
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), s.path)
	}
	if err != nil {
		return fmt.Errorf("keep credentials: %w", errors.Join(err, os.Remove(temporary.Name())))
	}
	return nil
}
