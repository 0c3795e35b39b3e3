package dashboards_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/verify/dashboards"
)

// Answers as Prometheus 3 gives them.
const (
	vector  = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"pod":"a","version":"1"},"value":[1767323045.678,"42.5"]}]}}`
	scalar  = `{"status":"success","data":{"resultType":"scalar","result":[1767323045.678,"1"]}}`
	matrix  = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"pod":"a"},"values":[[1767323015,"1"],[1767323030.5,"+Inf"],[1767323045,"3"]]},{"metric":{"pod":"b"},"values":[[1767323045,"NaN"]]}]}}`
	nothing = `{"status":"success","data":{"resultType":"matrix","result":[]}}`
	nans    = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1767323045.678,"NaN"]}]},"warnings":["PromQL warning: …"]}`
	refused = `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:5: parse error: unexpected <op:+>"}`
	slow    = `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`
)

func now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC) }

// one makes dashboards of one panel of a kind.
func one(kind dashboards.Kind, possiblyEmpty string, expressions ...string) []dashboards.Dashboard {
	panel := dashboards.Panel{Title: "A panel", Kind: kind, Unit: dashboards.Count, PossiblyEmpty: possiblyEmpty}
	for _, expr := range expressions {
		panel.Queries = append(panel.Queries, dashboards.Query{Expr: expr, Legend: "{{pod}}"})
	}
	return []dashboards.Dashboard{{UID: "a", Title: "A", Panels: []dashboards.Panel{panel}}}
}

