package ingress

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

const patience = 10 * time.Second

// backends maps a Service of namespace shop to its ready pods.
type backends struct {
	mu  sync.Mutex
	all map[string][]netip.AddrPort
}

func (b *backends) Get(key endpoints.Key) *endpoints.Service {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &endpoints.Service{Key: key, Ports: []endpoints.Port{{Name: "http", Number: 80, Backends: b.all[key.Name]}}}
}

func (b *backends) put(service string, pods ...netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all[service] = pods
}

func addressOf(server *httptest.Server) netip.AddrPort {
	return server.Listener.Addr().(*net.TCPAddr).AddrPort()
}

func pod(t testing.TB, serve http.HandlerFunc) netip.AddrPort {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return addressOf(server)
}

func named(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, name)
	}
}

// dead is an address where nothing listens.
func dead(t testing.TB) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

type fixture struct {
	url      string
	backends *backends
	registry *prometheus.Registry
	handler  *handler
}

func serve(t testing.TB, ingresses ...*networkingv1.Ingress) fixture {
	t.Helper()
	registry := prometheus.NewRegistry()
	measured, err := newMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	pods := &backends{all: map[string][]netip.AddrPort{}}
	random := rand.New(rand.NewPCG(3, 4))
	var mu sync.Mutex
	h := newHandler(pods, measured, func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }, slog.New(slog.DiscardHandler))
	routes, problems := buildTable(ingresses)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	h.table.Store(routes)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return fixture{server.URL, pods, registry, h}
}

func send(t testing.TB, method, url, body string, change func(*http.Request)) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func TestRoundRobin(t *testing.T) {
	f := serve(t, made("it", rule("", "/", prefix, "web")))
	f.backends.put("web", pod(t, named("a")), pod(t, named("b")))
	got := map[string]int{}
	for range 20 {
		_, body := send(t, "GET", f.url, "", nil)
		got[body]++
	}
	if got["a"] != 10 || got["b"] != 10 {
		t.Errorf("answers %v, want ten of each pod", got)
	}
}

