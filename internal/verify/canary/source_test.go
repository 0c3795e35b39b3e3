package canary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// series writes a sample as Prometheus does.
func series(part, hash, pod, bound, value string) string {
	metric := map[string]string{"of": part, "pod_template_hash": hash, "pod": pod}
	if bound != "" {
		metric["le"] = bound
	}
	written, _ := json.Marshal(metric)
	return fmt.Sprintf(`{"metric":%s,"value":[1764000003.211,%q]}`, written, value)
}

// vector writes an answer as Prometheus does.
func vector(samples ...string) string {
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(samples, ",") + `]}}`
}

// serving is what a pod of a version that serves has.
func serving(hash, pod string) []string {
	return []string{
		series("requests", hash, pod, "", "412"), series("errors", hash, pod, "", "3"),
		series("buckets", hash, pod, "+Inf", "412"), series("buckets", hash, pod, "0.3", "400"), series("buckets", hash, pod, "0.05", "390"),
		series("memory", hash, pod, "", "52428800"), series("sampled", hash, pod, "", "1764000001.5"),
	}
}

// idle is what a pod without requests has.
func idle(hash, pod string) []string {
	return []string{series("memory", hash, pod, "", "1e+06"), series("sampled", hash, pod, "", "1764000000.25")}
}

// without leaves a part out, and with replaces one.
func without(samples []string, part string) []string {
	var kept []string
	for _, sample := range samples {
		if !strings.Contains(sample, `"of":"`+part+`"`) {
			kept = append(kept, sample)
		}
	}
	return kept
}

