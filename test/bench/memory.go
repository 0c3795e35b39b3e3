//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
)

// everything is the sum of all processes.
const everything = ""

// memory gives the proportional set sizes of an environment's supervisor and all that
// descends from it, in megabytes: by the name of the program, and the sum.
func memory(state string) (map[string]float64, error) {
	status, err := cluster.ReadStatus(filepath.Join(state, "local"))
	if err != nil {
		return nil, err
	}
	children, err := families()
	if err != nil {
		return nil, err
	}
	held := map[string]float64{}
	queue := []int{status.PID}
	for len(queue) > 0 {
		pid := queue[0]
		queue = append(queue[1:], children[pid]...)
		pss, err := proportional(pid)
		if err != nil {
			return nil, err
		}
		held[everything] += pss / 1000
		held[program(pid)] += pss / 1000
	}
	return held, nil
}

// program is the base name of what a process was started as.
func program(pid int) string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return "?"
	}
	name, _, _ := bytes.Cut(line, []byte{0})
	return filepath.Base(string(name))
}

// families maps each process to its children.
func families() (map[int][]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// "pid (name) state parent …": the name may hold anything.
		_, rest, found := bytes.Cut(data, []byte(") "))
		fields := strings.Fields(string(rest))
		if !found || len(fields) < 2 {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		children[parent] = append(children[parent], pid)
	}
	return children, nil
}

// proportional gives a process's PSS in kilobytes.
func proportional(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(data)) {
		if text, found := strings.CutPrefix(line, "Pss:"); found {
			kilobytes, err := strconv.ParseFloat(strings.Fields(text)[0], 64)
			return kilobytes * 1.024, err
		}
	}
	return 0, nil // a zombie has none
}
