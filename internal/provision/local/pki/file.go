package pki

import (
	"bytes"
	"errors"
	"os"
)

// writeFile replaces a file, readable by its owner alone, whole or not at all.
// A file that already says so is left as it is.
func writeFile(path string, data []byte) error {
	if info, err := os.Stat(path); err == nil && info.Mode().Perm() == 0o600 {
		if current, err := os.ReadFile(path); err == nil && bytes.Equal(current, data) {
			return nil
		}
	}
	temporary := path + ".new"
	// One that a kill has left may have another mode.
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
