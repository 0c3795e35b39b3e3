//go:build linux

package postgres

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// role makes the test binary be the image, run as the container's process.
const role = "POCCTL_POSTGRES_TEST_ROLE"

// madeOnce makes the database that existing copies; remove its directory at the end.
var madeOnce = sync.OnceValues(func() (string, error) {
	if err := os.Chmod(templateBase, 0o777); err != nil {
		return "", err
	}
	d := &database{base: templateBase, data: filepath.Join(templateBase, "data"), port: "5432", uid: nobody}
	command := d.command("-c", "port=0x") // is refused once the database is made
	err := command.Run()
	if _, missing := os.Stat(filepath.Join(d.data, versionFile)); missing != nil {
		return "", fmt.Errorf("%w: %s", err, d.said())
	}
	return d.data, nil
})

var templateBase string

func TestMain(m *testing.M) {
	if os.Getenv(role) == "" {
		var err error
		if templateBase, err = os.MkdirTemp("", "postgres-template"); err != nil {
			panic(err)
		}
		code := m.Run()
		_ = os.RemoveAll(templateBase)
		os.Exit(code)
	}
	wait, _ := time.ParseDuration(os.Getenv("POCCTL_POSTGRES_TEST_WAIT"))
	err := Main(context.Background(), Options{
		Args: os.Args[1:], LockWait: wait, Find: FindOptions{Directory: os.Getenv("POCCTL_POSTGRES_TEST_DIRECTORY")},
	})
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// database is a data directory and the server on it.
type database struct {
	t    *testing.T
	base string
	data string
	port string
	uid  uint32
	env  []string

	mu     sync.Mutex
	output bytes.Buffer
}

func (d *database) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.output.Write(p)
}

func (d *database) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.output.String()
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	base, err := os.MkdirTemp("", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	d := &database{t: t, base: base, data: filepath.Join(base, "data"), port: freePort(t), uid: nobody}
	d.own()
	return d
}

// existing is a database that was made and stopped before.
func existing(t *testing.T) *database {
	t.Helper()
	d := newDatabase(t)
	template, err := madeOnce()
	if err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("cp", "-a", template, d.data).CombinedOutput(); err != nil {
		t.Fatalf("copy the database: %v: %s", err, output)
	}
	return d
}

// makeDirectory makes one as the server would.
func (d *database) makeDirectory(path string) {
	d.t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		d.t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(path, int(d.uid), int(d.uid)); err != nil {
		d.t.Fatal(err)
	}
}

// own gives the base to the user that Postgres runs as. Root runs it as nobody.
func (d *database) own() {
	d.t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(d.base, int(d.uid), int(d.uid)); err != nil {
		d.t.Fatal(err)
	}
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

// command is the container's process.
func (d *database) command(args ...string) *exec.Cmd {
	// The link leads past directories that the other user may not enter.
	command := exec.Command("/proc/self/exe", args...)
	command.Dir = "/"
	command.Env = append(os.Environ(), role+"=image", "PGDATA="+d.data, "PGPORT="+d.port,
		"POSTGRES_USER=app", "POSTGRES_PASSWORD=pass'word", "POSTGRES_DB=shop")
	command.Env = append(command.Env, d.env...)
	command.Stdout, command.Stderr = d, d
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: d.uid, Gid: d.uid}
	}
	return command
}

// running is a started container.
type running struct {
	*exec.Cmd
	ended chan struct{}
}

func (d *database) start(args ...string) *running {
	d.t.Helper()
	r := &running{Cmd: d.command(args...), ended: make(chan struct{})}
	if err := r.Start(); err != nil {
		d.t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		_ = r.Wait()
	}()
	d.t.Cleanup(func() { r.end(syscall.SIGKILL) })
	return r
}

func (r *running) end(signal syscall.Signal) {
	_ = r.Process.Signal(signal)
	<-r.ended
}

func (d *database) url() string {
	return fmt.Sprintf("postgres://app:pass%%27word@127.0.0.1:%s/shop?connect_timeout=5", d.port)
}

// connect polls until the server lets it in.
func (d *database) connect(server *running) *pgx.Conn {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		connection, err := pgx.Connect(ctx, d.url())
		if err == nil {
			d.t.Cleanup(func() { _ = connection.Close(context.Background()) })
			return connection
		}
		select {
		case <-server.ended:
			d.t.Fatalf("the server ended: %s", d.said())
		case <-ctx.Done():
			d.t.Fatalf("waited for the server: %v: %s", err, d.said())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (d *database) query(connection *pgx.Conn, query string) string {
	d.t.Helper()
	var value string
	if err := connection.QueryRow(context.Background(), query).Scan(&value); err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	return value
}

func (d *database) exec(connection *pgx.Conn, statement string) {
	d.t.Helper()
	if _, err := connection.Exec(context.Background(), statement); err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
}
