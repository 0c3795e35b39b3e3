package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/dashboards"
	"github.com/pocctl/pocctl/internal/verify/load"
)

// measurer is a stack whose Prometheus answers as answer says, with a series, nothing
// or a refusal.
func measurer(t *testing.T, answer func(query string) string) *Stack {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		kind, values := "matrix", fmt.Sprintf(`"values":[[%d,"1"]]`, time.Now().Unix())
		if strings.HasSuffix(r.URL.Path, "/query") {
			kind, values = "vector", fmt.Sprintf(`"value":[%d,"1"]`, time.Now().Unix())
		}
		query := r.FormValue("query")
		said := "data"
		if query != "vector(1)" {
			said = answer(query)
		}
		switch said {
		case "data":
			_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":%q,"result":[{"metric":{"pod":"a"},%s}]}}`, kind, values)
		case "nothing":
			_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":%q,"result":[]}}`, kind)
		default:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"status":"error","errorType":"bad_data","error":"parse error"}`)
		}
	}))
	t.Cleanup(server.Close)
	source, err := config.OpenSource("")
	if err != nil {
		t.Fatal(err)
	}
	objectives, err := source.Objectives()
	if err != nil {
		t.Fatal(err)
	}
	return &Stack{platform: &standIn{ingress: server.URL}, loaded: make(chan struct{}), looked: make(chan struct{}), options: Options{
		Objectives: objectives, WithoutLoad: true, Dashboards: true, Flags: "--env shop.yaml",
		Environment: config.Environment{Name: "shop", Namespace: "shop.1", Endpoints: map[string]string{Prometheus: config.IngressURL}},
	}}
}

func brief() patience { return patience{200 * time.Millisecond, time.Millisecond} }

// detailed runs the check in the engine and gives the step's detail.
func detailed(t *testing.T, s *Stack, wait patience) (string, error) {
	t.Helper()
	result, err := flow.Run(t.Context(), []flow.Step{{
		Name: "verify/dashboards", Describe: func() string { return "" },
		Run: func(ctx context.Context, log *flow.Log) error { return s.checkDashboards(ctx, wait, log) },
	}}, flow.Options{})
	return result.Phases[0].Steps[0].Detail, err
}

func TestDashboards(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	s := measurer(t, func(query string) string {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, query)
		if strings.Contains(query, "ci_run_duration_seconds") {
			return "nothing"
		}
		return "data"
	})
	s.options.Page = filepath.Join(t.TempDir(), "page.html")
	detail, err := detailed(t, s, brief())
	if err != nil {
		t.Fatal(err)
	}
	boards, panels, queries := counts(dashboards.All(s.options.Objectives))
	silent := 0
	for _, result := range s.Panels() {
		if result.Verdict == dashboards.Empty {
			silent++
		}
	}
	want := fmt.Sprintf("%d dashboards, %d panels, %d queries: %d with data, %d may be empty", boards, panels, queries, queries-silent, silent)
	if detail != want || silent == 0 || len(s.Panels()) != queries || len(asked) != queries {
		t.Errorf("got  %q\nwant %q\nwith %d results of %d questions", detail, want, len(s.Panels()), len(asked))
	}
	if all := strings.Join(asked, "\n"); !strings.Contains(all, `namespace=~"shop\\.1"`) || strings.Contains(all, "$") {
		t.Errorf("not what is chosen is asked for: %.300s", all)
	}
	page, err := os.ReadFile(s.options.Page)
	info, statErr := os.Stat(s.options.Page)
	if err = errors.Join(err, statErr); err != nil || info.Mode().Perm() != 0o644 || !strings.Contains(string(page), "Service overview") {
		t.Errorf("the page: %v, %v, %.100s", err, info, page)
	}
}

func TestDashboardsWaitForData(t *testing.T) {
	var rounds atomic.Int32
	s := measurer(t, func(query string) string {
		// The first panel of all is asked once a round.
		if strings.HasPrefix(query, "sum(rate(http_server_request_duration_seconds_count") && rounds.Add(1) < 3 {
			return "nothing"
		}
		return "data"
	})
	if _, err := detailed(t, s, patience{time.Minute, time.Millisecond}); err != nil {
		t.Error(err)
	}
	if rounds.Load() < 3 {
		t.Errorf("it was asked %d times", rounds.Load())
	}
}

func TestDashboardsBroken(t *testing.T) {
	plain := func(answer string) func(string) string { return func(string) string { return answer } }
	for name, test := range map[string]struct {
		answer    func(string) string
		want, fix string
	}{
		"no data": {plain("nothing"), "pocctl-service, Requests: no data, asked for sum(", "give the panels something to show: pocctl verify --slo --dashboards --env shop.yaml"},
		"refused": {plain("refuse"), "pocctl-service, Requests: bad_data: parse error, asked for sum(", "pocctl report -o json --env shop.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			s := measurer(t, test.answer)
			s.options.Page = filepath.Join(t.TempDir(), "page.html")
			_, err := detailed(t, s, brief())
			problem := fault.From(err)
			if problem == nil || problem.Code != fault.DashboardsBroken || fault.ExitCode(err) != fault.ExitFailed {
				t.Fatalf("got %v", err)
			}
			lines := strings.Split(problem.Message, "\n")
			if len(lines) != 7 || !strings.Contains(lines[0], "panels are broken") || !strings.HasPrefix(lines[1], test.want) || !strings.HasSuffix(lines[6], " more queries") {
				t.Errorf("it lists\n%s", problem.Message)
			}
			if !strings.Contains(problem.Fix, test.fix) || s.Panels() == nil {
				t.Errorf("fix %q, %d results", problem.Fix, len(s.Panels()))
			}
			if _, err := os.Stat(s.options.Page); err != nil {
				t.Errorf("the page is wanted most when something is wrong: %v", err)
			}
		})
	}
}

func TestDashboardsAreRefused(t *testing.T) {
	away := measurer(t, nil)
	away.platform = &standIn{ingress: "http://127.0.0.1:1"}
	down := measurer(t, nil)
	down.platform = &standIn{down: true}
	for code, s := range map[fault.Code]*Stack{fault.PrometheusAway: away, fault.NotUp: down} {
		_, err := detailed(t, s, brief())
		if problem := fault.From(err); problem == nil || problem.Code != code || s.Panels() != nil {
			t.Errorf("want %s, got %v", code, err)
		}
	}
	_, err := detailed(t, away, brief())
	problem := fault.From(err)
	if problem == nil || !strings.Contains(problem.Message, "Prometheus at http://127.0.0.1:1 can't be asked: ") || !strings.Contains(problem.Fix, "pocctl logs --env shop.yaml prometheus") {
		t.Errorf("got %+v", problem)
	}
}

// TestVerifyPhase holds what each choice leads to: the dashboards come after the load,
// whatever its verdicts.
func TestVerifyPhase(t *testing.T) {
	for name, test := range map[string]struct {
		withoutLoad, dashboards bool
		want                    []string
	}{
		"objectives": {false, false, []string{"verify/slo"}},
		"dashboards": {true, true, []string{"verify/dashboards"}},
		"both":       {false, true, []string{"verify/slo", "verify/dashboards"}},
	} {
		s := localStack(t)
		s.options.WithoutLoad, s.options.Dashboards = test.withoutLoad, test.dashboards
		var got []string
		for _, step := range s.Phase(Verify) {
			got = append(got, step.Name)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	s := measurer(t, func(string) string { return "data" })
	s.options.WithoutLoad, s.options.Environment.Load.Path = false, "/api/v1"
	s.options.Plan = load.Plan{Rate: 1, Duration: time.Second}
	result, err := flow.Run(t.Context(), s.verifySteps(), flow.Options{})
	if fault.ExitCode(err) == 0 || len(s.Panels()) == 0 {
		t.Errorf("after a load that failed: %v, %d results, %+v", err, len(s.Panels()), result.Phases)
	}
}
