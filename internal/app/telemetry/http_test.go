package telemetry

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/telemetry/otlptest"
)

// watched is an observer of requests with all that it tells.
type watched struct {
	*HTTP
	t         *testing.T
	metrics   *Metrics
	tracing   *Tracing
	collector *otlptest.Collector
	log       *page
	flush     func()
}

func watch(t *testing.T, ratio float64) *watched {
	t.Helper()
	tracing, collector := traced(t, func(o *TracingOptions) { o.Ratio = ratio })
	p, logger, flush := logging(t, "debug")
	metrics := NewMetrics(Build{Version: "1.2.3", Commit: "c0ffee", Go: "go1"})
	return &watched{NewHTTP(metrics, tracing, logger), t, metrics, tracing, collector, p, flush}
}

// do has a request answered with an outcome; below, if not nil, is what its handler does.
func (w *watched) do(r *http.Request, outcome api.Outcome, below func(trace.Tracer, *http.Request)) {
	w.t.Helper()
	ctx, end := w.Begin(r, outcome.Route)
	if below != nil {
		below(w.tracing.Tracer("below"), r.WithContext(ctx))
	}
	end(outcome)
}

func (w *watched) line() map[string]any {
	w.t.Helper()
	w.flush()
	lines := w.log.lines(w.t)
	if len(lines) == 0 {
		w.t.Fatal("the log is empty")
	}
	line := lines[len(lines)-1]
	delete(line, "time")
	return line
}

func (w *watched) spans() []*tracepb.Span {
	w.t.Helper()
	flush(w.t, w.tracing)
	return w.collector.Spans()
}

func attributes(span *tracepb.Span) map[string]any {
	all := map[string]any{}
	for _, one := range span.GetAttributes() {
		all[one.GetKey()] = otlptest.Value(one.GetValue())
	}
	return all
}

const flagsText = "product-cache=on,rate-limiting=on,experimental-search=off,fault-injection=off"

func TestARequestIsTracedLoggedAndMeasured(t *testing.T) {
	w := watch(t, 1)
	r := httptest.NewRequest(http.MethodPost, "http://shop.example:8080/api/v1/orders?x=y", strings.NewReader("{}"))
	r.Header.Set("User-Agent", "curl/8")
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	w.do(r, api.Outcome{
		RequestID: "r-1", Method: "POST", Path: "/api/v1/orders", Route: "/api/v1/orders", Status: 201, Bytes: 321, Took: 1500 * time.Microsecond,
		Address: "192.0.2.1", User: "somebody", Flags: snapshot(t), Cache: "miss",
	}, nil)

	spans := w.spans()
	if len(spans) != 1 {
		t.Fatalf("%d spans came, want 1", len(spans))
	}
	span := spans[0]
	want := map[string]any{
		"http.request.method": "POST", "http.route": "/api/v1/orders", "http.response.status_code": int64(201), "http.response.body.size": int64(321),
		"http.request.body.size": int64(2), "url.path": "/api/v1/orders", "url.scheme": "http", "network.protocol.version": "1.1",
		"server.address": "shop.example", "server.port": int64(8080), "client.address": "192.0.2.1", "user_agent.original": "curl/8",
		"user.id": "somebody", "request_id": "r-1", "pocctl.cache.result": "miss", "pocctl.feature_flags": flagsText,
	}
	if diff := cmp.Diff(want, attributes(span)); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if span.GetName() != "POST /api/v1/orders" || span.GetKind() != tracepb.Span_SPAN_KIND_SERVER || span.GetStatus().GetCode() != 0 {
		t.Errorf("the span is %s, a %s, status %s", span.GetName(), span.GetKind(), span.GetStatus())
	}
	if got := len(span.GetEvents()); got != 4 {
		t.Errorf("the span has %d events, want one for each flag", got)
	}
	traceID := trace.TraceID(span.GetTraceId()).String()
	if traceID != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("the trace is %s, want the caller's", traceID)
	}

	line := map[string]any{
		"level": "info", "message": "request", "trace_id": traceID, "span_id": trace.SpanID(span.GetSpanId()).String(), "request_id": "r-1",
		"user_id": "somebody", "feature_flags": flagsText, "method": "POST", "path": "/api/v1/orders", "route": "/api/v1/orders",
		"status": 201.0, "bytes": 321.0, "seconds": 0.0015, "address": "192.0.2.1", "cache": "miss",
	}
	if diff := cmp.Diff(line, w.line()); diff != "" {
		t.Errorf("the line (-want +got):\n%s", diff)
	}
	if got := gathered(t, w.metrics.registry, "http_server_request_duration_seconds", "http_request_method", "POST",
		"http_route", "/api/v1/orders", "http_response_status_code", "201", "url_scheme", "http", "error_type", ""); got != 1 {
		t.Errorf("%v requests are measured, want 1", got)
	}
	if got := gathered(t, w.metrics.registry, "feature_flag_evaluations_total", "feature_flag_key", "product-cache", "feature_flag_result_variant", "on"); got != 1 {
		t.Errorf("%v evaluations are counted, want 1", got)
	}
}

