package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/verify/shoptest"
)

func options(url string) Options {
	return Options{
		URL: url, Scenario: Products(), Seed: 1,
		Stages: Plan{Rate: 200, Duration: time.Second, Warmup: 500 * time.Millisecond}.Stages(),
		MaxLag: time.Minute, // the machine's own speed is no matter here
	}
}

func TestRunAgainstAShop(t *testing.T) {
	shop := shoptest.New(t)
	result, err := Run(t.Context(), options(shop.URL))
	if err != nil {
		t.Fatal(err)
	}
	total := result.Total
	if total.Sent != 200 || total.Failed != 0 || total.Unsent != 0 {
		t.Errorf("sent %d, failed %d (%s), unsent %d; want 200, 0, 0", total.Sent, total.Failed, total.Example, total.Unsent)
	}
	if total.CacheHits == 0 || total.CacheMisses == 0 {
		t.Errorf("%d hits and %d misses; the shop has both", total.CacheHits, total.CacheMisses)
	}
	if result.Connect.Count == 0 || total.Latency.P50 <= 0 || result.Void != "" {
		t.Errorf("connections %d, p50 %v ms, void %q", result.Connect.Count, total.Latency.P50, result.Void)
	}
	// 200, the warm-up's 50, and as many as make and remove what is there.
	if wire := result.Wire; wire.Sent < 270 || wire.Answered != wire.Sent || wire.Service.Count != wire.Sent || wire.Unavailable() != 0 || !wire.From.Before(result.Started) {
		t.Errorf("on the wire: %+v", wire)
	}
	if left := shop.Products(); left != 0 || result.Left != 0 {
		t.Errorf("%d products are left (%d reported)", left, result.Left)
	}
	encoded, err := json.Marshal(result)
	if err != nil || !strings.Contains(string(encoded), `"askedPerSecond":200`) {
		t.Errorf("as JSON: %s, %v", encoded, err)
	}
}

func TestRunSeesSlowAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(50 * time.Millisecond)
		}
	}))
	defer server.Close()
	o := options(server.URL)
	o.Scenario = Scenario{Operations: []Operation{
		{Name: "fast", Weight: 1, Method: "GET", Path: "/fast"},
		{Name: "slow", Weight: 1, Method: "GET", Path: "/slow"},
	}}
	result, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, operation := range result.Operations {
		if operation.Sent == 0 || operation.Name == "slow" && operation.Latency.AtLeast(50) != operation.Sent {
			t.Errorf("%s: %d sent, %d took 50 ms or more", operation.Name, operation.Sent, operation.Latency.AtLeast(50))
		}
	}
}

func TestRunTimesOut(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	o := options(server.URL)
	o.Timeout = 300 * time.Millisecond
	o.Stages = []Stage{{Name: "steady", Rate: 50, Duration: 200 * time.Millisecond}}
	o.Scenario = Scenario{Operations: []Operation{{Name: "get", Weight: 1, Method: "GET", Path: "/"}}}
	result, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	total := result.Total
	if total.Errors[kindTimeout] != 10 || total.Unavailable != 10 || total.Latency.AtLeast(300) != 10 {
		t.Errorf("errors %v, %d unavailable, %d took 300 ms or more; want 10 of each", total.Errors, total.Unavailable, total.Latency.AtLeast(300))
	}
}

func TestRunIsCut(t *testing.T) {
	shop := shoptest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	o := options(shop.URL)
	o.Stages = []Stage{{Name: "steady", Rate: 100, Duration: time.Hour}}
	o.Progress = func(s Snapshot) {
		if s.Sent >= 50 {
			cancel()
		}
	}
	result, err := Run(ctx, o)
	if err != nil || !result.Interrupted || result.Total.Sent < 50 || result.Total.Failed != 0 {
		t.Errorf("interrupted %v, sent %d, failed %d, %v", result.Interrupted, result.Total.Sent, result.Total.Failed, err)
	}
	if left := shop.Products(); left != 0 {
		t.Errorf("%d products are left", left)
	}
}

func TestRunThatCannotBePrepared(t *testing.T) {
	shop := shoptest.New(t)
	var made atomic.Int64
	shop.Fault = func(r *http.Request) int {
		if r.Method != http.MethodPost {
			return 0
		}
		if made.Add(1) > 20 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	o := options(shop.URL)
	o.Scenario.Targets.Count = 30
	_, err := Run(t.Context(), o)
	if refused := fault.From(err); refused == nil || refused.Code != fault.LoadNotPrepared || !strings.Contains(refused.Message, "status 503") {
		t.Errorf("got %v", err)
	}
	if left := shop.Products(); left != 0 {
		t.Errorf("%d products are left", left)
	}
}

func TestRunRefuses(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no URL":        func(o *Options) { o.URL = "127.0.0.1:8080" },
		"no stages":     func(o *Options) { o.Stages = nil },
		"no rate":       func(o *Options) { o.Stages[0].Rate = 0 },
		"no duration":   func(o *Options) { o.Stages[0].Duration = 0 },
		"no operations": func(o *Options) { o.Scenario.Operations = nil },
		"no weight":     func(o *Options) { o.Scenario.Operations[0].Weight = 0 },
		"no targets":    func(o *Options) { o.Scenario.Targets.Count = 0 },
		"no terms":      func(o *Options) { o.Scenario.Variables = nil },
		"no terms of a header": func(o *Options) {
			o.Scenario.Variables = nil
			o.Scenario.Operations = []Operation{{Name: "get", Weight: 1, Method: "GET", Path: "/", Headers: map[string]string{"X-Term": "{term}"}}}
		},
		"no values":         func(o *Options) { o.Scenario.Variables[0].Values = nil },
		"a taken name":      func(o *Options) { o.Scenario.Variables[0].Name = "run" },
		"an odd name":       func(o *Options) { o.Scenario.Variables[0].Name = "A b" },
		"made without path": func(o *Options) { o.Scenario.Operations[1].Body = "{made}" },
		"made comes first":  func(o *Options) { o.Scenario.Operations[0].Path = "/{made}" },
		"an odd create":     func(o *Options) { o.Scenario.Targets.Create.Path = "/{target}" },
		"an odd delete":     func(o *Options) { o.Scenario.Targets.Delete.Path = "/{term}" },
		"a rate to begin":   func(o *Options) { o.Stages[0].From = -1 },
		"no skew":           func(o *Options) { o.Scenario.Targets.Skew = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			o := options("http://127.0.0.1:1")
			change(&o)
			if _, err := Run(t.Context(), o); err == nil || fault.From(err).Code != fault.Usage {
				t.Errorf("got %v, want %s", err, fault.Usage)
			}
		})
	}
}