// prometheus answers the question whether it is there, and leaves others to handler.
func prometheus(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.FormValue("query") == "vector(1)" {
			_, _ = io.WriteString(w, vector)
			return
		}
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestVerdicts(t *testing.T) {
	for name, test := range map[string]struct {
		kind   dashboards.Kind
		status int
		body   string
		why    string
		want   dashboards.Result
		wrong  bool
	}{
		"a vector":            {dashboards.Stat, 200, vector, "", dashboards.Result{Verdict: dashboards.OK, Series: 1}, false},
		"a scalar":            {dashboards.Stat, 200, scalar, "", dashboards.Result{Verdict: dashboards.OK, Series: 1}, false},
		"lines":               {dashboards.Timeseries, 200, matrix, "", dashboards.Result{Verdict: dashboards.OK, Series: 1}, false},
		"nothing":             {dashboards.Timeseries, 200, nothing, "", dashboards.Result{Verdict: dashboards.Empty}, true},
		"nothing, for reason": {dashboards.Timeseries, 200, nothing, "It is quiet.", dashboards.Result{Verdict: dashboards.Empty, PossiblyEmpty: "It is quiet."}, false},
		"no number":           {dashboards.Stat, 200, nans, "", dashboards.Result{Verdict: dashboards.Empty}, true},
		"a bad query": {dashboards.Timeseries, 400, refused, "It is quiet.", dashboards.Result{
			Verdict: dashboards.Failed, PossiblyEmpty: "It is quiet.", Error: `bad_data: invalid parameter "query": 1:5: parse error: unexpected <op:+>`}, true},
		"a slow query": {dashboards.Timeseries, 503, slow, "", dashboards.Result{
			Verdict: dashboards.Failed, Error: "it has no answer within 10s: query timed out in expression evaluation"}, true},
		"an unknown answer": {dashboards.Stat, 200, `{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, "", dashboards.Result{
			Verdict: dashboards.Failed, Error: `the answer can't be read: it answers a "string"`}, true},
	} {
		t.Run(name, func(t *testing.T) {
			url := prometheus(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			got, err := dashboards.Check(t.Context(), dashboards.Options{Dashboards: one(test.kind, test.why, "x"), URL: url, Now: now})
			if err != nil {
				t.Fatal(err)
			}
			test.want.Dashboard, test.want.Panel, test.want.Expr, test.want.At = "a", "A panel", "x", now()
			got[0].Data = nil
			if diff := cmp.Diff([]dashboards.Result{test.want}, got); diff != "" {
				t.Error(diff)
			}
			if got[0].Wrong() != test.wrong {
				t.Errorf("wrong is %v", got[0].Wrong())
			}
		})
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	var asked atomic.Value
	url := prometheus(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Path + " " + strings.ReplaceAll(r.URL.Query().Encode(), "&", " "))
		_, _ = io.WriteString(w, matrix)
	})
	o := dashboards.Options{URL: url + "/", Now: now, Namespace: `a"\d`, Job: "shop", RateInterval: 40 * time.Second}
	expr := `rate(x{namespace=~"$namespace",job=~"$job"}[$__rate_interval])`
	for kind, want := range map[dashboards.Kind]string{
		dashboards.Timeseries: `/api/v1/query_range end=1767323045.678 query=rate(x{namespace=~"a\"\\d",job=~"shop"}[40s]) start=1767322145.678 step=15 timeout=10s`,
		dashboards.Heatmap:    `/api/v1/query_range end=1767323045.678 query=rate(x{namespace=~"a\"\\d",job=~"shop"}[40s]) start=1767322145.678 step=15 timeout=10s`,
		dashboards.Stat:       `/api/v1/query query=rate(x{namespace=~"a\"\\d",job=~"shop"}[40s]) time=1767323045.678 timeout=10s`,
	} {
		o.Dashboards = one(kind, "", expr)
		got, err := dashboards.Check(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		path, query, _ := strings.Cut(asked.Load().(string), " ")
		plain := strings.NewReplacer("%28", "(", "%29", ")", "%7B", "{", "%7D", "}", "%3D", "=", "%7E", "~", "%22", `"`, "%5C", `\`, "%2C", ",", "%5B", "[", "%5D", "]").Replace(query)
		if path+" "+plain != want {
			t.Errorf("%s asks for %s %s\nrather than  %s", kind, path, plain, want)
		}
		if diff := cmp.Diff("b", got[0].Data[1].Labels["pod"]); diff != "" || !got[0].Data[0].Points[0].At.Equal(time.Unix(1767323015, 0)) {
			t.Errorf("the data are %v", got[0].Data)
		}
	}
}

// Nobody is to look for a mistake in queries while Prometheus is away.
func TestPrometheusAway(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	answering := func(status int, kind, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	breaks := prometheus(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for name, test := range map[string]struct{ url, want string }{
		"nobody listens":    {closed.URL, "connection refused"},
		"an ingress":        {answering(503, "text/html", "<html>503</html>"), "/api/v1/query answers 503 Service Unavailable, which isn't Prometheus'"},
		"a login":           {answering(401, "application/json", `{"error":"no token"}`), "401 Unauthorized"},
		"another's API":     {answering(200, "application/json", `{"status":"fine"}`), "200 OK"},
		"it can't evaluate": {answering(503, "application/json", slow), "vector(1)"},
		"it goes away":      {breaks, "EOF"},
		"no address":        {"http://[", "missing ']'"},
	} {
		t.Run(name, func(t *testing.T) {
			results, err := dashboards.Check(t.Context(), dashboards.Options{Dashboards: one(dashboards.Stat, "", "x"), URL: test.url, Now: now})
			var away *dashboards.AwayError
			if !errors.As(err, &away) || away.URL != test.url || results != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v", results, err)
			}
			if !strings.HasPrefix(fmt.Sprint(err), "check dashboards: Prometheus at "+test.url) {
				t.Errorf("%v doesn't say what was done", err)
			}
		})
	}
}

func TestASlowQueryEndsAlone(t *testing.T) {
	url := prometheus(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("query") == "slow" {
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, vector)
	})
	got, err := dashboards.Check(t.Context(), dashboards.Options{
		Dashboards: one(dashboards.Stat, "", "slow", "quick"), URL: url, Now: now, Deadline: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Verdict != dashboards.Failed || got[0].Error != "it has no answer within 200ms" || got[1].Verdict != dashboards.OK {
		t.Errorf("got %+v", got)
	}
}

func TestFourAtOnce(t *testing.T) {
	var under, most atomic.Int32
	full := make(chan struct{})
	url := prometheus(t, func(w http.ResponseWriter, r *http.Request) {
		defer under.Add(-1)
		now := under.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		if now == 4 {
			close(full)
		}
		select {
		case <-full:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, vector)
	})
	queries := make([]string, 5)
	for i := range queries {
		queries[i] = fmt.Sprint("x", i)
	}
	got, err := dashboards.Check(t.Context(), dashboards.Options{Dashboards: one(dashboards.Stat, "", queries...), URL: url, Now: now})
	if err != nil || most.Load() != 4 {
		t.Errorf("%d were asked at once: %v", most.Load(), err)
	}
	for i, result := range got {
		if result.Query != i || result.Expr != queries[i] {
			t.Errorf("%d is %+v", i, result)
		}
	}
}

func TestItCanBeStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	url := prometheus(t, func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	})
	_, err := dashboards.Check(ctx, dashboards.Options{Dashboards: one(dashboards.Stat, "", "x", "y"), URL: url, Now: now})
	var away *dashboards.AwayError
	if !errors.Is(err, context.Canceled) || errors.As(err, &away) {
		t.Errorf("got %v", err)
	}
}
