// Package storetest gives tests a real Postgres: one server for a test binary,
// a fresh database for each test.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a Postgres that listens on a Unix socket alone. It starts when a
// test first asks for it, so that tests that don't need it are quick.
type Server struct {
	starting  sync.Once
	failed    error // why it didn't start
	directory string
	process   *exec.Cmd
	lifeline  io.Closer // the server stops when this closes, also if the test binary dies
	databases atomic.Int64
}

const startTimeout = time.Minute

// Main runs the tests, then stops the server. It is for TestMain:
//
//	var postgres storetest.Server
//
//	func TestMain(m *testing.M) { postgres.Main(m) }
func (s *Server) Main(m *testing.M) {
	m.Run()
	if err := s.stop(); err != nil {
		panic(fmt.Errorf("stop the tests' Postgres: %w", err))
	}
}

// need starts the server unless it runs, or fails the test.
func (s *Server) need(t testing.TB) {
	t.Helper()
	s.starting.Do(func() { s.failed = s.start() })
	if s.failed != nil {
		t.Fatalf("start Postgres: %v", s.failed)
	}
}

// URL is that of the named database, one of Database's or "postgres".
func (s *Server) URL(t testing.TB, database string) string {
	t.Helper()
	s.need(t)
	return s.url(database)
}

func (s *Server) url(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=postgres", database, s.directory)
}

// Socket is the server's Unix socket, for tests that stand between.
func (s *Server) Socket(t testing.TB) string {
	t.Helper()
	s.need(t)
	return filepath.Join(s.directory, ".s.PGSQL.5432")
}

// Database makes an empty database and gives its name. It is dropped after the test.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	s.need(t)
	name := fmt.Sprintf("test_%d", s.databases.Add(1))
	if err := s.exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop the database: %v", err)
		}
	})
	return name
}

func (s *Server) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	connection, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	_, err = connection.Exec(ctx, statement)
	return err
}

// lifelineScript runs Postgres until its standard input ends, then removes the
// directory. A shell does it, so that nothing is left when a test binary is killed.
const lifelineScript = `
directory=$1; shift
"$@" </dev/null &
read -r _
kill -INT $!
wait $!
cd / && rm -rf "$directory"`

func (s *Server) start() error {
	programs, err := findPrograms()
	if err != nil {
		return err
	}
	// Not $TMPDIR: a socket's path may have 107 bytes, and the server's user must get there.
	s.directory, err = os.MkdirTemp("/tmp", "pocctl-postgres-")
	if err != nil {
		return err
	}
	attributes, err := asOrdinaryUser(s.directory)
	if err != nil {
		return err
	}
	data := filepath.Join(s.directory, "data")
	initialize := exec.CommandContext(context.Background(), filepath.Join(programs, "initdb"), "--pgdata", data, "--username", "postgres",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	initialize.SysProcAttr, initialize.Dir = attributes, s.directory
	if output, err := initialize.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", initialize, err, output)
	}

	server := exec.CommandContext(context.Background(), "/bin/sh", "-c", lifelineScript, "sh", s.directory,
		filepath.Join(programs, "postgres"), "-D", data, "-k", s.directory,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200", "-c", "shared_buffers=16MB")
	server.SysProcAttr, server.Dir = attributes, s.directory
	output := &bytes.Buffer{}
	server.Stdout, server.Stderr = output, output
	lifeline, err := server.StdinPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	s.process, s.lifeline = server, lifeline
	if err := s.await(); err != nil {
		return errors.Join(err, s.stop(), errors.New(output.String()))
	}
	return nil
}

func (s *Server) await() error {
	deadline := time.After(startTimeout)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		err := s.exec("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-poll.C:
		case <-deadline:
			return fmt.Errorf("not up after %s: %w", startTimeout, err)
		}
	}
}

// stop ends the server, if it runs, and removes what it kept.
func (s *Server) stop() error {
	var err error
	if s.process != nil {
		err = errors.Join(s.lifeline.Close(), s.process.Wait())
		s.process = nil
	}
	if s.directory == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.directory))
}

// findPrograms gives the directory of initdb and postgres.
func findPrograms() (string, error) {
	var directories []string
	if path, err := exec.LookPath("initdb"); err == nil {
		directories = append(directories, filepath.Dir(path))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		directories = append(directories, found...)
	}
	for _, directory := range directories {
		if _, err := exec.LookPath(filepath.Join(directory, "postgres")); err == nil {
			return directory, nil
		}
	}
	return "", fmt.Errorf("found no initdb and postgres on PATH, nor in %s; install Postgres 14 or later: "+
		"apt-get install postgresql, dnf install postgresql-server, or brew install postgresql",
		strings.Join([]string{"/usr/lib/postgresql", "/usr/pgsql-*", "Homebrew's directories"}, ", "))
}

// nobody is the customary ID of the user who owns nothing.
const nobody = 65534

// asOrdinaryUser gives directory away if this is root, whom Postgres refuses.
func asOrdinaryUser(directory string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	if err := os.Chown(directory, nobody, nobody); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}, nil
}
