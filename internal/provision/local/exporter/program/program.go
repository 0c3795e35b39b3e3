//go:build linux

// Package program holds the built exporter, packed. `make build` puts it here.
package program

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const trailer = 8 // bytes at the end of what is packed: its checksum and length

// Install unpacks the program into the directory, unless it is there, and gives its
// path. Other builds of it are removed: a process of theirs may go on.
func Install(directory string) (string, error) {
	path, err := install(directory)
	if err != nil {
		return "", fmt.Errorf("install the exporters: %w", err)
	}
	return path, nil
}

func install(directory string) (string, error) {
	if len(packed) < trailer {
		return "", errors.New("the build has none")
	}
	path := filepath.Join(directory, fmt.Sprintf("exporter-%016x", binary.BigEndian.Uint64(packed[len(packed)-trailer:])))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	others, err := filepath.Glob(filepath.Join(directory, "exporter-*"))
	if err != nil {
		return "", err
	}
	content, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	fresh := path + ".new"
	file, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755) //nolint:gosec // a program, which containers of any user run
	if err != nil {
		return "", err
	}
	_, err = io.Copy(file, content) //nolint:gosec // our own, of a known size
	if err := errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", err
	}
	for _, other := range others {
		_ = os.Remove(other) // only room
	}
	return path, nil
}