func TestAFaultOfTheServiceIsAnErrorThatIsKept(t *testing.T) {
	w := watch(t, 0)
	r := httptest.NewRequest("BREW", "/nowhere", nil)
	r.ProtoMajor = 2
	w.do(r, api.Outcome{RequestID: "r-1", Method: "_OTHER", Path: "/nowhere", Route: "unmatched", Status: 503, Err: errors.New("the database is away")}, nil)
	spans := w.spans()
	if len(spans) != 1 {
		t.Fatalf("%d spans came, want 1", len(spans))
	}
	want := map[string]any{
		"http.request.method": "_OTHER", "http.request.method_original": "BREW", "http.response.status_code": int64(503), "http.response.body.size": int64(0),
		"url.path": "/nowhere", "url.scheme": "http", "network.protocol.version": "2", "server.address": "example.com",
		"request_id": "r-1", "error.type": "503",
	}
	if diff := cmp.Diff(want, attributes(spans[0])); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if got := spans[0]; got.GetName() != "HTTP" || got.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR || len(got.GetEvents()) != 1 {
		t.Errorf("the span is %s, status %s, events %v", got.GetName(), got.GetStatus(), got.GetEvents())
	}
	line := w.line()
	if line["level"] != "error" || line["error"] != "the database is away" {
		t.Errorf("the line is %v", line)
	}
	if got := gathered(t, w.metrics.registry, "http_server_request_duration_seconds", "error_type", "503"); got != 1 {
		t.Errorf("%v requests are measured, want 1", got)
	}
}

func TestOnlyTracesThatAreSentHaveAttributesAndExemplars(t *testing.T) {
	failBelow := func(tracer trace.Tracer, r *http.Request) {
		_, span := tracer.Start(r.Context(), "below")
		span.SetStatus(codes.Error, "")
		span.End()
	}
	workBelow := func(tracer trace.Tracer, r *http.Request) {
		_, span := tracer.Start(r.Context(), "below")
		span.End()
	}
	for _, test := range []struct {
		name   string
		ratio  float64
		status int
		below  func(trace.Tracer, *http.Request)
		want   []string // spans
	}{
		{name: "sampled", ratio: 1, status: 200, below: workBelow, want: []string{"GET /x", "below"}},
		{name: "not sampled", status: 200, below: workBelow},
		{name: "the client's mistake", status: 404},
		{name: "failed", status: 500, below: workBelow, want: []string{"GET /x", "below"}},
		{name: "something below failed", status: 200, below: failBelow, want: []string{"GET /x", "below"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := watch(t, test.ratio)
			w.do(httptest.NewRequest(http.MethodGet, "/x", nil), api.Outcome{Route: "/x", Status: test.status, RequestID: "r-1"}, test.below)
			spans := w.spans()
			if diff := cmp.Diff(append([]string{}, test.want...), names(spans)); diff != "" {
				t.Errorf("spans (-want +got):\n%s", diff)
			}
			exemplar := ""
			for line := range strings.SplitSeq(scrape(t, w.metrics, "application/openmetrics-text; version=1.0.0"), "\n") {
				if _, found, is := strings.Cut(line, `# {trace_id="`); is {
					exemplar, _, _ = strings.Cut(found, `"`)
				}
			}
			if (exemplar != "") != (len(test.want) > 0) {
				t.Errorf("the exemplar is %q", exemplar)
			}
			for _, span := range spans {
				if exemplar != trace.TraceID(span.GetTraceId()).String() {
					t.Errorf("the exemplar is of trace %s, want %x", exemplar, span.GetTraceId())
				}
				if span.GetName() != "below" && otlptest.Attribute(span, "request_id") != "r-1" {
					t.Errorf("the span has no attributes: %v", span)
				}
			}
		})
	}
}

