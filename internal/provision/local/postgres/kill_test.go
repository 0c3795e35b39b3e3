//go:build linux

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestKilledWhileTheDatabaseIsMade(t *testing.T) {
	d := newDatabase(t)
	random := rand.New(rand.NewPCG(1, 2))
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
	random := rand.New(rand.NewPCG(3, 4))
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
