package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/report"
	"github.com/pocctl/pocctl/internal/stack"
)

// missing lists directory and the folders above it that do not exist yet, from
// the innermost outwards.
func missing(directory string) []string {
	var folders []string
	for {
		if _, err := os.Lstat(directory); !errors.Is(err, os.ErrNotExist) {
			return folders
		}
		folders = append(folders, directory)
		directory = filepath.Dir(directory)
	}
}

// untouched says whether a run ended before it made anything: in preflight.
func untouched(document *report.Document) bool {
	for _, phase := range document.Phases {
		if phase.Name != stack.Preflight && phase.Status != flow.Skipped {
			return false
		}
	}
	return true
}

// removeMade takes away the folders that missing listed: a run that was refused
// leaves nothing behind. Folders above the state directory may have got other
// things meanwhile, and then stay.
func removeMade(folders []string) error {
	if err := os.RemoveAll(folders[0]); err != nil {
		return fmt.Errorf("remove state directory: %w", err)
	}
	for _, folder := range folders[1:] {
		if os.Remove(folder) != nil {
			return nil //nolint:nilerr // not empty: others use it
		}
	}
	return nil
}