func TestProbesHaveNoSpansAndAreLoggedAtDebug(t *testing.T) {
	w := watch(t, 1)
	for _, route := range []string{"/healthz", "/readyz", "/metrics"} {
		w.do(httptest.NewRequest(http.MethodGet, route, nil), api.Outcome{Route: route, Status: 503}, nil)
	}
	if spans := w.spans(); len(spans) != 0 {
		t.Errorf("these spans came: %v", names(spans))
	}
	w.flush()
	var levels []any
	for _, line := range w.log.lines(t) {
		levels = append(levels, line["level"])
	}
	if diff := cmp.Diff([]any{"error", "debug", "error"}, levels); diff != "" { // not ready is no fault
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	if got := gathered(t, w.metrics.registry, "http_server_request_duration_seconds"); got != 3 {
		t.Errorf("%v requests are measured, want 3", got)
	}
}

func TestActiveRequestsAndPanicsAreCounted(t *testing.T) {
	w := watch(t, 0)
	_, end := w.Begin(httptest.NewRequest(http.MethodGet, "/x", nil), "/x")
	_, end2 := w.Begin(httptest.NewRequest("BREW", "/x", nil), "/x")
	active := func(method string) float64 {
		return gathered(t, w.metrics.registry, "http_server_active_requests", "http_request_method", method)
	}
	if active("GET") != 1 || active("_OTHER") != 1 {
		t.Errorf("%v and %v requests are active, want 1 and 1", active("GET"), active("_OTHER"))
	}
	w.Panic()
	end(api.Outcome{Route: "/x", Status: 500})
	end2(api.Outcome{Route: "/x", Status: 500})
	if active("GET") != 0 || active("_OTHER") != 0 || gathered(t, w.metrics.registry, "server_panics_total") != 1 {
		t.Errorf("%v and %v requests are active, want none", active("GET"), active("_OTHER"))
	}
}

func TestSecretsOfARequestAreNeitherLoggedNorSent(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.aHVudGVyMg"
	w := watch(t, 1)
	r := httptest.NewRequest(http.MethodGet, "/api/"+token+"?access_token="+token, nil)
	for _, name := range []string{"Authorization", "Cookie", "User-Agent", "X-Request-Id", "Traceparent", "Tracestate"} {
		r.Header.Set(name, "Bearer "+token)
	}
	r.Host = token + ":80"
	w.do(r, api.Outcome{
		RequestID: token, Path: r.URL.Path, Route: "unmatched", Status: 500, Err: errors.New("refused: Authorization: Bearer " + token),
	}, nil)
	for _, span := range w.spans() {
		if strings.Contains(span.String(), token) {
			t.Errorf("the token was sent: %v", span)
		}
	}
	w.flush()
	if strings.Contains(w.log.String(), token) || !slices.Contains([]string{"error"}, w.line()["level"].(string)) {
		t.Errorf("the log has %s", w.log)
	}
}

func scrape(t testing.TB, metrics *Metrics, accept string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics answers %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}
