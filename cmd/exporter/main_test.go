//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/pocctl/pocctl/internal/app/store/storetest"
	"github.com/pocctl/pocctl/internal/provision/local/exporter"
	"github.com/pocctl/pocctl/internal/provision/local/exporter/blackbox"
	"github.com/pocctl/pocctl/internal/provision/local/exporter/postgres"
	"github.com/pocctl/pocctl/internal/provision/local/exporter/redis"
)

var database storetest.Server

func TestMain(m *testing.M) { database.Main(m) }

// running is an exporter that a test asks.
type running struct {
	t    *testing.T
	url  string
	said *output
}

type output struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.Write(data)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.String()
}

// start runs an exporter, listening as charts have it, until the test's end.
func start(t *testing.T, program func(context.Context, exporter.Options) error, env map[string]string, args ...string) *running {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	r := &running{t: t, url: "http://127.0.0.1:" + port, said: &output{}}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- program(ctx, exporter.Options{
			Args: append(args, "--web.listen-address=0.0.0.0:"+port), Address: "127.0.0.1", Log: r.said,
			Env: func(name string) (string, bool) { value, given := env[name]; return value, given },
		})
	}()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("it ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("it doesn't end; it said:\n%s", r.said)
		}
	})
	deadline := time.After(10 * time.Second)
	for {
		response, err := http.Get(r.url + "/health")
		if err == nil {
			response.Body.Close()
			return r
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("it doesn't start: %v", err)
		case <-deadline:
			t.Fatalf("it doesn't start; it said:\n%s", r.said)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (r *running) get(path string) string {
	r.t.Helper()
	response, err := http.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %s %v\n%s", path, response.Status, err, text)
	}
	return string(text)
}

// value finds a series in what an exporter answered.
func value(t *testing.T, answer, series string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(answer)
	if found == nil {
		t.Errorf("there is no %s in:\n%s", series, answer)
		return -1
	}
	number, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func TestPostgres(t *testing.T) {
	at, err := url.Parse(database.URL(t, database.Database(t)))
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "password")
	password, _ := at.User.Password()
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	query := at.RawQuery
	r := start(t, postgres.Main, map[string]string{
		"DATA_SOURCE_URI": at.Host + at.Path + "?" + query, "DATA_SOURCE_USER": at.User.Username(), "DATA_SOURCE_PASS_FILE": secret,
	})
	name := strings.TrimPrefix(at.Path, "/")
	r.get("/metrics")
	answer := r.get("/metrics")
	server := regexp.MustCompile(`pg_settings_max_connections\{server="([^"]*)"\}`).FindStringSubmatch(answer)
	if server == nil {
		t.Fatalf("the settings are missing:\n%s", answer)
	}
	if got := value(t, answer, "pg_up"); got != 1 {
		t.Errorf("pg_up is %v", got)
	}
	if got := value(t, answer, "pg_exporter_last_scrape_error"); got != 0 {
		t.Errorf("the last scrape failed; it said:\n%s", r.said)
	}
	if got := value(t, answer, `pg_settings_max_connections{server="`+server[1]+`"}`); got < 5 {
		t.Errorf("there may be %v connections", got)
	}
	if got := value(t, answer, `pg_stat_activity_count{datname="`+name+`",server="`+server[1]+`",state="active"}`); got != 1 {
		t.Errorf("%v connections are active, want that of the exporter", got)
	}
	if got := value(t, answer, `pg_stat_activity_count{datname="`+name+`",server="`+server[1]+`",state="idle in transaction"}`); got != 0 {
		t.Errorf("%v connections are idle in a transaction", got)
	}
	if got := value(t, answer, `pg_database_size_bytes{datname="`+name+`"}`); got < 1<<20 {
		t.Errorf("the database has %v bytes", got)
	}
	if age := float64(time.Now().Unix()) - value(t, answer, "pg_postmaster_start_time_seconds"); age < -1 || age > 3600 {
		t.Errorf("it started %v s ago", age)
	}
	for _, metric := range []string{"pg_stat_database_xact_commit", "pg_locks_count", "pg_static"} {
		if !strings.Contains(answer, "\n"+metric+"{") {
			t.Errorf("there is no %s", metric)
		}
	}
	for _, collector := range []string{"settings", "static", "postmaster", "stat_activity", "stat_database", "database", "locks", "stat_user_tables"} {
		if got := value(t, answer, `pg_scrape_collector_success{collector="`+collector+`"}`); got != 1 {
			t.Errorf("collector %s failed; it said:\n%s", collector, r.said)
		}
	}
}

// An exporter goes on while what it tells of is away, and says so.
func TestNobodyThere(t *testing.T) {
	p := start(t, postgres.Main, map[string]string{"DATA_SOURCE_NAME": "postgresql://a:b@127.0.0.1:1/shop"})
	answer := p.get("/metrics")
	if up, failed := value(t, answer, "pg_up"), value(t, answer, "pg_exporter_last_scrape_error"); up != 0 || failed != 1 {
		t.Errorf("Postgres: up %v, error %v", up, failed)
	}
	r := start(t, redis.Main, nil, "--redis.addr=redis://127.0.0.1:1")
	answer = r.get("/metrics")
	if up, failed := value(t, answer, "redis_up"), value(t, answer, "redis_exporter_last_scrape_error"); up != 0 || failed != 1 {
		t.Errorf("Redis: up %v, error %v", up, failed)
	}
	for _, said := range []string{p.said.String(), r.said.String()} {
		if strings.Count(said, "level=WARN") != 1 {
			t.Errorf("it says:\n%s", said)
		}
	}
}

// What hangs is told within the time that Prometheus waits: a scrape that fails would
// tell of the exporter.
func TestSomebodyWhoHangs(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := start(t, postgres.Main, map[string]string{"DATA_SOURCE_NAME": "postgresql://a:b@" + silent.Addr().String() + "/shop?sslmode=disable"})
	r := start(t, redis.Main, map[string]string{"REDIS_ADDR": "redis://" + silent.Addr().String()})
	for series, exporter := range map[string]*running{"pg_up": p, "redis_up": r} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, exporter.url+"/metrics", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "1")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatalf("%s: no answer: %v", series, err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		cancel()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", series, response.Status, err)
		}
		if up := value(t, string(text), series); up != 0 {
			t.Errorf("%s is %v", series, up)
		}
	}
}

