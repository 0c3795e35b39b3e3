//go:build linux

package postgres

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/spf13/pflag"
)

// readyProgram is the one client that probes need, and that a fetched Postgres
// comes without.
const readyProgram = "pg_isready"

// Exit codes of pg_isready.
const (
	accepting  = 0
	rejecting  = 1 // starting up, for one
	noResponse = 2
	badUse     = 3
)

// startingUp is the SQLSTATE cannot_connect_now.
const startingUp = "57P03"

// Ready does what pg_isready does, with its flags, and gives its exit code.
func Ready(ctx context.Context, args []string, lookup func(string) (string, bool), output io.Writer) int {
	fallback := func(name, value string) string {
		if set, _ := lookup(name); set != "" {
			return set
		}
		return value
	}
	flags := pflag.NewFlagSet(readyProgram, pflag.ContinueOnError)
	flags.SetOutput(output)
	host := flags.StringP("host", "h", fallback("PGHOST", "127.0.0.1"), "host or socket directory of the server")
	port := flags.StringP("port", "p", fallback("PGPORT", "5432"), "port of the server")
	user := flags.StringP("username", "U", fallback("PGUSER", "postgres"), "user name")
	database := flags.StringP("dbname", "d", fallback("PGDATABASE", "postgres"), "database name")
	timeout := flags.IntP("timeout", "t", 3, "seconds to wait")
	quiet := flags.BoolP("quiet", "q", false, "no output")
	if err := flags.Parse(args); err != nil {
		return badUse
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(*timeout)*time.Second)
	defer cancel()
	code, state := ask(ctx, *host, *port, *user, *database)
	if !*quiet {
		_, _ = fmt.Fprintf(output, "%s:%s - %s\n", *host, *port, state)
	}
	return code
}

// ask begins a session and leaves at the server's first word, as pg_isready
// does: a wrong password would stand in the server's log.
func ask(ctx context.Context, host, port, user, database string) (int, string) {
	network, address := "tcp", net.JoinHostPort(host, port)
	if strings.HasPrefix(host, "/") {
		network, address = "unix", filepath.Join(host, ".s.PGSQL."+port)
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return noResponse, "no response"
	}
	defer connection.Close()
	stop := context.AfterFunc(ctx, func() { _ = connection.SetDeadline(time.Now()) })
	defer stop()

	session := pgproto3.NewFrontend(connection, connection)
	session.Send(&pgproto3.StartupMessage{
		ProtocolVersion: pgproto3.ProtocolVersion30,
		Parameters:      map[string]string{"user": user, "database": database},
	})
	if err := session.Flush(); err != nil {
		return noResponse, "no response"
	}
	answer, err := session.Receive()
	if err != nil {
		return noResponse, "no response"
	}
	if refusal, refused := answer.(*pgproto3.ErrorResponse); refused && refusal.Code == startingUp {
		return rejecting, "rejecting connections"
	}
	return accepting, "accepting connections"
}

// oursMark begins the pg_isready that addReady makes.
const oursMark = "#!/bin/sh\n# Calls pocctl."

// isOurs says whether a program is the one that addReady makes, which would call
// this one again.
func isOurs(program string) bool {
	content, err := os.ReadFile(program)
	return err == nil && strings.HasPrefix(string(content), oursMark)
}

// addReady puts a pg_isready that calls this program into a fetched Postgres. A
// container may see the program as its image's entry point alone.
func addReady(binDir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	script := fmt.Sprintf(oursMark+`
for program in '%s' /usr/local/bin/docker-entrypoint.sh; do
	[ -x "$program" ] && exec "$program" image postgres %s "$@"
done
echo "%s: pocctl is not where it was" >&2
exit %d
`, strings.ReplaceAll(self, "'", `'\''`), readyProgram, readyProgram, badUse)
	return os.WriteFile(filepath.Join(binDir, readyProgram), []byte(script), 0o755) //nolint:gosec // a program
}
