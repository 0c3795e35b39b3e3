package canary

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
)

// TestTheQueryMeansWhatIsRead runs the query on Prometheus' own engine and store.
func TestTheQueryMeansWhatIsRead(t *testing.T) {
	db, err := tsdb.Open(t.TempDir(), nil, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	scraped := time.UnixMilli(1764000000123)
	appender := db.Appender(t.Context())
	add := func(value float64, name string, pairs ...string) {
		t.Helper()
		pairs = append([]string{"__name__", name, "job", `back"end\`, "namespace", "pocctl"}, pairs...)
		if _, err := appender.Append(0, labels.FromStrings(pairs...), scraped.UnixMilli(), value); err != nil {
			t.Fatal(err)
		}
	}
	request := func(hash, pod, route, status, fault string, fast, all float64) {
		pairs := func(more ...string) []string {
			return append([]string{"pod_template_hash", hash, "pod", pod, "http_route", route, "http_response_status_code", status, "error_type", fault}, more...)
		}
		add(all, requestMetric+"_count", pairs()...)
		add(fast, requestMetric+"_bucket", pairs("le", "0.3")...)
		add(all, requestMetric+"_bucket", pairs("le", "+Inf")...)
	}
	request("a.b", "one", "/api/v1/products/{id}", "200", "", 90, 100)
	request("a.b", "one", "/api/v1/orders", "503", "503", 1, 3)
	request("a.b", "one", "/readyz", "503", "503", 1000, 1000) // a probe
	request("a.b", "two", "/api/v1/orders", "404", "", 5, 5)
	request("aXb", "other", "/api/v1/orders", "500", "500", 5, 5) // another version
	for _, pod := range []string{"one", "two"} {
		add(1<<20, memoryMetric, "pod_template_hash", "a.b", "pod", pod)
	}
	add(2<<20, memoryMetric, "pod_template_hash", `new"\`, "pod", "three")
	if err := appender.Commit(); err != nil {
		t.Fatal(err)
	}

	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 10_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: parser.NewParser(parser.Options{}),
	})
	source := answering(t, func(w http.ResponseWriter, r *http.Request) {
		query, err := engine.NewInstantQuery(r.Context(), db, nil, r.FormValue("query"), scraped.Add(7*time.Second))
		if err != nil {
			t.Error(err)
			return
		}
		defer query.Close()
		result := query.Exec(r.Context())
		if result.Err != nil {
			t.Error(result.Err)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": result.Value.Type(), "result": result.Value}})
	})
	source.options.Job = `back"end\`

	got, sampled, err := source.Read(t.Context(), []string{"a.b", `new"\`})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Counters{
		"a.b": {
			"one": {Requests: 103, Errors: 3, Buckets: []Bucket{{0.3, 91}}, Memory: 1 << 20, Sampled: scraped},
			"two": {Requests: 5, Buckets: []Bucket{{0.3, 5}}, Memory: 1 << 20, Sampled: scraped},
		},
		`new"\`: {"three": {Memory: 2 << 20, Sampled: scraped}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !sampled.Equal(scraped) {
		t.Errorf("sampled %s, want %s", sampled, scraped)
	}
}
