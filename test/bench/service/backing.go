//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/pocctl/pocctl/internal/provision/local/postgres"
)

// backing is what the service stands on: Postgres with its durability on, Redis,
// and an issuer, each of its own, in a directory that goes with them.
type backing struct {
	directory string
	processes []*exec.Cmd
	issuer    *issuer
}

const startTime = time.Minute

// nobody is the user who Postgres runs as where the bench is root, which it refuses.
const nobody = 65534

func startBacking(ctx context.Context) (*backing, error) {
	directory, err := os.MkdirTemp("", "pocctl-bench-")
	if err != nil {
		return nil, err
	}
	b := &backing{directory: directory}
	for _, start := range []func(context.Context) error{b.startPostgres, b.startRedis, b.startIssuer} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, b.stop())
		}
	}
	return b, nil
}

func (b *backing) databaseURL() string {
	return fmt.Sprintf("postgres:///postgres?host=%s&user=postgres", b.directory)
}

func (b *backing) redisURL() string { return "unix://" + filepath.Join(b.directory, "redis.socket") }

func (b *backing) startPostgres(ctx context.Context) error {
	found, err := postgres.Find(ctx, postgres.FindOptions{})
	if err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(b.directory, nobody, nobody); err != nil {
			return err
		}
	}
	data := filepath.Join(b.directory, "data")
	initialise := b.command(ctx, found.Program("initdb"), "--pgdata", data, "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-instructions")
	if output, err := initialise.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	server := b.command(ctx, found.Program("postgres"), "-D", data, "-k", b.directory, "-c", "listen_addresses=",
		"-c", "shared_buffers=128MB", "-c", "max_connections=100", "-c", "jit=off")
	return b.start(ctx, server, found.Program("pg_isready"), "--host", b.directory, "--username", "postgres")
}

func (b *backing) startRedis(ctx context.Context) error {
	socket := filepath.Join(b.directory, "redis.socket")
	server := b.command(ctx, "redis-server", "--port", "0", "--unixsocket", socket, "--unixsocketperm", "777", "--save", "", "--dir", b.directory)
	return b.start(ctx, server, "redis-cli", "-s", socket, "ping")
}

func (b *backing) startIssuer(context.Context) (err error) {
	b.issuer, err = newIssuer()
	return err
}

// command runs as an ordinary user.
func (b *backing) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = b.directory
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return command
}

// start starts a server and waits until the probe succeeds.
func (b *backing) start(ctx context.Context, server *exec.Cmd, probe ...string) error {
	if err := server.Start(); err != nil {
		return err
	}
	b.processes = append(b.processes, server)
	return await(ctx, server.Path, func() error { return b.command(ctx, probe[0], probe[1:]...).Run() })
}

// fill migrates and seeds, as an operator does.
func (b *backing) fill(ctx context.Context, o options) error {
	for _, args := range [][]string{{"migrate"}, {"seed", "--count", strconv.Itoa(o.products)}} {
		command := exec.CommandContext(ctx, o.binary, append(args, "--database-url", b.databaseURL())...)
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("pocctl %s: %w\n%s", args[0], err, output)
		}
	}
	return nil
}

func (b *backing) stop() error {
	var err error
	if b.issuer != nil {
		err = b.issuer.stop()
	}
	for _, process := range b.processes {
		_ = process.Process.Signal(syscall.SIGINT)
		_ = process.Wait() // however it ends
	}
	return errors.Join(err, os.RemoveAll(b.directory))
}

// await polls until done gives no error.
func await(ctx context.Context, what string, done func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w; last: %w", what, ctx.Err(), err)
		case <-tick.C:
		}
	}
}
