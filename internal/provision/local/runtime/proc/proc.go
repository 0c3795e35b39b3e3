//go:build linux

// Package proc reads what the kernel tells about processes.
package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one line of the process table.
type Process struct {
	PID     int
	Parent  int
	Session int
	Zombie  bool
	// Started tells apart two processes that had the same PID. In clock ticks
	// since boot.
	Started int64
	// CPU is what it used, with the children that it has waited for.
	CPU time.Duration
}

const tick = time.Second / 100 // USER_HZ, fixed on every architecture that Go has

// Now is the time on the clock of Process.Started.
func Now() int64 {
	var since unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &since); err != nil {
		return 0
	}
	return since.Nano() / int64(tick)
}

// List gives all processes that can be seen.
func List() ([]Process, error) {
	directory, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	defer func() { _ = directory.Close() }()
	names, err := directory.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	processes := make([]Process, 0, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue // it ended meanwhile
		}
		if process, ok := parse(pid, stat); ok {
			processes = append(processes, process)
		}
	}
	return processes, nil
}

// parse reads /proc/PID/stat. See proc_pid_stat(5).
func parse(pid int, stat []byte) (Process, bool) {
	// The second field is the command in brackets, which may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return Process{}, false
	}
	const firstField = 3
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 22-firstField+1 {
		return Process{}, false
	}
	number := func(field int) int64 {
		value, _ := strconv.ParseInt(fields[field-firstField], 10, 64)
		return value
	}
	ticks := number(14) + number(15) + number(16) + number(17)
	return Process{
		PID:     pid,
		Parent:  int(number(4)),
		Session: int(number(6)),
		Zombie:  fields[0] == "Z" || fields[0] == "X",
		Started: number(22),
		CPU:     time.Duration(ticks) * tick,
	}, true
}

// Memory is what a process holds, in bytes.
type Memory struct {
	Proportional uint64 // its own, and its share of what it shares
	Anonymous    uint64
}

// ReadMemory gives zeros for a process that is gone or may not be looked at.
func ReadMemory(pid int) Memory {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return Memory{}
	}
	var memory Memory
	for line := range strings.Lines(string(content)) {
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "Pss":
			memory.Proportional = kilobytes(value)
		case "Anonymous":
			memory.Anonymous = kilobytes(value)
		}
	}
	return memory
}

func kilobytes(value string) uint64 {
	number, _ := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
	return number << 10
}

// Variable gives an environment variable as the process was started with, or "".
func Variable(pid int, name string) string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return ""
	}
	for variable := range bytes.SplitSeq(content, []byte{0}) {
		if value, found := bytes.CutPrefix(variable, []byte(name+"=")); found {
			return string(value)
		}
	}
	return ""
}

// RootSource names what is mounted as the process's root, or gives "". Other than
// its environment, a process can't write over it.
func RootSource(pid int) string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(content)) {
		mount, origin, found := strings.Cut(line, " - ")
		if fields := strings.Fields(mount); !found || len(fields) < 5 || fields[4] != "/" {
			continue
		}
		if fields := strings.Fields(origin); len(fields) > 1 {
			return fields[1]
		}
	}
	return ""
}
