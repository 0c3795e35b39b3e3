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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running Postgres that listens on a Unix socket alone.
type Server struct {
	directory string
	process   *exec.Cmd
	lifeline  io.Closer // the server stops when this closes, also if the test binary dies
	databases atomic.Int64
}

const startTimeout = 30 * time.Second

// Main starts a server into *server, runs the tests and stops it. It is for TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(storetest.Main(m, &postgres)) }
func Main(m *testing.M, server **Server) int {
	started, err := start()
	if err != nil {
		fmt.Fprintf(os.Stderr, "start Postgres for the tests: %v\n", err)
		return 1
	}
	*server = started
	code := m.Run()
	if err := started.stop(); err != nil {
		fmt.Fprintf(os.Stderr, "stop the tests' Postgres: %v\n", err)
		return 1
	}
	return code
}

// URL is that of the named database.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=postgres", database, s.directory)
}

// Socket is the server's Unix socket, for tests that stand between.
func (s *Server) Socket() string { return filepath.Join(s.directory, ".s.PGSQL.5432") }

// Database makes an empty database and gives its name. It is dropped after the test.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
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
	connection, err := pgx.Connect(ctx, s.URL("postgres"))
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

func start() (*Server, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	// Not $TMPDIR: a socket's path may have 107 bytes, and the server's user must get there.
	directory, err := os.MkdirTemp("/tmp", "pocctl-postgres-")
	if err != nil {
		return nil, err
	}
	attributes, err := asOrdinaryUser(directory)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(directory, "data")
	initialize := exec.Command(filepath.Join(programs, "initdb"), "--pgdata", data, "--username", "postgres",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	initialize.SysProcAttr, initialize.Dir = attributes, directory
	if output, err := initialize.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", initialize, err, output)
	}

	server := &Server{directory: directory}
	server.process = exec.Command("/bin/sh", "-c", lifelineScript, "sh", directory,
		filepath.Join(programs, "postgres"), "-D", data, "-k", directory,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200", "-c", "shared_buffers=16MB")
	server.process.SysProcAttr, server.process.Dir = attributes, directory
	log := &bytes.Buffer{}
	server.process.Stdout, server.process.Stderr = log, log
	if server.lifeline, err = server.process.StdinPipe(); err != nil {
		return nil, err
	}
	if err := server.process.Start(); err != nil {
		return nil, err
	}
	if err := server.await(); err != nil {
		return nil, errors.Join(err, server.stop(), errors.New(log.String()))
	}
	return server, nil
}

func (s *Server) await() error {
	deadline := time.Now().Add(startTimeout)
	for {
		err := s.exec("SELECT 1")
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not up after %s: %w", startTimeout, err)
		}
		time.Sleep(20 * time.Millisecond) // between polls
	}
}

func (s *Server) stop() error {
	return errors.Join(s.lifeline.Close(), s.process.Wait(), os.RemoveAll(s.directory))
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
