package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/pocctl/pocctl/internal/fault"
)

const (
	gigabyte = 1 << 30

	enoughCores = 2
	// The whole environment holds 750 MB; the rest is for the caches of the
	// system and whatever else runs here.
	enoughMemory = 2 * gigabyte
	enoughDisk   = 2 * gigabyte
)

func cores() Result {
	found := runtime.NumCPU()
	if found < enoughCores {
		return warn(fmt.Sprintf("%d core", found), "expect a slower start, and a load test that shares the core with what it measures")
	}
	return ok(fmt.Sprintf("%d cores", found))
}

func memory() Result {
	available, err := availableMemory()
	if err != nil {
		return warn("unknown: "+err.Error(), "make sure that 2 GB are free")
	}
	if available < enoughMemory {
		return warn(bytes(available)+" free", "close something: 2 GB free are comfortable")
	}
	return ok(bytes(available) + " free")
}

// stateDirectory looks whether the directory could be made and written, without
// making it.
func stateDirectory(directory string) Result {
	existing, err := nearest(directory)
	if err != nil {
		return fail(fault.New(fault.StateDirUnwritable, "path", directory).Because(err))
	}
	if err := writable(existing); err != nil {
		return fail(fault.New(fault.StateDirUnwritable, "path", directory).Because(err))
	}
	return ok(directory)
}

func disk(directory string) Result {
	existing, err := nearest(directory)
	if err != nil {
		return fail(fault.New(fault.StateDirUnwritable, "path", directory).Because(err))
	}
	free, err := freeSpace(existing)
	if err != nil {
		return warn("unknown: "+err.Error(), "make sure that 2 GB are free at "+existing)
	}
	if free < enoughDisk {
		return fail(fault.New(fault.StateDirFull, "path", directory, "free", bytes(free), "needed", bytes(enoughDisk)))
	}
	return ok(bytes(free) + " free")
}

// nearest is the closest folder above path, or path itself, that exists.
func nearest(path string) (string, error) {
	for {
		info, err := os.Stat(path)
		if err == nil && !info.IsDir() {
			return "", fmt.Errorf("%s is no folder", path)
		}
		if err == nil {
			return path, nil
		}
		if !os.IsNotExist(err) {
			return "", err
		}
		above := filepath.Dir(path)
		if above == path {
			return "", err
		}
		path = above
	}
}

func bytes(count uint64) string {
	if count < gigabyte {
		return fmt.Sprintf("%d MB", count>>20)
	}
	return fmt.Sprintf("%.1f GB", float64(count)/gigabyte)
}