// answering stands for Prometheus behind a prefix.
func answering(t *testing.T, handler http.HandlerFunc) *Source {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	source, err := NewSource(Options{URL: server.URL + "/prometheus", Job: "backend", Namespace: "pocctl"})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestReadGivesCountersByVersionAndPod(t *testing.T) {
	var path string
	source := answering(t, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		_, _ = io.WriteString(w, vector(append(serving("stable", "backend-1"), idle("canary", "backend-2")...)...))
	})
	got, sampled, err := source.Read(t.Context(), []string{"stable", "canary", "unscraped"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Counters{
		"stable": {"backend-1": {
			Requests: 412, Errors: 3, Memory: 52428800, Sampled: time.UnixMilli(1764000001500),
			Buckets: []Bucket{{0.05, 390}, {0.3, 400}},
		}},
		"canary": {"backend-2": {Memory: 1e6, Sampled: time.UnixMilli(1764000000250)}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !sampled.Equal(time.UnixMilli(1764000000250)) {
		t.Errorf("sampled %s", sampled)
	}
	if path != "/prometheus/api/v1/query" {
		t.Errorf("asked %s", path)
	}
}

func TestReadTellsErrorsApart(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	ok := serving("stable", "backend-1")
	with := func(part string, samples ...string) http.HandlerFunc {
		return answer(http.StatusOK, vector(append(without(ok, part), samples...)...))
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    error
		message string // part of it
	}{
		"starting":                {answer(503, "Service Unavailable"), ErrAway, `got 503 Service Unavailable, "Service Unavailable"`},
		"a query times out":       {answer(503, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`), ErrAway, "timeout: query timed out"},
		"its storage fails":       {answer(500, `{"status":"error","errorType":"internal","error":"block is gone"}`), ErrAway, "internal: block is gone"},
		"too many requests":       {answer(429, "slow down"), ErrAway, "429"},
		"another answers":         {answer(404, "<html>no route</html>"), ErrAway, "no route"},
		"a page":                  {answer(200, "<!doctype html>"), ErrAway, "doctype"},
		"something else":          {answer(200, `{"status":"up"}`), ErrAway, "up"},
		"an empty answer":         {answer(200, ""), ErrAway, "got 200 OK"},
		"a cut answer":            {answer(200, vector(ok...)[:200]), ErrAway, "got 200 OK"},
		"a connection that ends":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrAway, "got no answer: EOF"},
		"refused":                 {answer(400, `{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected character: '&'"}`), ErrQuery, "bad_data: 1:5: parse error"},
		"not executed":            {answer(422, `{"status":"error","errorType":"execution","error":"found duplicate series"}`), ErrQuery, "to the query label_replace("},
		"renamed":                 {answer(200, vector(without(without(without(ok, "requests"), "errors"), "buckets")...)), ErrNoSeries, "none of http_server_request_duration_seconds with"},
		"memory is renamed":       {answer(200, vector(without(without(ok, "memory"), "sampled")...)), ErrNoSeries, "none of process_resident_memory_bytes"},
		"not scraped":             {answer(200, vector()), ErrNoSeries, "of the stable version, stable, got none at all"},
		"only the canary":         {answer(200, vector(serving("canary", "backend-2")...)), ErrNoSeries, "none at all"},
		"NaN":                     {with("requests", series("requests", "stable", "backend-1", "", "NaN")), ErrBadSample, `requests of pod backend-1 of "NaN"`},
		"infinite":                {with("requests", series("requests", "stable", "backend-1", "", "+Inf")), ErrBadSample, `"+Inf"`},
		"negative":                {with("requests", series("requests", "stable", "backend-1", "", "-1")), ErrBadSample, `"-1"`},
		"a part of one":           {with("requests", series("requests", "stable", "backend-1", "", "0.5")), ErrBadSample, "0.5"},
		"too many":                {with("requests", series("requests", "stable", "backend-1", "", "1e13")), ErrBadSample, "1e+13"},
		"no number":               {with("requests", series("requests", "stable", "backend-1", "", "many")), ErrBadSample, "many"},
		"NaN in a bucket":         {with("none", series("buckets", "stable", "backend-1", "0.1", "NaN")), ErrBadSample, "buckets up to 0.1 of pod backend-1"},
		"NaN of memory":           {with("memory", series("memory", "stable", "backend-1", "", "NaN")), ErrBadSample, "memory of pod backend-1"},
		"NaN of a time":           {with("sampled", series("sampled", "stable", "backend-1", "", "NaN")), ErrBadSample, "sampled of pod backend-1"},
		"a time too late":         {with("sampled", series("sampled", "stable", "backend-1", "", "1e300")), ErrBadSample, "sampled of pod backend-1"},
		"a bound that isn't":      {with("none", series("buckets", "stable", "backend-1", "wide", "1")), ErrBadSample, "isn't a bound"},
		"a bound of -Inf":         {with("none", series("buckets", "stable", "backend-1", "-Inf", "1")), ErrBadSample, "-Inf"},
		"falling buckets":         {with("none", series("buckets", "stable", "backend-1", "0.1", "401")), ErrBadSample, "401 requests up to 0.1 s, but 400 up to 0.3 s"},
		"a bucket twice":          {with("none", series("buckets", "stable", "backend-1", "0.30", "400")), ErrBadSample, "two buckets up to 0.3 s"},
		"no last bucket":          {with("buckets", series("buckets", "stable", "backend-1", "0.1", "401")), ErrBadSample, "no bucket up to +Inf"},
		"another total":           {with("buckets", series("buckets", "stable", "backend-1", "+Inf", "411")), ErrBadSample, "412 requests, but 411"},
		"no buckets":              {with("buckets"), ErrNoSeries, "none of http_server_request_duration_seconds_bucket, but http_server_request_duration_seconds_count"},
		"more errors":             {with("errors", series("errors", "stable", "backend-1", "", "413")), ErrBadSample, "413 errors of 412 requests"},
		"no pod":                  {with("none", series("requests", "stable", "", "", "1")), ErrBadSample, "without the label"},
		"no hash":                 {with("none", series("requests", "", "backend-1", "", "1")), ErrBadSample, "without the label"},
		"an unknown part":         {with("none", series("other", "stable", "backend-1", "", "1")), ErrBadSample, "wasn't asked for"},
		"a native histogram":      {with("none", `{"metric":{"of":"requests","pod":"backend-1","pod_template_hash":"stable"},"histogram":[1764000003.211,{"count":"5","sum":"1"}]}`), ErrBadSample, "without a value"},
		"a value that is no text": {with("none", `{"metric":{"of":"requests","pod":"backend-1","pod_template_hash":"stable"},"value":[1764000003.211,5]}`), ErrBadSample, "requests of pod backend-1 of 5"},
		"a matrix":                {answer(200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`), ErrBadSample, `a "matrix" instead of a vector`},
		"a scalar":                {answer(200, `{"status":"success","data":{"resultType":"scalar","result":[1764000003.211,"1"]}}`), ErrBadSample, "isn't a vector"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := answering(t, test.handler).Read(t.Context(), []string{"stable", "canary"})
			for _, kind := range []error{ErrAway, ErrQuery, ErrNoSeries, ErrBadSample} {
				if errors.Is(err, kind) != errors.Is(test.want, kind) {
					t.Errorf("got %v, want %v", err, test.want)
				}
			}
			if err == nil {
				return
			}
			for _, part := range []string{test.message, "/prometheus/api/v1/query", "job backend in namespace pocctl", "pod_template_hash stable, canary"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want %q in it", err, part)
				}
			}
		})
	}
}

func TestReadOfNothingIsRefused(t *testing.T) {
	source := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	for _, hashes := range [][]string{nil, {""}, {"stable", ""}} {
		if _, _, err := source.Read(t.Context(), hashes); !errors.Is(err, ErrQuery) {
			t.Errorf("%q: got %v", hashes, err)
		}
	}
}

func TestReadOfNobodyIsAway(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	source, err := NewSource(Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	if _, _, err := source.Read(t.Context(), []string{"stable"}); !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestReadTellsATimeoutFromACallerWhoGivesUp(t *testing.T) {
	source := answering(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := source.Read(short, []string{"stable"}); !errors.Is(err, ErrAway) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a timeout", err)
	}
	given, giveUp := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, giveUp)
	if _, _, err := source.Read(given, []string{"stable"}); errors.Is(err, ErrAway) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the caller's", err)
	}
	source.options.HTTP = &http.Client{Timeout: 20 * time.Millisecond}
	if _, _, err := source.Read(t.Context(), []string{"stable"}); !errors.Is(err, ErrAway) {
		t.Errorf("got %v, want a timeout", err)
	}
}

func TestNewSourceRefusesWhatIsNoURL(t *testing.T) {
	for _, text := range []string{"", "prometheus", "http://", ":%"} {
		if _, err := NewSource(Options{URL: text}); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(vector(serving("stable", "backend-1")...))
	f.Add(vector(idle("canary", "backend-2")...))
	f.Add(vector(series("requests", "stable", "backend-1", "", "NaN")))
	f.Add(vector(series("buckets", "stable", "backend-1", "+Inf", "0")))
	f.Add(`{"status":"error","errorType":"bad_data","error":"parse error"}`)
	f.Add(`{"status":"success","data":{"resultType":"vector","result":[{"value":[null,null]}]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		_, _ = refused([]byte(body))
		samples, err := parse([]byte(body))
		if err != nil {
			return
		}
		versions, err := gather(samples)
		if err != nil {
			return
		}
		for hash, counters := range versions {
			window := Increase(nil, counters)
			if wrong := window.broken(); wrong != "" {
				t.Errorf("what was read of %q can't be judged: %s", hash, wrong)
			}
			if _, err := json.Marshal(Judge(window, window, objectives())); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestReadAllGivesEveryPod(t *testing.T) {
	var asked string
	source := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.FormValue("query")
		_, _ = io.WriteString(w, vector(append(serving("stable", "backend-1"), idle("canary", "backend-2")...)...))
	})
	got, err := source.ReadAll(t.Context())
	if err != nil || len(got) != 2 || got["backend-1"].Requests != 412 || got["backend-2"].Sampled.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
	if !strings.Contains(asked, `pod_template_hash=~".+"`) {
		t.Errorf("asked %s", asked)
	}
	nothing := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, vector()) })
	if _, err := nothing.ReadAll(t.Context()); !errors.Is(err, ErrNoSeries) {
		t.Errorf("of nothing: %v", err)
	}
	wrong := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	if _, err := wrong.ReadAll(t.Context()); !errors.Is(err, ErrAway) {
		t.Errorf("of a stranger: %v", err)
	}
}

func TestQuantileHasItsBucket(t *testing.T) {
	window := Window{Requests: 100, Buckets: []Bucket{{0.1, 50}, {0.3, 90}}}
	for share, want := range map[float64][2]float64{0.2: {0, 0.1}, 0.9: {0.1, 0.3}, 0.95: {0.3, math.Inf(1)}} {
		estimate, lower, upper := window.Quantile(share)
		if lower != want[0] || upper != want[1] || estimate < lower || estimate > upper {
			t.Errorf("%v lies at %v, between %v and %v; want %v", share, estimate, lower, upper, want)
		}
	}
}
