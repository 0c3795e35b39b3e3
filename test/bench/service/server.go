//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// server is one that is measured.
type server struct {
	name    string
	url     string
	process *exec.Cmd
	log     *bytes.Buffer
}

// serve starts the service. cores bounds what it may use; 0 is all.
func (b *backing) serve(ctx context.Context, o options, cores int, args ...string) (*server, error) {
	return start(ctx, "pocctl serve", cores, "/readyz", func(address string) []string {
		return append([]string{
			o.binary, "serve", "--address", address, "--grpc-address", "", "--private-address", "",
			"--database-url", b.databaseURL(), "--redis-url", b.redisURL(), "--readiness-delay", "0s",
			"--oidc-issuer", b.issuer.url, "--oidc-jwks-url", b.issuer.url + "/keys",
			"--read-rate", "1000000", "--read-burst", "1000000", "--write-rate", "1000000", "--write-burst", "1000000",
			"--address-rate", "1000000", "--address-burst", "1000000",
		}, args...)
	})
}

func startBaseline(ctx context.Context, kind string, cores int) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, kind, cores, "/", func(address string) []string {
		return []string{self, "-baseline", kind, "-address", address}
	})
}

func start(ctx context.Context, name string, cores int, ready string, line func(address string) []string) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	args := line(address)
	s := &server{name: name, url: "http://" + address, log: &bytes.Buffer{}}
	s.process = exec.CommandContext(ctx, args[0], args[1:]...)
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.process.Stderr = discardAfter{s.log}
	if cores > 0 {
		s.process.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(cores))
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	if cores == 1 {
		if err := onCore(s.process.Process.Pid, 0); err != nil {
			return nil, errors.Join(err, s.stop())
		}
	}
	err = await(ctx, name, func() error {
		response, err := http.Get(s.url + ready)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, s.stop(), errors.New(s.log.String()))
	}
	return s, nil
}

func (s *server) stop() error {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.process.Wait(); err != nil {
		return fmt.Errorf("stop %s: %w\n%s", s.name, err, s.log)
	}
	return nil
}

// discardAfter keeps the beginning of a log: a line is written for each request.
type discardAfter struct{ kept *bytes.Buffer }

func (d discardAfter) Write(line []byte) (int, error) {
	if d.kept.Len() < 64<<10 {
		d.kept.Write(line)
	}
	return len(line), nil
}

// onCore keeps all threads of a process on one core.
func onCore(pid, core int) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	var set unix.CPUSet
	set.Set(core)
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("keep thread %d on core %d: %w", id, core, err)
		}
	}
	return nil
}

// processor is the processor time that the server has used.
func (s *server) processor() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, found := bytes.Cut(stat, []byte(") "))
	fields := strings.Fields(string(rest))
	if !found || len(fields) < 13 {
		return 0, errors.New("read a process's time: another form of stat")
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime: proc(5)
		part, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += part
	}
	return time.Duration(ticks) * time.Second / 100, nil
}

// anonymous is the server's anonymous resident memory, in megabytes.
func (s *server) anonymous() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if text, found := strings.CutPrefix(line, "RssAnon:"); found {
			kilobytes, err := strconv.ParseFloat(strings.Fields(text)[0], 64)
			return kilobytes * 1.024 / 1000, err
		}
	}
	return 0, errors.New("read a process's memory: no RssAnon")
}

// onEveryCore takes back what onCore did.
func onEveryCore(pid int) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	var set unix.CPUSet
	for core := range 1024 {
		set.Set(core)
	}
	for _, thread := range threads {
		if id, err := strconv.Atoi(thread.Name()); err == nil {
			_ = unix.SchedSetaffinity(id, &set) // the thread may have ended
		}
	}
	return nil
}
