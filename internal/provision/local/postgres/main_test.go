//go:build linux

package postgres

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

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
