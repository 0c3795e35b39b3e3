//go:build linux

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
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
	"github.com/jackc/pgx/v5"
)

// role makes the test binary be the image, run as the container's process.
const role = "POCCTL_POSTGRES_TEST_ROLE"

// madeOnce makes the database that existing copies; remove its directory at the end.
var madeOnce = sync.OnceValues(func() (string, error) {
	if err := os.Chmod(templateBase, 0o777); err != nil { //nolint:gosec // for nobody
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
	defer listener.Close() //nolint:errcheck // only its number is wanted
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

func TestNewDatabaseAndAgain(t *testing.T) {
	d := newDatabase(t)
	server := d.start("-c", "shared_buffers=16MB")
	connection := d.connect(server)
	for query, want := range map[string]string{
		"select current_user::text":       "app",
		"select current_database()::text": "shop",
		"show server_encoding":            "UTF8",
		"show password_encryption":        "scram-sha-256",
		"show fsync":                      "on",
		"show full_page_writes":           "on",
		"show synchronous_commit":         "on",
		"show shared_buffers":             "16MB", // its own arguments win
		"show max_connections":            "100",
		"show listen_addresses":           "127.0.0.1",
		"show timezone":                   "UTC",
		"select lower('ÄÖÜ')":             "äöü",
		"select rolsuper::text from pg_roles where rolname = 'app'": "true",
	} {
		if got := d.query(connection, query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	d.exec(connection, "create table kept (n int)")
	d.exec(connection, "insert into kept values (42)")

	wrong := strings.Replace(d.url(), "word", "sword", 1)
	if intruder, err := pgx.Connect(context.Background(), wrong); err == nil {
		_ = intruder.Close(context.Background())
		t.Error("a wrong password was let in")
	}
	// With a client connected, too.
	server.end(StopSignal)
	if code := server.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d: %s", code, d.said())
	}

	// The password is that of the first start.
	d.env = []string{"POSTGRES_PASSWORD=other", "POSTGRES_DB=other"}
	again := d.start("postgres")
	if got := d.query(d.connect(again), "select n::text from kept"); got != "42" {
		t.Errorf("kept %q", got)
	}
	if got := strings.Count(d.said(), "making a new database"); got != 1 {
		t.Errorf("the database was made %d times", got)
	}
	if strings.Contains(d.said(), "FATAL:  lock") {
		t.Error(d.said())
	}
}

func TestSecretFromFileAndProbe(t *testing.T) {
	d := newDatabase(t)
	secret := filepath.Join(d.base, "secret")
	if err := os.WriteFile(secret, []byte("pass'word\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.env = []string{"POSTGRES_PASSWORD=", "POSTGRES_PASSWORD_FILE=" + secret}
	server := d.start()
	d.connect(server)
	probe := d.start("pg_isready", "-h", "127.0.0.1")
	<-probe.ended
	if !probe.ProcessState.Success() {
		t.Errorf("pg_isready: %s", d.said())
	}
	local := d.start("psql", "-h", d.data, "-U", "app", "-d", "shop", "-Atc", "select 'by socket'")
	<-local.ended
	if !strings.Contains(d.said(), "by socket") {
		t.Errorf("psql by the socket: %s", d.said())
	}
}

func TestKilledWhileTheDatabaseIsMade(t *testing.T) {
	d := newDatabase(t)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // moments, not secrets
	interrupted := 0
	for range 6 {
		server := d.start()
		select {
		case <-time.After(time.Duration(random.IntN(1500)) * time.Millisecond):
		case <-server.ended:
			t.Fatalf("the server ended: %s", d.said())
		}
		server.end(syscall.SIGKILL)
		_, work := os.Stat(filepath.Join(d.data, workDir))
		_, whole := os.Stat(filepath.Join(d.data, versionFile))
		if work == nil && whole != nil {
			interrupted++
		}
		if whole == nil {
			_ = os.RemoveAll(d.data) // made: from the beginning
		}
	}
	if interrupted == 0 {
		t.Error("no kill met the database half made")
	}
	t.Logf("%d of 6 kills met the database half made", interrupted)
	d.query(d.connect(d.start()), "select current_database()::text")
}

func TestInterruptedMove(t *testing.T) {
	d := existing(t)
	// As after a kill between two moves: the last file is still to come.
	work := filepath.Join(d.data, workDir)
	d.makeDirectory(work)
	if err := os.Rename(filepath.Join(d.data, versionFile), filepath.Join(work, versionFile)); err != nil {
		t.Fatal(err)
	}
	again := d.start()
	d.query(d.connect(again), "select current_user::text")
	if !strings.Contains(d.said(), "beginning anew") {
		t.Error(d.said())
	}
	again.end(StopSignal)
	// As after a kill that came after the last move.
	d.makeDirectory(work)
	d.connect(d.start())
	if _, err := os.Stat(work); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the work directory is left: %v", err)
	}
}

func TestAcknowledgedRowsSurviveKills(t *testing.T) {
	d := existing(t)
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // moments, not secrets
	server := d.start()
	d.exec(d.connect(server), "create table rows (n int primary key)")
	acknowledged := 0
	for range 5 {
		connection := d.connect(server)
		kill := time.AfterFunc(time.Duration(50+random.IntN(400))*time.Millisecond, func() {
			_ = server.Process.Kill()
		})
		for {
			if _, err := connection.Exec(context.Background(), "insert into rows values ($1)", acknowledged+1); err != nil {
				break
			}
			acknowledged++
		}
		kill.Stop()
		<-server.ended
		server = d.start()
		connection = d.connect(server)
		// The row whose answer the kill cut off may be there or not.
		d.exec(connection, fmt.Sprintf("delete from rows where n > %d", acknowledged))
		if got := d.query(connection, "select count(*)::text from rows"); got != strconv.Itoa(acknowledged) {
			t.Fatalf("%s rows, %d were acknowledged", got, acknowledged)
		}
	}
	if acknowledged == 0 {
		t.Error("no row was acknowledged")
	}
	t.Logf("%d rows", acknowledged)
}

func TestStalePostmasterFile(t *testing.T) {
	d := existing(t)
	server := d.start()
	d.connect(server)
	file := filepath.Join(d.data, "postmaster.pid")
	server.end(syscall.SIGKILL)

	// The number has gone to another process of the same user.
	other := exec.Command("/bin/sleep", "300")
	other.SysProcAttr = d.command().SysProcAttr
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(content), "\n")
	for _, stale := range []string{strconv.Itoa(other.Process.Pid) + "\n" + rest, "", "nonsense"} {
		if err := os.WriteFile(file, []byte(stale), 0o600); err != nil {
			t.Fatal(err)
		}
		server := d.start()
		d.connect(server)
		server.end(syscall.SIGKILL)
	}
}

func TestOneServerAtATime(t *testing.T) {
	d := existing(t)
	first := d.start()
	connection := d.connect(first)

	d.env = []string{"POCCTL_POSTGRES_TEST_WAIT=300ms"}
	second := d.start()
	<-second.ended
	if !strings.Contains(d.said(), "another Postgres has held "+d.data) {
		t.Error(d.said())
	}
	d.query(connection, "select 'well'::text")

	// The next one waits for an orphan that outlives its server.
	d.env = nil
	go func() { _, _ = connection.Exec(context.Background(), "select count(*) from generate_series(1, 5e6)") }()
	first.end(syscall.SIGKILL)
	d.connect(d.start())
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, d *database)
		env     []string
		want    string
	}{
		{"no password", nil, []string{"POSTGRES_PASSWORD="}, "set POSTGRES_PASSWORD"},
		{"two passwords", nil, []string{"POSTGRES_PASSWORD_FILE=/x"}, "POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are both set"},
		{"a strange name", nil, []string{"POSTGRES_DB=a\nb"}, "control character"},
		{"files of another", func(t *testing.T, d *database) { put(t, d, "letters.txt", "dear") }, nil, "holds letters.txt and no database"},
		{"another version", func(t *testing.T, d *database) { put(t, d, versionFile, "99\n") }, nil, "was made by Postgres 99, and this machine has"},
		{"a broken version", func(t *testing.T, d *database) { put(t, d, versionFile, "new\n") }, nil, `"new" is none`},
		{"a bad setting of initdb", nil, []string{"POSTGRES_INITDB_ARGS=--no-such-flag"}, "no-such-flag"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDatabase(t)
			d.env = test.env
			if test.prepare != nil {
				test.prepare(t, d)
			}
			before := tree(t, d.data)
			server := d.start()
			<-server.ended
			if server.ProcessState.Success() || !strings.Contains(d.said(), test.want) {
				t.Errorf("said %q, want %q", d.said(), test.want)
			}
			after := tree(t, d.data)
			delete(after, lockFile)
			delete(after, workDir)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func put(t *testing.T, d *database, name, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(d.data, 0o700), os.WriteFile(filepath.Join(d.data, name), []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chown(d.data, nobody, nobody), os.Chown(filepath.Join(d.data, name), nobody, nobody)); err != nil {
			t.Fatal(err)
		}
	}
}

func tree(t *testing.T, directory string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return files
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		content, _ := os.ReadFile(filepath.Join(directory, entry.Name()))
		files[entry.Name()] = string(content)
	}
	return files
}

// A pod's user is rarely one that the machine knows.
func TestUserWithoutAName(t *testing.T) {
	if os.Geteuid() != 0 {
		return // it takes root to be another user
	}
	d := newDatabase(t)
	d.uid = 54321
	d.own()
	server := d.start()
	d.query(d.connect(server), "select current_user::text")
	info, err := os.Stat(filepath.Join(d.data, "base"))
	if err != nil || info.Sys().(*syscall.Stat_t).Uid != d.uid {
		t.Errorf("owner %v, %v", info, err)
	}
}

func TestRefusesRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		return
	}
	err := Main(context.Background(), Options{Args: []string{"postgres"}})
	if err == nil || !strings.Contains(err.Error(), "runAsUser") {
		t.Errorf("error %v", err)
	}
}
