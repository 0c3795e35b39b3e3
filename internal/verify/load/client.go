package load

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// answer is what became of a request.
type answer struct {
	status int    // zero if none came
	cache  string // X-Cache
	id     string // of what was made
	kind   string // of the error, as Figures.Errors names it; empty for none
	local  bool   // the error is this machine's own: out of ports, files or memory
	cut    bool   // the run was cut short; the request says nothing
	detail string // the error, or the beginning of an unexpected answer
	// left and done are when it was sent and when the answer was there: what is made
	// ready before, and looked at afterwards, is no time of the service's.
	left, done time.Time
}

// timed says whether the time that it took counts: other failures come fast.
func (a answer) timed() bool { return a.kind == "" || a.kind == kindTimeout }

// sender sends one request and waits for its answer.
type sender interface {
	send(request) answer
}

// client sends over connections that it keeps, one request at a time on each.
type client struct {
	http    *fasthttp.HostClient
	base    string
	dialTCP dialer
	timeout time.Duration
	bearer  *bearer             // nil for none
	tls     *tls.Config         // nil for plain HTTP
	dialed  func(time.Duration) // told how long a connection took to set up
	wire    *wire               // counts what is sent

	mu   sync.Mutex
	open map[*connection]struct{}
	shut bool
}

// connection is one that the client can cut.
type connection struct {
	net.Conn
	client *client
}

// secured is a connection whose TLS is set up; its method tells fasthttp so.
type secured struct{ *connection }

// Handshake has nothing left to do.
func (secured) Handshake() error { return nil }

func newClient(options Options, bearer *bearer, wire *wire, dialed func(time.Duration)) *client {
	base, _ := url.Parse(options.URL) // complete has read it before
	secure := base.Scheme == "https"
	c := &client{base: strings.TrimSuffix(options.URL, "/"), dialTCP: options.way, timeout: options.Timeout, bearer: bearer, wire: wire, dialed: dialed, open: map[*connection]struct{}{}}
	if secure {
		c.tls = &tls.Config{ServerName: base.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: options.roots}
	}
	c.http = &fasthttp.HostClient{
		Name:                      "pocctl-load",
		Addr:                      fasthttp.AddMissingPort(base.Host, secure),
		IsTLS:                     secure,
		MaxConns:                  options.MaxInFlight,
		MaxIdleConnDuration:       5 * time.Second, // less than any server keeps one
		MaxIdemponentCallAttempts: 1,               // a retry would hide a failure
		MaxResponseBodySize:       16 << 20,
		DialTimeout:               c.dial,
	}
	return c
}

func (c *client) dial(address string, timeout time.Duration) (net.Conn, error) {
	if timeout <= 0 || timeout > c.timeout {
		timeout = c.timeout
	}
	begin := time.Now()
	plain, err := c.dialTCP(address, timeout)
	if err != nil {
		return nil, err
	}
	wrapped := &connection{Conn: plain, client: c}
	if c.tls != nil {
		secure := tls.Client(plain, c.tls)
		if err := errors.Join(plain.SetDeadline(begin.Add(timeout)), secure.Handshake(), plain.SetDeadline(time.Time{})); err != nil { //nolint:noctx // has a deadline
			return nil, errors.Join(err, plain.Close())
		}
		wrapped.Conn = secure
	}
	c.dialed(time.Since(begin))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		_ = plain.Close()
		return nil, net.ErrClosed
	}
	c.open[wrapped] = struct{}{}
	if c.tls != nil {
		return secured{wrapped}, nil
	}
	return wrapped, nil
}

func (c *connection) Close() error {
	c.client.mu.Lock()
	delete(c.client.open, c)
	c.client.mu.Unlock()
	return c.Conn.Close()
}

// cut ends the requests under way, and refuses more.
func (c *client) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
	for connection := range c.open {
		_ = connection.Conn.Close()
	}
}

func (c *client) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shut
}

func (c *client) close() {
	c.cut()
	c.http.CloseIdleConnections()
}

func (c *client) send(r request) answer {
	got := c.exchange(r)
	c.wire.count(got, got.done.Sub(got.left))
	return got
}

func (c *client) exchange(r request) (got answer) {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(r.Method)
	req.SetRequestURI(c.base + r.path)
	if r.body != "" {
		req.Header.SetContentType("application/json")
		req.SetBodyString(r.body)
	}
	for _, header := range r.headers {
		req.Header.Set(header.name, header.value)
	}
	if authorization := c.bearer.header(); authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	got.left = time.Now()
	err := c.http.DoTimeout(req, resp, c.timeout)
	got.done = time.Now()
	if err != nil {
		kind, local := classify(err)
		detail := err.Error()
		if kind == kindTimeout {
			detail = "no answer within " + c.timeout.String()
		}
		got.kind, got.local, got.detail, got.cut = kind, local, detail, c.isCut()
		return got
	}
	got.status = resp.StatusCode()
	if !expected(r.Expect, got.status) {
		got.kind, got.detail = fmt.Sprintf("status %d", got.status), beginning(resp.Body())
		return got
	}
	if r.Cached {
		got.cache = string(resp.Header.Peek("X-Cache"))
	}
	if r.Makes {
		got.id = identity(resp.Body())
	}
	return got
}

func expected(statuses []int, status int) bool {
	if len(statuses) == 0 {
		return status >= 200 && status < 300
	}
	return slices.Contains(statuses, status)
}

// identity gives the "id" of a JSON object, text or number; empty if it has none.
func identity(body []byte) string {
	var made struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(body, &made) != nil {
		return ""
	}
	return strings.Trim(string(made.ID), `"`)
}

func beginning(body []byte) string {
	const most = 200
	text := strings.ToValidUTF8(string(body[:min(most, len(body))]), "")
	return strings.Join(strings.Fields(text), " ")
}

// classify names the kind of a transport error, and says whether it is this
// machine's own.
func classify(err error) (kind string, local bool) {
	var timeout net.Error
	var lookup *net.DNSError
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "out of open files", true
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "out of ports", true
	case errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		return "out of memory", true
	case errors.Is(err, fasthttp.ErrNoFreeConns):
		return "out of connections", true
	case errors.Is(err, errProxy):
		return "proxy", false
	case errors.As(err, &lookup):
		return "name not found", false
	case errors.Is(err, fasthttp.ErrTimeout), errors.Is(err, fasthttp.ErrDialTimeout), errors.As(err, &timeout) && timeout.Timeout():
		return kindTimeout, false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", false
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset", false
	case errors.Is(err, fasthttp.ErrConnectionClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "connection closed", false
	case errors.As(err, &record), errors.As(err, &certificate):
		return "TLS", false
	default:
		return "no HTTP answer", false
	}
}

const kindTimeout = "timeout"