func TestErrorsAreNamed(t *testing.T) {
	closing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = connection.Close()
		}
	}))
	defer closing.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for url, want := range map[string]string{
		closing.URL:                 "connection closed",
		gone.URL:                    "connection refused",
		"http://nowhere.invalid:80": "name not found",
	} {
		c := newClient(Options{URL: url, Timeout: 5 * time.Second, MaxInFlight: 1, way: direct}, nil, newWire(), func(time.Duration) {})
		got := c.send(compile(Operation{Method: "GET", Path: "/"}, 0, nil).request(&blanks{}))
		if got.kind != want || got.local || got.status != 0 {
			t.Errorf("%s: %q (%s), want %q", url, got.kind, got.detail, want)
		}
		c.close()
	}
}

func TestClockWaitsAndIsCut(t *testing.T) {
	clock, stop := newClock()
	defer stop()
	due := time.Now().Add(3 * time.Millisecond)
	if now, err := clock.Until(t.Context(), due); err != nil || now.Before(due) {
		t.Errorf("it is %s before its time, %v", due.Sub(now), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := clock.Until(ctx, time.Now().Add(time.Hour)); err == nil {
		t.Error("an hour has passed")
	}
}

// Setting up TLS is a part of setting up a connection, and is done once for each.
func TestConnectHasTLS(t *testing.T) {
	const slow = 30 * time.Millisecond
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		time.Sleep(slow)
		return nil, nil
	}}
	server.StartTLS()
	defer server.Close()
	o := options(server.URL)
	o.Scenario = Scenario{Operations: []Operation{{Name: "get", Weight: 1, Method: "GET", Path: "/"}}}
	o.roots = x509.NewCertPool()
	o.roots.AddCert(server.Certificate())
	result, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if result.Total.Failed > 0 || result.Total.Sent != 200 {
		t.Fatalf("%d of %d failed: %s", result.Total.Failed, result.Total.Sent, result.Total.Example)
	}
	if connect := result.Connect; connect.AtLeast(30) != connect.Count || connect.Count == 0 || connect.Count >= result.Total.Sent {
		t.Errorf("setting up took %s for %d connections, all more than %s wanted", connect, connect.Count, slow)
	}
	o.roots = x509.NewCertPool() // a stranger
	if result, err = Run(t.Context(), o); err != nil || result.Total.Errors["TLS"] != result.Total.Sent {
		t.Errorf("a stranger: %v, %v", result.Total.Errors, err)
	}
}

// Who can't reach the internet but by a proxy still measures what is there.
func TestThroughProxy(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	var tunnels atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "example.com:443" || r.Header.Get("Proxy-Authorization") != "Basic bWU6c2VjcmV0" {
			http.Error(w, "no such host", http.StatusBadGateway)
			return
		}
		tunnels.Add(1)
		tunnel(t, w, server.Listener.Addr().String())
	}))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", strings.Replace(proxy.URL, "http://", "http://me:secret@", 1))
	t.Setenv("NO_PROXY", "")
	o := options("https://example.com")
	o.Scenario = Scenario{Operations: []Operation{{Name: "get", Weight: 1, Method: "GET", Path: "/"}}}
	o.roots = x509.NewCertPool()
	o.roots.AddCert(server.Certificate())
	result, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if result.Total.Failed > 0 || result.Total.Sent != 200 || tunnels.Load() != result.Connect.Count {
		t.Errorf("%d of %d failed over %d tunnels: %s", result.Total.Failed, result.Total.Sent, tunnels.Load(), result.Total.Example)
	}
	if text := strings.Join(result.Text(100), "\n"); result.Proxy == "" || !strings.Contains(text, result.Proxy+" stood in between") || strings.Contains(text, "secret") {
		t.Errorf("the proxy is %q; people are told\n%s", result.Proxy, text)
	}

	o.URL = "https://example.org"
	if result, err = Run(t.Context(), o); err != nil || result.Total.Errors["proxy"] != result.Total.Sent {
		t.Errorf("a proxy that refuses: %v, %v", result.Total.Errors, err)
	}
	t.Setenv("HTTPS_PROXY", "quic://me:secret@127.0.0.1:1")
	if _, err = Run(t.Context(), o); fault.From(err) == nil || fault.From(err).Code != fault.Usage || strings.Contains(err.Error(), "secret") {
		t.Errorf("a proxy of a strange kind: %v", err)
	}
}

// tunnel carries what is sent to and fro.
func tunnel(t *testing.T, w http.ResponseWriter, address string) {
	t.Helper()
	there, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
	_, _ = io.Copy(here, there)
	_ = here.Close()
}
