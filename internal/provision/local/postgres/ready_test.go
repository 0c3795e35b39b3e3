//go:build linux

package postgres

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// answering is a server that says one thing to every session.
func answering(t *testing.T, answer pgproto3.BackendMessage) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			session := pgproto3.NewBackend(connection, connection)
			if _, err := session.ReceiveStartupMessage(); err == nil && answer != nil {
				session.Send(answer)
				_ = session.Flush()
			}
			_ = connection.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func TestReady(t *testing.T) {
	tests := []struct {
		name   string
		answer pgproto3.BackendMessage
		code   int
		said   string
	}{
		{"asks for a password", &pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}}, accepting, "accepting"},
		{"knows no such database", &pgproto3.ErrorResponse{Severity: "FATAL", Code: "3D000"}, accepting, "accepting"},
		{"is starting", &pgproto3.ErrorResponse{Severity: "FATAL", Code: startingUp}, rejecting, "rejecting"},
		{"hangs up", nil, noResponse, "no response"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			environment := func(name string) (string, bool) {
				if name == "PGPORT" {
					return answering(t, test.answer), true
				}
				return "", false
			}
			var output bytes.Buffer
			code := Ready(t.Context(), []string{"--host", "127.0.0.1", "-U", "app"}, environment, &output)
			if code != test.code || !strings.Contains(output.String(), test.said) {
				t.Errorf("code %d, said %q", code, output.String())
			}
			if code := Ready(t.Context(), []string{"--no-such-flag"}, environment, &output); code != badUse {
				t.Errorf("code %d for a bad flag", code)
			}
		})
	}
}

func TestReadyAsksARealServer(t *testing.T) {
	d := existing(t)
	nothing := func(string) (string, bool) { return "", false }
	asked := func(host string) int {
		return Ready(context.Background(), []string{"-q", "-h", host, "-p", d.port, "-U", "app", "-d", "shop"}, nothing, d)
	}
	if code := asked("127.0.0.1"); code != noResponse {
		t.Errorf("code %d without a server", code)
	}
	server := d.start()
	d.connect(server)
	for _, host := range []string{"127.0.0.1", d.data} {
		if code := asked(host); code != accepting {
			t.Errorf("code %d at %s", code, host)
		}
	}
	server.end(syscall.SIGQUIT)
	if strings.Contains(d.said(), "authentication failed") {
		t.Error(d.said())
	}
}

func TestFetchedPostgresGetsItsProbe(t *testing.T) {
	directory := fake(t, t.TempDir(), "16.4", "16.4")
	if err := addReady(directory); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(directory, readyProgram)
	if !isOurs(program) || isOurs(filepath.Join(directory, "initdb")) {
		t.Error("ours is not known as ours")
	}
	// The script calls this binary, which is the image here, and that answers
	// itself rather than calling the script again.
	image := exec.Command(os.Args[0], readyProgram, "-h", "127.0.0.1", "-p", answering(t, &pgproto3.AuthenticationOk{}))
	image.Env = append(os.Environ(), role+"=image", "POCCTL_POSTGRES_TEST_DIRECTORY="+directory)
	output, err := image.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "accepting connections") {
		t.Errorf("%v: %s", err, output)
	}
	script, err := os.ReadFile(program)
	if err != nil || !strings.Contains(string(script), os.Args[0]) {
		t.Errorf("script %s, %v", script, err)
	}
	if output, err := exec.Command("/bin/sh", "-n", program).CombinedOutput(); err != nil {
		t.Errorf("the script is no script: %v: %s", err, output)
	}
}
