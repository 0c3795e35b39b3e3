//go:build linux && !slim

package prometheus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// running is a Prometheus that a test can stop.
type running struct {
	t    *testing.T
	url  string
	said *output
	stop context.CancelFunc
	done chan error
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

func start(t *testing.T, directory string) *running {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	ctx, stop := context.WithCancel(context.Background())
	r := &running{t: t, url: "http://127.0.0.1:" + port + "/metrics-of/shop", said: &output{}, stop: stop, done: make(chan error, 1)}
	go func() {
		r.done <- Main(ctx, Options{Address: "127.0.0.1", Log: r.said, Args: []string{
			"--config.file=" + filepath.Join(directory, "prometheus.yml"), "--storage.tsdb.path=" + filepath.Join(directory, "data"),
			"--web.listen-address=0.0.0.0:" + port, "--web.external-url=" + r.url, "--web.enable-lifecycle",
		}})
	}()
	t.Cleanup(func() { r.end() })
	r.until("it to be ready", func() bool {
		response, err := http.Get(r.url + "/-/ready")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return r
}

// end stops it and wants no error; a second call does nothing.
func (r *running) end() {
	r.t.Helper()
	if r.stop == nil {
		return
	}
	r.stop()
	r.stop = nil
	select {
	case err := <-r.done:
		if err != nil {
			r.t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		r.t.Fatalf("it doesn't end; it said:\n%s", r.said)
	}
}

func (r *running) until(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			r.t.Fatalf("waited for %s; it said:\n%s", what, r.said)
		case <-tick.C:
		}
	}
}

// get asks the API and gives the data of its answer.
func (r *running) get(path string) string {
	r.t.Helper()
	response, err := http.Get(r.url + "/api/v1/" + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var answer struct {
		Status string          `json:"status"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" {
		r.t.Fatalf("%s: %v %s", path, err, body)
	}
	return string(answer.Data)
}

// value gives the only sample of a query, as text; empty if there is none.
func (r *running) value(query string) string {
	r.t.Helper()
	var data struct {
		Result []struct {
			Value [2]any `json:"value"`
		} `json:"result"`
	}
	if err := json.Unmarshal([]byte(r.get("query?query="+url.QueryEscape(query))), &data); err != nil {
		r.t.Fatal(err)
	}
	if len(data.Result) != 1 {
		return ""
	}
	return fmt.Sprint(data.Result[0].Value[1])
}

func configured(t *testing.T, directory, target, rule string) {
	t.Helper()
	files := map[string]string{
		"prometheus.yml": "global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\nrule_files: [" + directory + "/rules-*.yaml]\n" +
			"scrape_configs: [{job_name: shop, static_configs: [{targets: ['" + target + "']}]}]\n",
		"rules-own.yaml": "groups: [{name: own, rules: [" + rule + "]}]\n",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// It scrapes, evaluates rules, fires alerts, answers queries, reads changed rules,
// and has its data again after a restart.
func TestPrometheus(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "# TYPE shop_orders gauge\nshop_orders 7")
	}))
	defer shop.Close()
	directory := t.TempDir()
	target := strings.TrimPrefix(shop.URL, "http://")
	configured(t, directory, target, "{record: 'shop:orders', expr: shop_orders * 2}, {alert: Many, expr: shop_orders > 5, labels: {severity: page}}")

	p := start(t, directory)
	p.until("the target to be up", func() bool { return p.value(`up{job="shop"}`) == "1" })
	p.until("the recorded series", func() bool { return p.value("shop:orders") == "14" })
	p.until("the alert to fire", func() bool {
		alerts := p.get("alerts")
		return strings.Contains(alerts, `"state":"firing"`) && strings.Contains(alerts, `"severity":"page"`)
	})
	configured(t, directory, target, "{record: 'shop:orders', expr: shop_orders * 3}, {alert: Few, expr: shop_orders < 5}")
	p.until("changed rules to be read", func() bool { return p.value("shop:orders") == "21" })
	if alerts := p.get("alerts"); strings.Contains(alerts, "Many") {
		t.Errorf("an alert that is gone still fires: %s", alerts)
	}
	if err := os.WriteFile(filepath.Join(directory, "rules-own.yaml"), []byte("groups: [{name: own, rules: [{expr: '('}]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.until("broken rules to be complained of", func() bool { return strings.Contains(p.said.String(), "stays in force") })
	if got := p.value("shop:orders"); got != "21" {
		t.Errorf("with broken rules the recorded series is %q, want that of the rules before", got)
	}

	began := time.Now()
	p.end()
	configured(t, directory, "127.0.0.1:1", "{record: b, expr: vector(1)}")
	again := start(t, directory)
	if got := again.value(fmt.Sprintf("max_over_time(shop_orders[%ds])", int(time.Since(began).Seconds())+5)); got != "7" {
		t.Errorf("after a restart the old sample is %q", got)
	}
	again.until("the dead target to be down", func() bool { return again.value(`up{instance="127.0.0.1:1"}`) == "0" })
}

func TestWhatItCannotStartWith(t *testing.T) {
	directory := t.TempDir()
	file := filepath.Join(directory, "prometheus.yml")
	if err := os.WriteFile(file, []byte("scrape_configs: [{job_nam: a}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"a flag it doesn't have":   {[]string{"--web.enable-admin"}, "web.enable-admin"},
		"an argument":              {[]string{"serve"}, `"serve" is no flag`},
		"a retention that is none": {[]string{"--storage.tsdb.retention.time=long"}, "storage.tsdb.retention.time"},
		"a level that is none":     {[]string{"--log.level=loud"}, "log.level"},
		"no configuration":         {[]string{"--config.file=" + file + "x", "--storage.tsdb.path=" + directory + "/a", "--web.listen-address=127.0.0.1:0"}, "no such file"},
		"a wrong configuration":    {[]string{"--config.file=" + file, "--storage.tsdb.path=" + directory + "/b", "--web.listen-address=127.0.0.1:0"}, "job_nam"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := Main(ctx, Options{Args: test.args, Log: io.Discard})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it says %v, want something of %q", err, test.want)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	for module, want := range map[string]string{"v0.315.0": "3.15.0", "v0.300.1": "3.0.1", "v0.305.2": "3.5.2", "v3.1.0": "v3.1.0", "(devel)": "(devel)"} {
		if got := release(module); got != want {
			t.Errorf("%s is %s, want %s", module, got, want)
		}
	}
}
