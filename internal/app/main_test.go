package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/pocctl/pocctl/internal/app"
	"github.com/pocctl/pocctl/internal/app/auth/authtest"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

var postgres storetest.Server

func TestMain(m *testing.M) { postgres.Main(m) }

// issuers are those of the tests' services, by URL.
var issuers sync.Map

const patience = 30 * time.Second

// options are those of a service on a database and a Redis of its own.
func options(t *testing.T) app.Options {
	t.Helper()
	o := app.Defaults()
	o.Address = "127.0.0.1:0"
	o.DatabaseURL = postgres.URL(t, postgres.Database(t))
	o.GRPCAddress, o.PrivateAddress = "127.0.0.1:0", "127.0.0.1:0"
	o.RedisURL = "redis://" + miniredis.RunT(t).Addr()
	o.FlagsDefault = builtInFlags(t)
	issuer := authtest.New(t)
	o.OIDCIssuer = issuer.URL()
	issuers.Store(o.OIDCIssuer, issuer)
	o.LogOutput = io.Discard
	o.ReadinessDelay = 0
	o.Build = app.Build{Version: "1.2.3", Commit: "c0ffee"}
	return o
}

// builtInFlags is the file of feature flags that a release is built with.
func builtInFlags(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../../config/feature-flags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func migrate(t *testing.T, o app.Options) {
	t.Helper()
	if err := app.Migrate(t.Context(), o); err != nil {
		t.Fatalf("migrate: %v", err)
	}
}

// running is a service that a test can stop.
type running struct {
	t         *testing.T
	address   string
	addresses app.Addresses
	issuer    *authtest.Issuer
	stop      context.CancelFunc
	ended     chan error
}

func serve(t *testing.T, o app.Options) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	started := make(chan app.Addresses, 1)
	o.Started = func(addresses app.Addresses) { started <- addresses }
	r := &running{t: t, stop: stop, ended: make(chan error, 1)}
	if issuer, has := issuers.Load(o.OIDCIssuer); has {
		r.issuer = issuer.(*authtest.Issuer)
	}
	go func() { r.ended <- app.Serve(ctx, o) }()
	select {
	case addresses := <-started:
		r.address, r.addresses = addresses.HTTP.String(), addresses
	case err := <-r.ended:
		t.Fatalf("serve: %v", err)
	}
	t.Cleanup(func() {
		stop()
		r.ended <- r.end()
	})
	return r
}

// end waits until Serve has returned and gives its error.
func (r *running) end() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		r.t.Fatalf("the service hasn't stopped after %s", patience)
		return nil
	}
}

func (r *running) get(path string) (status int, body map[string]any) {
	r.t.Helper()
	response, err := http.Get("http://" + r.address + path)
	if err != nil {
		r.t.Fatalf("GET %s: %v", path, err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		r.t.Fatalf("GET %s: %v", path, err)
	}
	return response.StatusCode, body
}

// await polls readiness until it has the state.
func (r *running) await(state string) {
	r.t.Helper()
	waitFor(r.t, "readiness "+state, func() bool {
		status, body := r.get("/readyz")
		if body["status"] != state {
			return false
		}
		if ready := state != "not-ready"; ready != (status == http.StatusOK) {
			r.t.Errorf("%s is answered with %d", state, status)
		}
		return true
	})
}

// token gives one of somebody with a role.
func (r *running) token(role string) string {
	r.t.Helper()
	return r.issuer.Token(r.t, authtest.Subject("a-"+role), authtest.Roles(role))
}

// half is a request whose body the server still waits for.
type half struct {
	connection net.Conn
	rest       string
}

func (r *running) beginCreate(sku string) half {
	r.t.Helper()
	body := fmt.Sprintf(`{"sku":%q,"name":"Slow","price_minor":1,"currency":"EUR"}`, sku)
	connection, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { connection.Close() })
	// The server says 100 Continue when the handler begins to read.
	_, err = fmt.Fprintf(connection, "POST /api/v1/products HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"+
		"Content-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n",
		r.token("editor"), len(body))
	if err != nil {
		r.t.Fatal(err)
	}
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		r.t.Fatalf("the request didn't begin: %q %v", line, err)
	}
	return half{connection, body}
}

func (h half) finish() (status int, err error) {
	if _, err := io.WriteString(h.connection, h.rest); err != nil {
		return 0, err
	}
	reader := bufio.NewReader(h.connection)
	for {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return 0, err
		}
		if response.StatusCode != http.StatusContinue {
			return response.StatusCode, nil
		}
	}
}

// log is a place for log lines that may be written and read at once.
type log struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (l *log) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.Buffer.Write(line)
}

func (l *log) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.Buffer.String()
}
