package contract

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

var update = flag.Bool("update", false, "write the tables of the documentation anew")

const small = `
metrics:
  - name: requests_total
    type: counter
    unit: "{request}"
    help: Requests.
    since: 0.1.0
    labels: {method: [GET, POST], route: "~/.*", error_type: "~(5..)?"}
  - {name: took_seconds, type: histogram, unit: s, help: How long., since: 0.1.0, exemplars: true}
  - {name: faults_total, type: counter, unit: "{fault}", help: Faults., since: 0.1.0, when: something is wrong}
  - {name: info, type: gauge, unit: "1", help: Info., since: 0.1.0, labels: {"*": any}}
  - {name: go_*, type: any, unit: "1", help: Go., since: 0.1.0}
spans:
  - name: ~GET /.*
    kind: server
    scope: http
    help: A request.
    since: 0.1.0
    attributes: {status: number, path: text, fine: bool}
    optional: {user: text, roles: list}
    events: [exception]
  - {name: [a, b], kind: client, scope: db, help: A query., since: 0.1.0, when: there is a database}
logs:
  - message: request
    levels: [info, error]
    help: A request.
    since: 0.1.0
    fields: {status: number, header: object}
    optional: {user: text}
  - {message: panic, levels: [error], help: A panic., since: 0.1.0, when: a handler panics}
  - {logger: library, levels: [debug], help: A library., since: 0.1.0, when: it speaks}
`