func TestStatuses(t *testing.T) {
	f := serve(t,
		made("it", rule("a.test", "/", prefix, "web"), annotated("proxy-body-size", "10")),
		made("slow", rule("slow.test", "/", prefix, "slow")),
		made("root", rule("root.test", "/", prefix, "web"), annotated("app-root", "/app")))
	f.handler.table.Load().match("slow.test", "/").readTimeout = 20 * time.Millisecond
	f.backends.put("slow", pod(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	live := pod(t, named("ok"))
	tests := map[string]struct {
		pods       []netip.AddrPort
		host, body string
		chunked    bool
		want       int
	}{
		"served":                {[]netip.AddrPort{live}, "a.test", "", false, 200},
		"no ready pod":          {nil, "a.test", "", false, 503},
		"pods gone":             {[]netip.AddrPort{dead(t)}, "a.test", "", false, 502},
		"no such host":          {[]netip.AddrPort{live}, "b.test", "", false, 404},
		"body at the limit":     {[]netip.AddrPort{live}, "a.test", "0123456789", false, 200},
		"body too large":        {[]netip.AddrPort{live}, "a.test", "0123456789x", false, 413},
		"chunks too large":      {[]netip.AddrPort{live}, "a.test", strings.Repeat("x", 200_000), true, 413},
		"silent pod":            {[]netip.AddrPort{live}, "slow.test", "", false, 504},
		"host with port, upper": {[]netip.AddrPort{live}, "A.test:8080", "", false, 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f.backends.put("web", test.pods...)
			status, body := send(t, "POST", f.url+"/x", test.body, func(r *http.Request) {
				r.Host = test.host
				if test.chunked {
					r.ContentLength = -1
				}
			})
			if status != test.want {
				t.Errorf("status %d (%s), want %d", status, strings.TrimSpace(body), test.want)
			}
		})
	}
	f.backends.put("web", live)
	if _, body := send(t, "GET", f.url+"/", "", func(r *http.Request) { r.Host = "root.test" }); body != "ok" {
		t.Errorf("the root leads to %q, want a redirect that is served", body)
	}
}

func TestCanaryTakesItsShare(t *testing.T) {
	f := serve(t,
		made("web", rule("", "/", prefix, "web")),
		made("web-canary", rule("", "/", prefix, "canary"), annotated("canary", "true"), annotated("canary-weight", "20")))
	f.backends.put("web", pod(t, named("stable")))
	f.backends.put("canary", pod(t, named("canary")))
	got := map[string]int{}
	for range 1000 {
		_, body := send(t, "GET", f.url, "", nil)
		got[body]++
	}
	if got["canary"] < 150 || got["canary"] > 250 {
		t.Errorf("answers %v, want a fifth from the canary", got)
	}
	count := func(canary string) float64 {
		return testutil.ToFloat64(f.handler.metrics.requests.WithLabelValues("shop", "web", "web", canary, "GET", "200"))
	}
	if stable, canary := count(""), count("shop-canary-http"); int(stable) != got["stable"] || int(canary) != got["canary"] {
		t.Errorf("metrics count %v stable and %v canary requests, clients got %v", stable, canary, got)
	}
	f.backends.put("canary") // no pod of it is ready
	for range 50 {
		if status, body := send(t, "GET", f.url, "", nil); status != 200 || body != "stable" {
			t.Fatalf("got %d %q, want the stable version", status, body)
		}
	}
}

func TestHeaders(t *testing.T) {
	f := serve(t, made("it", rule("", "/", prefix, "web")))
	var mu sync.Mutex
	var got http.Header
	var host, uri string
	f.backends.put("web", pod(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got, host, uri = r.Header, r.Host, r.RequestURI
	}))
	ask := func(change func(*http.Request)) {
		send(t, "GET", f.url+"/a%2Fb?x=1;y=%zz", "", func(r *http.Request) { r.Host = "shop.test"; change(r) })
	}
	ask(func(r *http.Request) {
		r.Header.Set("X-Forwarded-For", "6.6.6.6")
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Real-IP", "6.6.6.6")
		r.Header.Set("X-Request-ID", "mine")
	})
	want := map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop.test",
		"X-Original-Forwarded-For": "6.6.6.6", "X-Request-Id": "mine", "X-Scheme": "http",
	}
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.Get(name), value)
		}
	}
	if host != "shop.test" || uri != "/a%2Fb?x=1;y=%zz" {
		t.Errorf("the pod sees %s %s, want what the client asked for", host, uri)
	}
	ask(func(*http.Request) {})
	if id := got.Get("X-Request-Id"); len(id) != 32 {
		t.Errorf("request id %q, want one made up", id)
	}
}

func TestStreaming(t *testing.T) {
	f := serve(t, made("it", rule("", "/", prefix, "web")))
	next := make(chan struct{})
	f.backends.put("web", pod(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "line %d\n", i)
			w.(http.Flusher).Flush()
			<-next // sends no more until the client has what was sent
		}
	}))
	response, err := http.Get(f.url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for i := range 3 {
		if !lines.Scan() || lines.Text() != fmt.Sprintf("line %d", i) {
			t.Fatalf("got %q, %v", lines.Text(), lines.Err())
		}
		next <- struct{}{}
	}
}

func TestUpgrade(t *testing.T) {
	f := serve(t, made("it", rule("", "/", prefix, "web")))
	f.handler.table.Load().match("", "/").readTimeout = 50 * time.Millisecond
	f.backends.put("web", pod(t, func(w http.ResponseWriter, r *http.Request) {
		connection, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer connection.Close()
		fmt.Fprintf(buffered, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		buffered.Flush()
		_, _ = io.Copy(connection, buffered)
	}))
	connection, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(connection, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v, %v", response, err)
	}
	for range 3 {
		time.Sleep(40 * time.Millisecond) // in sum longer than the read timeout, which must not apply
		fmt.Fprint(connection, "ping\n")
		if line, err := reader.ReadString('\n'); err != nil || line != "ping\n" {
			t.Fatalf("got %q, %v", line, err)
		}
	}
}

func TestDurationsHaveTheObjectivesBucket(t *testing.T) {
	f := serve(t)
	send(t, "GET", f.url, "", nil)
	families, err := f.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "nginx_ingress_controller_request_duration_seconds" {
			continue
		}
		for _, bucket := range family.GetMetric()[0].GetHistogram().GetBucket() {
			if bucket.GetUpperBound() == 0.3 {
				return
			}
		}
	}
	t.Error("no bucket at 0.3 s")
}
