//go:build linux

package redis

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"
)

// role makes the test binary be the image, run as the container's process.
const role = "POCCTL_REDIS_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(role) == "" {
		os.Exit(m.Run())
	}
	err := Main(context.Background(), Options{Args: os.Args[1:], BuiltIn: os.Getenv(role) == "built-in"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// container is a running image.
type container struct {
	*exec.Cmd
	ended chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
}

func (c *container) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.Write(p)
}

func (c *container) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.String()
}

func start(t *testing.T, kind string, args ...string) *container {
	t.Helper()
	c := &container{Cmd: exec.Command(os.Args[0], args...), ended: make(chan struct{})}
	c.Env = append(os.Environ(), role+"="+kind)
	c.Stdout, c.Stderr = c, c
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		_ = c.Wait()
	}()
	t.Cleanup(func() { c.end(syscall.SIGKILL) })
	return c
}

func (c *container) end(signal syscall.Signal) {
	_ = c.Process.Signal(signal)
	<-c.ended
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// connect polls until the server answers.
func connect(t *testing.T, c *container, port, password string) *goredis.Client {
	t.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:" + port, Password: password, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	eventually(t, "the server answers", func() bool {
		select {
		case <-c.ended:
			t.Fatalf("the server ended: %s", c.said())
		default:
		}
		return client.Ping(context.Background()).Err() == nil
	})
	return client
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("waited 30s until %s", what)
}

// binary is no text in any encoding.
const binary = "\x00\xff\r\n\xc3"

func fill(t *testing.T, client *goredis.Client) {
	t.Helper()
	ctx := context.Background()
	pipe := client.Pipeline()
	pipe.Set(ctx, "plain", binary, 0)
	pipe.Set(ctx, "timed", "value", time.Hour)
	pipe.HSet(ctx, "hash", "a", "1", binary, binary)
	pipe.RPush(ctx, "list", "one", "two", "one")
	pipe.SAdd(ctx, "set", "x", "y")
	pipe.ZAdd(ctx, "sorted", goredis.Z{Score: 1.5, Member: "m"}, goredis.Z{Score: -2, Member: "n"})
	pipe.XAdd(ctx, &goredis.XAddArgs{Stream: "stream", ID: "5-1", Values: []string{"k", "v"}})
	pipe.Do(ctx, "SELECT", 3)
	pipe.Set(ctx, "elsewhere", "3", 0)
	pipe.Do(ctx, "SELECT", 0)
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, client *goredis.Client) map[string]any {
	t.Helper()
	ctx := context.Background()
	pipe := client.Pipeline()
	plain, timed := pipe.Get(ctx, "plain"), pipe.Get(ctx, "timed")
	hash, list := pipe.HGetAll(ctx, "hash"), pipe.LRange(ctx, "list", 0, -1)
	set, sorted := pipe.SMembersMap(ctx, "set"), pipe.ZRangeWithScores(ctx, "sorted", 0, -1)
	stream := pipe.XRange(ctx, "stream", "-", "+")
	size := pipe.DBSize(ctx)
	pipe.Do(ctx, "SELECT", 3)
	elsewhere := pipe.Get(ctx, "elsewhere")
	pipe.Do(ctx, "SELECT", 0)
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"plain": plain.Val(), "timed": timed.Val(), "hash": hash.Val(), "list": list.Val(), "set": set.Val(),
		"sorted": sorted.Val(), "stream": stream.Val(), "elsewhere": elsewhere.Val(), "size": size.Val(),
	}
}

func TestBuiltInKeepsData(t *testing.T) {
	data, port := t.TempDir(), freePort(t)
	args := []string{"redis-server", "--port", port, "--dir", data, "--appendonly", "yes", "--requirepass", "secret"}
	first := start(t, "built-in", args...)
	client := connect(t, first, port, "secret")
	fill(t, client)
	before := contents(t, client)

	if err := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:" + port}).Ping(context.Background()).Err(); err == nil ||
		!strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without a password: %v", err)
	}
	first.end(syscall.SIGTERM)
	if code := first.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d: %s", code, first.said())
	}

	second := start(t, "built-in", args...)
	client = connect(t, second, port, "secret")
	if diff := cmp.Diff(before, contents(t, client)); diff != "" {
		t.Error(diff)
	}
	if left := client.PTTL(context.Background(), "timed").Val(); left <= 59*time.Minute || left > time.Hour {
		t.Errorf("timed lives for %v", left)
	}

	// A kill is survived by what a snapshot has.
	written := func() time.Time {
		info, err := os.Stat(filepath.Join(data, "pocctl-redis.snapshot"))
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	earlier := written()
	if err := client.Set(context.Background(), "late", "yes", 0).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a snapshot is written", func() bool { return written().After(earlier) })
	second.end(syscall.SIGKILL)
	third := start(t, "built-in", args...)
	if got := connect(t, third, port, "secret").Get(context.Background(), "late").Val(); got != "yes" {
		t.Errorf("late is %q: %s", got, third.said())
	}
}

