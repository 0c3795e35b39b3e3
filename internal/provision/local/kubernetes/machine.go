//go:build linux && !slim

package kubernetes

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	cadvisor "github.com/google/cadvisor/lib/model"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
)

// machine tells the kubelet what this machine has, in place of cAdvisor, which
// needs cgroups of its own.
type machine struct {
	root string // a path on the file system that holds the node's state
}

func (machine) Start() error { return nil }

func (machine) ContainerInfoV2(string, cadvisor.RequestOptions) (map[string]cadvisor.ContainerInfo, error) {
	return map[string]cadvisor.ContainerInfo{}, nil
}

func (machine) GetRequestedContainersInfo(string, cadvisor.RequestOptions) (map[string]*cadvisor.ContainerInfo, error) {
	return map[string]*cadvisor.ContainerInfo{}, nil
}

func (machine) MachineInfo(klog.Logger) (*cadvisor.MachineInfo, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return nil, fmt.Errorf("read the machine's memory: %w", err)
	}
	return &cadvisor.MachineInfo{
		NumCores:         runtime.NumCPU(),
		NumPhysicalCores: runtime.NumCPU(),
		NumSockets:       1,
		MemoryCapacity:   info.Totalram * uint64(info.Unit),
		SwapCapacity:     info.Totalswap * uint64(info.Unit),
		MachineID:        firstLine("/etc/machine-id"),
		BootID:           firstLine("/proc/sys/kernel/random/boot_id"),
	}, nil
}

func (machine) VersionInfo() (*cadvisor.VersionInfo, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil, fmt.Errorf("read the kernel's version: %w", err)
	}
	return &cadvisor.VersionInfo{
		KernelVersion:      unix.ByteSliceToString(name.Release[:]),
		ContainerOsVersion: distribution(),
	}, nil
}

func (m machine) ImagesFsInfo(context.Context) (cadvisor.FsInfo, error) {
	return m.GetDirFsInfo(m.root)
}
func (m machine) RootFsInfo() (cadvisor.FsInfo, error) { return m.GetDirFsInfo(m.root) }
func (m machine) ContainerFsInfo(context.Context) (cadvisor.FsInfo, error) {
	return m.GetDirFsInfo(m.root)
}

func (machine) GetDirFsInfo(path string) (cadvisor.FsInfo, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return cadvisor.FsInfo{}, fmt.Errorf("read the file system of %s: %w", path, err)
	}
	block := uint64(stat.Bsize)
	return cadvisor.FsInfo{
		Device: path, Mountpoint: path,
		Capacity:   stat.Blocks * block,
		Available:  stat.Bavail * block,
		Usage:      (stat.Blocks - stat.Bfree) * block,
		Inodes:     &stat.Files,
		InodesFree: &stat.Ffree,
	}, nil
}

func firstLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return string(line)
}

func distribution() string {
	file, err := os.Open("/etc/os-release")
	if err != nil {
		return "Linux"
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, found := strings.CutPrefix(lines.Text(), "PRETTY_NAME="); found {
			return strings.Trim(name, `"`)
		}
	}
	return "Linux"
}
