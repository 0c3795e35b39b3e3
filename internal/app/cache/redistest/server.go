// Package redistest gives tests a real Redis that they may kill, freeze and
// bring back.
package redistest

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a redis-server that listens on a Unix socket alone, and keeps nothing.
type Server struct {
	program   string
	directory string
	process   *exec.Cmd // a shell that runs the server
	lifeline  io.Closer // the server ends when this closes, also if the test binary dies
}

const patience = 30 * time.Second

// script runs the server until standard input ends.
const script = `
"$@" </dev/null >/dev/null 2>&1 &
echo $! >pid
read -r _
kill -CONT $! 2>/dev/null
kill -KILL $! 2>/dev/null
wait $!`

// Start gives a running server, which is gone after the test. The test fails if
// the machine has no redis-server.
func Start(t testing.TB) *Server {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("tests need a real Redis: %v; apt-get install redis-server", err)
	}
	// Not $TMPDIR: a socket's path may have 107 bytes.
	directory, err := os.MkdirTemp("/tmp", "pocctl-redis-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{program: program, directory: directory}
	t.Cleanup(func() {
		if s.process != nil {
			s.end(t)
		}
		if err := os.RemoveAll(directory); err != nil {
			t.Errorf("remove the directory of Redis: %v", err)
		}
	})
	s.Restart(t)
	return s
}

// Socket is the path of the server's Unix socket.
func (s *Server) Socket() string { return filepath.Join(s.directory, "socket") }

// URL is for clients; it stays the same when the server is restarted.
func (s *Server) URL() string { return "unix://" + s.Socket() }

// Client gives a client that heeds contexts and tries once, closed after the test.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Network: "unix", Addr: s.Socket(), ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// Restart starts the server after Kill, empty, and waits until it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.process = exec.CommandContext(context.Background(), "/bin/sh", "-c", script, "sh",
		s.program, "--port", "0", "--unixsocket", s.Socket(), "--save", "", "--appendonly", "no", "--dir", s.directory)
	s.process.Dir = s.directory
	lifeline, err := s.process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.lifeline = lifeline
	if err := s.process.Start(); err != nil {
		t.Fatalf("start Redis: %v", err)
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.Socket(), MaxRetries: -1})
	defer client.Close()
	deadline := time.After(patience)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		err := client.Ping(context.Background()).Err()
		if err == nil {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("Redis doesn't answer after %s: %v", patience, err)
		}
	}
}

// Kill ends the server as a crash would: its connections break, what it held is lost.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.end(t)
}

func (s *Server) end(t testing.TB) {
	t.Helper()
	_ = s.lifeline.Close()
	err := s.process.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Errorf("end Redis: %v", err)
	}
	s.process = nil
}

// Freeze stops the server without a word: connections stay, and nothing is answered.
func (s *Server) Freeze(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.directory, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatalf("signal Redis: %v", err)
	}
}
