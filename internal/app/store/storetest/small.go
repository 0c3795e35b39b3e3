package storetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Small is a Postgres of its own on a disk of 64 MiB that a test can fill. If it
// ends because of that, it is started again, as a kubelet would.
type Small struct {
	server Server // for its addresses
	orders io.Writer
	done   *bufio.Scanner
}

// smallScript makes the disk: a tmpfs in a mount namespace, for which a user
// namespace makes the caller root. Postgres refuses root, so another one within
// makes it an ordinary user again. The disk goes with its last process.
const smallScript = `
set -eu
directory=$1 programs=$2 log=$3
disk=$directory/disk
mount -t tmpfs -o size=64m,mode=700 tmpfs "$disk"
as_user="unshare --user --map-user=65534 --map-group=65534"
$as_user "$programs/initdb" --pgdata "$disk/data" ${log:+--waldir "$log"} --username postgres --auth trust --encoding UTF8 \
	--locale C --no-sync --no-instructions --data-checksums --wal-segsize=1 >/dev/null
supervise() {
	trap 'stopping=yes; kill -INT "$server"' TERM
	stopping=
	while [ -z "$stopping" ]; do
		$as_user "$programs/postgres" -D "$disk/data" -k "$directory" -c listen_addresses= -c fsync=off -c shared_buffers=16MB \
			-c min_wal_size=2MB -c max_wal_size=4MB -c autovacuum=off </dev/null >&2 &
		server=$!
		while kill -0 "$server" 2>/dev/null; do wait "$server" || :; done
		[ -n "$stopping" ] || sleep 0.1
	done
}
supervise &
supervisor=$!
echo ready
while read -r order; do
	case $order in
	fill) dd if=/dev/zero of="$disk/ballast" bs=4096 2>/dev/null || : ;;
	free) rm -f "$disk/ballast" ;;
	esac
	echo "$order"
done
kill -TERM "$supervisor"
wait "$supervisor" || :
cd / && rm -rf "$directory"/.s.PGSQL.* "$directory/log"`

// NewSmall starts a server, which the test's end stops. With logApart its
// write-ahead log is on another disk, so that a full one refuses writes; else it
// brings the server down. The test is skipped, and says so, where the system lets
// nobody but root make namespaces.
func NewSmall(t testing.TB, logApart bool) *Small {
	t.Helper()
	programs, err := findPrograms()
	if err != nil {
		t.Fatalf("start Postgres: %v", err)
	}
	directory, err := os.MkdirTemp("/tmp", "pocctl-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(directory); err != nil {
			t.Errorf("remove the small server: %v", err)
		}
	})
	for _, folder := range []string{"disk", "log"} {
		if err := os.Mkdir(filepath.Join(directory, folder), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := asOrdinaryUser(filepath.Join(directory, folder)); err != nil {
			t.Fatal(err)
		}
	}
	attributes, err := asOrdinaryUser(directory)
	if err != nil {
		t.Fatal(err)
	}
	namespaces := []string{"--user", "--map-root-user", "--mount"}
	try := exec.CommandContext(t.Context(), "unshare", append(namespaces, "mount", "-t", "tmpfs", "tmpfs", filepath.Join(directory, "disk"))...)
	try.SysProcAttr = attributes
	if output, err := try.CombinedOutput(); err != nil {
		t.Skipf("a disk to fill needs a user namespace, which this system refuses: %v: %s", err, output)
	}

	log := ""
	if logApart {
		log = filepath.Join(directory, "log")
	}
	command := exec.CommandContext(context.Background(), "unshare", append(namespaces, "/bin/sh", "-c", smallScript, "sh", directory, programs, log)...)
	command.SysProcAttr, command.Dir = attributes, directory
	said := &bytes.Buffer{}
	command.Stderr = said
	orders, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("start a small server: %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(orders.Close(), command.Wait()); err != nil {
			t.Errorf("stop the small server: %v", err)
		}
		if t.Failed() {
			t.Logf("the small server said:\n%s", said)
		}
	})
	s := &Small{server: Server{directory: directory}, orders: orders, done: bufio.NewScanner(answers)}
	s.expect(t, "ready")
	if err := s.server.await(); err != nil {
		t.Fatalf("start a small server: %v", err)
	}
	return s
}

// URL is that of its one database.
func (s *Small) URL() string { return s.server.url("postgres") }

// Fill leaves the disk without a byte.
func (s *Small) Fill(t testing.TB) {
	t.Helper()
	s.order(t, "fill")
}

// Free takes away what Fill has written.
func (s *Small) Free(t testing.TB) {
	t.Helper()
	s.order(t, "free")
}

func (s *Small) order(t testing.TB, order string) {
	t.Helper()
	if _, err := fmt.Fprintln(s.orders, order); err != nil {
		t.Fatalf("%s the small disk: %v", order, err)
	}
	s.expect(t, order)
}

func (s *Small) expect(t testing.TB, answer string) {
	t.Helper()
	heard := make(chan string, 1)
	go func() {
		s.done.Scan()
		heard <- s.done.Text()
	}()
	select {
	case got := <-heard:
		if strings.TrimSpace(got) != answer {
			t.Fatalf("the small server answered %q, want %q", got, answer)
		}
	case <-time.After(startTimeout):
		t.Fatalf("the small server didn't answer %q within %s", answer, startTimeout)
	}
}