func parsed(t *testing.T, text string) *Contract {
	t.Helper()
	c, err := read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func texts(problems []Problem) []string {
	all := []string{}
	for _, problem := range problems {
		all = append(all, problem.String())
	}
	return all
}

func TestContractsThatAreWrongAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no YAML":          "metrics: [",
		"a strange key":    "metric: []",
		"twice":            "metrics: [{name: a, type: counter, unit: s, help: a, since: 1}, {name: a, type: counter, unit: s, help: a, since: 1}]",
		"no help":          "metrics: [{name: a, type: counter, unit: s, since: 1}]",
		"no unit":          "metrics: [{name: a, type: counter, help: a, since: 1}]",
		"no such type":     "metrics: [{name: a, type: meter, unit: s, help: a, since: 1}]",
		"no such kind":     "spans: [{name: [a], kind: sideways, scope: a, help: a, since: 1}]",
		"no level":         "logs: [{message: a, help: a, since: 1}]",
		"no message":       "logs: [{levels: [info], help: a, since: 1}]",
		"no such values":   "logs: [{message: a, levels: [info], help: a, since: 1, fields: {a: maybe}}]",
		"no regexp":        "logs: [{message: a, levels: [info], help: a, since: 1, fields: {a: ~(}}]",
		"values of values": "logs: [{message: a, levels: [info], help: a, since: 1, fields: {a: {b: c}}}]",
	} {
		if _, err := read([]byte(text)); err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
}

func TestCheckMetrics(t *testing.T) {
	const good = `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{method="GET",route="/",error_type=""} 1
requests_total{method="POST",route="/a",error_type="503"} 1
# HELP took_seconds How long.
# TYPE took_seconds histogram
took_seconds_bucket{le="+Inf"} 1
took_seconds_sum 1
took_seconds_count 1
# HELP info Info.
# TYPE info gauge
info{anything="goes"} 1
# HELP go_threads Threads.
# TYPE go_threads gauge
go_threads 1
`
	for _, test := range []struct {
		name, exposition string
		want             []string
	}{
		{"good", good, []string{}},
		{"empty", "", []string{"go_*: missing", "info: missing", "requests_total: missing", "took_seconds: missing"}},
		{"more", good + "# TYPE surprise counter\nsurprise 1\n", []string{"surprise: unknown"}},
		{"what need not be there", good + "# HELP faults_total Faults.\n# TYPE faults_total gauge\nfaults_total 1\n", []string{"faults_total: wrong: it is a gauge, not a counter"}},
		{"help", strings.Replace(good, "How long.", "How so.", 1), []string{`took_seconds: wrong: its help is "How so."`}},
		{
			"labels", good + `requests_total{method="BREW",route="a",extra="b"} 1` + "\n",
			[]string{
				"requests_total: wrong: label extra isn't in the contract", "requests_total: wrong: label method is BREW, not GET, POST",
				"requests_total: wrong: label route is a, not /.*", "requests_total: wrong: no label error_type",
			},
		},
		{"not readable", "{", []string{`/metrics: wrong: can't be read: text format parsing error in line 1: unexpected end of input stream`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			exposition := test.exposition
			if test.name == "labels" { // samples of one metric are together
				lines := strings.Split(strings.TrimSpace(exposition), "\n")
				exposition = strings.Join(slices.Insert(lines[:len(lines)-1], 4, lines[len(lines)-1]), "\n") + "\n"
			}
			if diff := cmp.Diff(test.want, texts(parsed(t, small).CheckMetrics([]byte(exposition)))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckExemplars(t *testing.T) {
	for _, test := range []struct {
		exposition string
		want       []string
	}{
		{`took_seconds_bucket{le="1"} 1 # {trace_id="ab"} 0.5`, []string{}},
		{`took_seconds_bucket{le="1"} 1`, []string{"took_seconds: missing: exemplars"}},
		{`took_seconds_bucket{le="1"} 1 # {user="a"} 0.5`, []string{"took_seconds: wrong: an exemplar names no trace"}},
		{
			"requests_total{a=\"b\"} 1 # {trace_id=\"ab\"} 1\ntook_seconds_bucket{le=\"1\"} 1 # {trace_id=\"ab\"} 0.5\nother{} 1 # {trace_id=\"a\"} 1",
			[]string{"other: unknown: exemplars", "requests_total: unknown: exemplars"},
		},
	} {
		if diff := cmp.Diff(test.want, texts(parsed(t, small).CheckExemplars([]byte(test.exposition)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.exposition, diff)
		}
	}
}

func TestCheckSpans(t *testing.T) {
	good := Given{Scope: "http", Name: "GET /a", Kind: "server", Attributes: map[string]any{"status": int64(200), "path": "/a", "fine": true}}
	with := func(change func(*Given)) Given {
		changed := good
		changed.Attributes = map[string]any{"status": int64(200), "path": "/a", "fine": true}
		change(&changed)
		return changed
	}
	for _, test := range []struct {
		name  string
		spans []Given
		want  []string
	}{
		{"good", []Given{good, {Scope: "db", Name: "a", Kind: "client"}}, []string{}},
		{"none", nil, []string{"http: GET /.*: missing: a server"}},
		{"another scope", []Given{good, with(func(g *Given) { g.Scope = "x" })}, []string{"x: GET /a: unknown: a server"}},
		{"another kind", []Given{good, with(func(g *Given) { g.Kind = "client" })}, []string{"http: GET /a: unknown: a client"}},
		{"another name", []Given{good, {Scope: "db", Name: "c", Kind: "client"}}, []string{"db: c: unknown: a client"}},
		{
			"attributes", []Given{with(func(g *Given) {
				delete(g.Attributes, "status")
				g.Attributes["path"], g.Attributes["fine"], g.Attributes["user"], g.Attributes["extra"] = "", "yes", 3, 1
				g.Attributes["roles"] = []any{"a"}
			})},
			[]string{
				"http: GET /a: wrong: attribute extra isn't in the contract", "http: GET /a: wrong: attribute fine is yes, not bool",
				"http: GET /a: wrong: attribute path is , not text", "http: GET /a: wrong: attribute user is 3, not text",
				"http: GET /a: wrong: no attribute status",
			},
		},
		{"events", []Given{with(func(g *Given) { g.Events = []string{"exception", "surprise"} })}, []string{"http: GET /a: wrong: event surprise isn't in the contract"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, texts(parsed(t, small).CheckSpans(test.spans))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff([]string{"http: GET /.*: missing: attribute user"}, texts(parsed(t, small).CheckAttributes([]Given{
		with(func(g *Given) { g.Attributes["roles"] = []any{} }),
	}))); diff != "" {
		t.Errorf("attributes that no span has (-want +got):\n%s", diff)
	}
}

func TestSpansOfTheSDKAreTaken(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("http")
	_, span := tracer.Start(t.Context(), "GET /a", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.Int("status", 200), attribute.String("path", "/a"), attribute.Bool("fine", true), attribute.StringSlice("roles", []string{"a"})))
	span.AddEvent("exception")
	span.End()
	if problems := parsed(t, small).CheckSpans(FromSDK(recorder.Ended())); len(problems) > 0 {
		t.Error(problems)
	}
}

func TestCheckLogs(t *testing.T) {
	const at = `"time":"2026-01-02T03:04:05.6Z"`
	const good = `{"level":"info",` + at + `,"message":"request","status":200,"header":{}}` + "\n"
	for _, test := range []struct {
		name, log string
		want      []string
	}{
		{"good", good + `{"level":"debug",` + at + `,"logger":"library","message":"whatever","a":1}` + "\n\n", []string{}},
		{"empty", "", []string{"request: missing"}},
		{"another message", good + `{"level":"info",` + at + `,"message":"surprise"}`, []string{"surprise: unknown: a line at level info"}},
		{"another level", `{"level":"warn",` + at + `,"message":"request","status":200,"header":{}}`, []string{"request: wrong: it is at level warn"}},
		{"of a logger", good + `{"level":"info",` + at + `,"logger":"library","message":"request"}`, []string{"the logger library: wrong: it is at level info"}},
		{"fields", `{"level":"info",` + at + `,"message":"request","status":"200","user":"","x":null}`, []string{
			"request: wrong: field status is 200, not number", "request: wrong: field user is , not text", "request: wrong: field x isn't in the contract",
			"request: wrong: no field header",
		}},
		{"no JSON", good + "panic: no\n", []string{`the log: wrong: "panic: no\n" is no JSON object`}},
		{"no time", good + `{"level":"error","message":"panic"}`, []string{`the log: wrong: a line has no time or no message: map[level:error message:panic]`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, texts(parsed(t, small).CheckLogs([]byte(test.log)))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// Every line that the service's code logs is in the contract, and no other.
func TestTheContractHasWhatTheCodeLogs(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	logged := map[string]string{} // where
	err = filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Logf("%s isn't looked at: %v", path, err)
			return nil
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if message := messageOf(node); message != "" {
				logged[message] = path
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(logged) < 20 {
		t.Fatalf("only these are found: %v", logged)
	}
	for message, path := range logged {
		if c.event("", message) == nil {
			t.Errorf("%q, of %s, isn't in contract.yaml", message, path)
		}
	}
	for _, event := range c.Logs {
		if event.Logger == "" && event.Message != "request" && event.Message != "call" && logged[event.Message] == "" {
			t.Errorf("%q is in contract.yaml, and nothing logs it", event.Message)
		}
	}
}

// messageOf gives the message of a call of a zap.Logger: x.logger.Info("…", …).
func messageOf(node ast.Node) string {
	call, is := node.(*ast.CallExpr)
	if !is || len(call.Args) == 0 {
		return ""
	}
	method, is := call.Fun.(*ast.SelectorExpr)
	if !is || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, method.Sel.Name) {
		return ""
	}
	receiver := ""
	switch x := method.X.(type) {
	case *ast.Ident:
		receiver = x.Name
	case *ast.SelectorExpr:
		receiver = x.Sel.Name
	}
	text, is := call.Args[0].(*ast.BasicLit)
	if !is || !strings.EqualFold(receiver, "logger") {
		return ""
	}
	message, err := strconv.Unquote(text.Value)
	if err != nil {
		return ""
	}
	return message
}

// The tables of the documentation are those of the contract.
func TestTheDocumentationHasTheContract(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	const path = "../../../../docs/service/telemetry.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(page)
	for name, table := range map[string]string{"metrics": c.metricsTable(), "spans": c.spansTable()} {
		begin, end := "<!-- "+name+", written by the test of internal/app/telemetry/contract -->\n", "<!-- end of "+name+" -->"
		before, rest, has := strings.Cut(want, begin)
		_, after, ends := strings.Cut(rest, end)
		if !has || !ends {
			t.Fatalf("%s has no place for %s", path, name)
		}
		want = before + begin + table + end + after
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("run the test with -update (-want +got):\n%s", diff)
	}
}

func (c *Contract) metricsTable() string {
	var table strings.Builder
	table.WriteString("| metric | type | labels | tells |\n|---|---|---|---|\n")
	for _, metric := range c.Metrics {
		var labels []string
		for name := range metric.Labels {
			if name != "*" {
				labels = append(labels, "`"+name+"`")
			}
		}
		slices.Sort(labels)
		kind := metric.Type
		if kind == "any" {
			kind = ""
		}
		table.WriteString("| `" + metric.Name + "` | " + kind + " | " + strings.Join(labels, ", ") + " | " + metric.Help + " |\n")
	}
	return table.String()
}

func (c *Contract) spansTable() string {
	var table strings.Builder
	table.WriteString("| span | kind | attributes | is |\n|---|---|---|---|\n")
	for _, span := range c.Spans {
		var attributes []string
		for name := range span.Attributes {
			attributes = append(attributes, "`"+name+"`")
		}
		for name := range span.Optional {
			attributes = append(attributes, "`"+name+"`?")
		}
		slices.Sort(attributes)
		name := strings.ReplaceAll(span.Name.String(), "|", "\\|")
		table.WriteString("| `" + name + "` | " + span.Kind + " | " + strings.Join(attributes, ", ") + " | " + span.Help + " |\n")
	}
	return table.String()
}
