//go:build unix

package doctor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func writable(directory string) error {
	if err := unix.Access(directory, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("write to %s: %w", directory, err)
	}
	return nil
}

// freeSpace is what an ordinary user may still write, in bytes.
func freeSpace(directory string) (uint64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(directory, &stat); err != nil {
		return 0, fmt.Errorf("measure %s: %w", directory, err)
	}
	return stat.Bavail * uint64(stat.Bsize), nil
}