func TestBuiltInLetsKeysExpire(t *testing.T) {
	port, ctx := freePort(t), context.Background()
	client := connect(t, start(t, "built-in", "--port", port, "--save", ""), port, "")
	if err := client.Set(ctx, "short", "x", 300*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	if got := client.Get(ctx, "short").Val(); got != "x" {
		t.Errorf("short is %q", got)
	}
	eventually(t, "the key is gone", func() bool { return client.Exists(ctx, "short").Val() == 0 })
}

func TestBuiltInSetsABrokenSnapshotAside(t *testing.T) {
	for name, content := range map[string]string{"nonsense": "not a snapshot", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			data, port := t.TempDir(), freePort(t)
			file := filepath.Join(data, "pocctl-redis.snapshot")
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			client := connect(t, start(t, "built-in", "--port", port, "--dir", data), port, "")
			if got := client.DBSize(context.Background()).Val(); got != 0 {
				t.Errorf("%d keys", got)
			}
			if kept, err := os.ReadFile(file + ".broken"); err != nil || string(kept) != content {
				t.Errorf("set aside: %q, %v", kept, err)
			}
		})
	}
}

func TestBuiltInRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, busy, _ := net.SplitHostPort(taken.Addr().String())
	for want, args := range map[string][]string{
		`"0" is no port`:            {"--port", "0"},
		"address already in use":    {"--port", busy, "--save", ""},
		"start Redis: mkdir":        {"--dir", "/dev/null/x"},
		"run no-such-program":       {"no-such-program"},
		`"-x" follows no --setting`: {"-x", "value"},
	} {
		c := start(t, "built-in", args...)
		<-c.ended
		if c.ProcessState.Success() || !strings.Contains(c.said(), want) {
			t.Errorf("%q: said %q, want %q", args, c.said(), want)
		}
	}
}

// pretend puts a server on PATH that says what it was started with.
func pretend(t *testing.T, name, version string) {
	t.Helper()
	directory := t.TempDir()
	script := "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'Redis server v=" + version + " sha=0'; exit; fi\n" +
		"printf '%s|' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(directory, name), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", directory)
}

func TestMachinesServerIsStartedLikeTheImages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "redis.conf")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, program, version string
		args                   []string
		want                   string
	}{
		{"nothing said", "redis-server", "7.0.15", nil,
			"--bind|127.0.0.1|--dir|/data|--protected-mode|no|--set-proc-title|no|"},
		{"its own arguments stay", "redis-server", "7.0.15", []string{"redis-server", "--bind", "127.42.0.9", "--dir", "/elsewhere"},
			"--protected-mode|no|--set-proc-title|no|--bind|127.42.0.9|--dir|/elsewhere|"},
		{"an old one", "redis-server", "6.0.16", []string{"--port", "7000"},
			"--bind|127.0.0.1|--dir|/data|--protected-mode|no|--port|7000|"},
		{"a configuration file comes first", "redis-server", "7.0.15", []string{file, "--port", "7000"},
			file + "|--set-proc-title|no|--port|7000|"},
		{"valkey", "valkey-server", "8.0.1", []string{"--port", "7000"},
			"--bind|127.0.0.1|--dir|/data|--protected-mode|no|--set-proc-title|no|--port|7000|"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pretend(t, test.program, test.version)
			c := start(t, "machine", test.args...)
			<-c.ended
			if c.said() != test.want {
				t.Errorf("started with %q, want %q", c.said(), test.want)
			}
		})
	}
}

func TestMachinesServerKeepsData(t *testing.T) {
	if find() == "" {
		t.Fatal("there is no redis-server on PATH: apt-get install redis-server")
	}
	data, port, ctx := t.TempDir(), freePort(t), context.Background()
	args := []string{"--port", port, "--dir", data, "--appendonly", "yes", "--appendfsync", "always"}
	first := start(t, "machine", args...)
	client := connect(t, first, port, "")
	fill(t, client)
	before := contents(t, client)
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", first.Process.Pid))
	if err != nil || !bytes.Contains(environment, []byte(role+"=machine")) {
		t.Errorf("its environment is gone: %v", err)
	}
	first.end(syscall.SIGKILL)
	client = connect(t, start(t, "machine", args...), port, "")
	if diff := cmp.Diff(before, contents(t, client)); diff != "" {
		t.Error(diff)
	}
	if left := client.TTL(ctx, "timed").Val(); left <= 59*time.Minute {
		t.Errorf("timed lives for %v", left)
	}
}