func TestRedis(t *testing.T) {
	server := miniredis.NewMiniRedis()
	server.RequireAuth("secret")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	r := start(t, redis.Main, map[string]string{"REDIS_ADDR": "redis://" + server.Addr(), "REDIS_PASSWORD": "secret"})
	r.get("/metrics")
	answer := r.get("/metrics")
	if got := value(t, answer, "redis_up"); got != 1 {
		t.Errorf("redis_up is %v; it said:\n%s", got, r.said)
	}
	if got := value(t, answer, "redis_connected_clients"); got != 1 {
		t.Errorf("%v clients, want one connection that is kept", got)
	}
	if got := value(t, answer, "redis_exporter_scrapes_total"); got != 2 {
		t.Errorf("%v scrapes", got)
	}
	server.RequireAuth("another")
	server.Close()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if got := value(t, r.get("/metrics"), "redis_up"); got != 0 {
		t.Error("a Redis that refuses the password is up")
	}
}

func TestBlackbox(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/healthz" {
			http.NotFound(w, request)
			return
		}
		fmt.Fprintln(w, `{"status":"ok"}`)
	}))
	defer shop.Close()
	secure := httptest.NewTLSServer(shop.Config.Handler)
	defer secure.Close()
	file := filepath.Join(t.TempDir(), "blackbox.yml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("modules:\n  there: {prober: http, timeout: 2s, http: {tls_config: {insecure_skip_verify: true}}}\n")
	r := start(t, blackbox.Main, nil, "--config.file="+file)
	probe := func(module, target string) string {
		return r.get("/probe?module=" + module + "&target=" + url.QueryEscape(target))
	}
	if got := value(t, probe("there", shop.URL+"/healthz"), "probe_success"); got != 1 {
		t.Error("what is there fails")
	}
	answer := probe("there", shop.URL+"/nothing")
	if success, status := value(t, answer, "probe_success"), value(t, answer, "probe_http_status_code"); success != 0 || status != 404 {
		t.Errorf("what isn't there: success %v, status %v", success, status)
	}
	if end := value(t, probe("there", secure.URL+"/healthz"), "probe_ssl_earliest_cert_expiry"); end < float64(time.Now().Unix()) {
		t.Errorf("the certificate ends at %v", end)
	}
	reload := func() int {
		response, err := http.Post(r.url+"/-/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	write("modules: {gone: {prober: http}}\n")
	if status := reload(); status != http.StatusOK {
		t.Errorf("a changed configuration: status %d", status)
	}
	if got := value(t, probe("gone", shop.URL+"/healthz"), "probe_success"); got != 1 {
		t.Error("the changed configuration isn't in force")
	}
	write("modules: [1]\n")
	if status := reload(); status != http.StatusInternalServerError {
		t.Errorf("a broken configuration: status %d", status)
	}
	answer = r.get("/metrics")
	if got := value(t, answer, "blackbox_exporter_config_last_reload_successful"); got != 0 {
		t.Errorf("after a broken configuration it tells %v", got)
	}
}

func TestWhatTheyCannotStartWith(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"none":                       {nil, "which exporter?"},
		"one that isn't there":       {[]string{"node"}, "which exporter?"},
		"a flag it doesn't have":     {[]string{"redis", "--check-keys=a*"}, "check-keys"},
		"an argument":                {[]string{"postgres", "serve"}, `"serve" is no flag`},
		"a level that is none":       {[]string{"redis", "--log-level=loud"}, "level of the log"},
		"a path that is none":        {[]string{"redis", "--web.telemetry-path=metrics"}, "web.telemetry-path"},
		"an address that is none":    {[]string{"redis", "--web.listen-address=9121"}, "web.listen-address"},
		"a Redis that is none":       {[]string{"redis", "--redis.addr=http://a"}, "REDIS_ADDR"},
		"no configuration":           {[]string{"blackbox", "--config.file=/nonexistent/a.yml"}, "/nonexistent/a.yml"},
		"nothing of where it is":     {[]string{"postgres"}, "DATA_SOURCE_URI"},
		"a level of probes unknown":  {[]string{"blackbox", "--log.prober=loud"}, "log.prober"},
		"a history that is no count": {[]string{"blackbox", "--history.limit=-1"}, "history.limit"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(test.args); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it says %v, want something of %q", err, test.want)
			}
		})
	}
}
