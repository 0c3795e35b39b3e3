package dashboards_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/dashboards"
	"github.com/pocctl/pocctl/internal/verify/rules"
)

const (
	generated = "../../../dashboards"
	inChart   = "../../../charts/observability/dashboards"
	contract  = "../../app/telemetry/contract/contract.yaml"
)

func objectives(t *testing.T) config.Objectives {
	t.Helper()
	source, err := config.OpenSource("")
	if err != nil {
		t.Fatal(err)
	}
	all, err := source.Objectives()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheFoldersHaveTheDashboards(t *testing.T) {
	for _, folder := range []string{generated, inChart} {
		want := map[string]bool{}
		for _, dashboard := range dashboards.All(objectives(t)) {
			want[dashboard.File()] = true
			text, err := dashboard.Grafana()
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(folder, dashboard.File()))
			if err != nil {
				t.Errorf("run `make generate`: %v", err)
				continue
			}
			if diff := cmp.Diff(string(text), string(got)); diff != "" {
				t.Errorf("%s of %s is stale; run `make generate` (-want +got):\n%s", dashboard.File(), folder, diff)
			}
		}
		there, err := filepath.Glob(filepath.Join(folder, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range there {
			if !want[filepath.Base(file)] {
				t.Errorf("%s is no dashboard; run `make generate`", file)
			}
		}
	}
}

func TestEveryPanelSaysWhatItIs(t *testing.T) {
	uids := map[string]bool{}
	for _, dashboard := range dashboards.All(objectives(t)) {
		if uids[dashboard.UID] || dashboard.Title == "" || dashboard.Description == "" || len(dashboard.UID) > 40 {
			t.Errorf("dashboard %q has no name, question or UID of its own", dashboard.UID)
		}
		uids[dashboard.UID] = true
		titles := map[string]bool{}
		for _, panel := range dashboard.Panels {
			name := dashboard.UID + ": " + panel.Title
			if titles[panel.Title] || !strings.HasSuffix(panel.Description, ".") || panel.Unit == "" || panel.Kind == "" || len(panel.Queries) == 0 {
				t.Errorf("%s lacks a title of its own, a sentence, a unit, a kind or queries", name)
			}
			titles[panel.Title] = true
			if panel.PossiblyEmpty != "" && !strings.HasSuffix(panel.PossiblyEmpty, ".") {
				t.Errorf("%s may be empty, but %q is no sentence", name, panel.PossiblyEmpty)
			}
			if len(panel.Queries) > 1 && panel.Kind != dashboards.Timeseries {
				t.Errorf("%s has several queries, and shows one", name)
			}
		}
	}
}

// foreign are metrics that neither the service gives nor rules record, with labels
// that they are selected or summed by. Panels of those that Prometheus doesn't make
// itself may be empty.
func foreign() map[string]struct {
	from   string
	labels []string
} {
	type metric = struct {
		from   string
		labels []string
	}
	cadvisor := metric{"the kubelet's cAdvisor", []string{"container"}}
	postgres, redis := metric{"Postgres' exporter", []string{"datname", "state"}}, metric{"Redis' exporter", []string{"cmd"}}
	ingress, probe := metric{"the ingress", []string{"ingress", "status", "le"}}, metric{"the blackbox exporter", nil}
	all := map[string]metric{
		"nginx_ingress_controller_requests": ingress, "nginx_ingress_controller_request_duration_seconds_bucket": ingress,
		"kube_cronjob_status_last_successful_time": {"kube-state-metrics", []string{"cronjob"}},
		"probe_success": probe, "probe_duration_seconds": probe, "probe_ssl_earliest_cert_expiry": probe,
		"up":                                {"Prometheus", nil},
		"ALERTS":                            {"Prometheus", []string{"alertname", "alertstate", "severity"}},
		"container_cpu_usage_seconds_total": cadvisor,
		"container_spec_cpu_quota":          cadvisor,
		"container_spec_cpu_period":         cadvisor,
		"rollout_info":                      {"Argo Rollouts", []string{"name", "phase", "strategy"}},
		"rollout_phase":                     {"Argo Rollouts", []string{"name", "phase"}},
		"ci_run_duration_seconds":           {"the CI's exporter", []string{"workflow"}},
	}
	for _, name := range []string{
		"up", "stat_activity_count", "stat_activity_max_tx_duration", "settings_max_connections", "database_size_bytes",
		"stat_database_xact_commit", "stat_database_xact_rollback", "stat_database_blks_hit", "stat_database_blks_read", "stat_database_deadlocks",
	} {
		all["pg_"+name] = postgres
	}
	for _, name := range []string{
		"up", "connected_clients", "blocked_clients", "memory_used_bytes", "memory_max_bytes", "commands_total",
		"keyspace_hits_total", "keyspace_misses_total", "evicted_keys_total", "expired_keys_total",
	} {
		all["redis_"+name] = redis
	}
	return all
}

var (
	quoted   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	window   = regexp.MustCompile(`\[[^]]*\]`)
	selector = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	matcher  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)`)
	word     = regexp.MustCompile(`[a-zA-Z0-9_:.]+`)
	suffix   = regexp.MustCompile(`_(bucket|count|sum)$`)
	// words of the language that may stand before something else than a parenthesis
	words = []string{"and", "or", "unless", "bool", "sum", "max", "min", "avg", "count"}
)

// used gives the metrics of an expression, and the labels that it names of each; those
// that it groups by are of any of them.
func used(expr string) (metrics map[string][]string, grouped []string) {
	metrics = map[string][]string{}
	expr = window.ReplaceAllString(quoted.ReplaceAllString(expr, `""`), "")
	for _, found := range selector.FindAllStringSubmatch(expr, -1) {
		for _, label := range matcher.FindAllStringSubmatch(found[2], -1) {
			metrics[found[1]] = append(metrics[found[1]], label[1])
		}
	}
	expr = selector.ReplaceAllString(expr, "$1")
	for _, found := range grouping.FindAllStringSubmatch(expr, -1) {
		for _, label := range strings.Split(found[1], ",") {
			grouped = append(grouped, strings.TrimSpace(label))
		}
	}
	expr = grouping.ReplaceAllString(expr, " ")
	for _, at := range word.FindAllStringIndex(expr, -1) {
		found, rest := expr[at[0]:at[1]], strings.TrimLeft(expr[at[1]:], " ")
		number := found[0] == '.' || found[0] >= '0' && found[0] <= '9'
		// Before a parenthesis is a function.
		if !number && !strings.HasPrefix(rest, "(") && !slices.Contains(words, found) {
			metrics[found] = append(metrics[found], []string{}...)
		}
	}
	return metrics, grouped
}

func TestEveryQueryAsksForWhatThereIs(t *testing.T) {
	text, err := os.ReadFile(contract)
	if err != nil {
		t.Fatal(err)
	}
	var signals struct {
		Metrics []struct {
			Name, Type string
			Labels     map[string]yaml.Node
		}
	}
	if err := yaml.Unmarshal(text, &signals); err != nil {
		t.Fatal(err)
	}
	recorded := map[string]bool{}
	for _, group := range rules.Of(objectives(t)).Groups {
		for _, rule := range group.Rules {
			recorded[rule.Record] = true
		}
	}
	// labels gives those of a metric; known is false if there is no such thing.
	labels := func(name string) (all []string, known, elsewhere bool) {
		if name != "" && recorded[name] {
			return []string{"job", "objective"}, true, false
		}
		scraped := []string{"namespace", "job", "pod", "version", "pod_template_hash", "instance"}
		if one, is := foreign()[name]; is {
			return append(scraped, one.labels...), true, one.from != "Prometheus"
		}
		for _, metric := range signals.Metrics {
			family, isFamily := strings.CutSuffix(metric.Name, "*")
			part := metric.Type == "histogram" && suffix.ReplaceAllString(name, "") == metric.Name && suffix.MatchString(name)
			if metric.Name == name && metric.Type != "histogram" || part || isFamily && strings.HasPrefix(name, family) {
				all = append(scraped, "le")
				for label := range metric.Labels {
					all = append(all, label)
				}
				return all, true, false
			}
		}
		return nil, false, false
	}
	for _, dashboard := range dashboards.All(objectives(t)) {
		for _, panel := range dashboard.Panels {
			for _, query := range panel.Queries {
				name := dashboard.UID + ": " + panel.Title
				metrics, grouped := used(query.Expr)
				if len(metrics) == 0 {
					t.Errorf("%s asks for no metric: %s", name, query.Expr)
				}
				var any []string
				for metric, selected := range metrics {
					has, known, elsewhere := labels(metric)
					if !known {
						t.Errorf("%s asks for %s, which nothing gives", name, metric)
						continue
					}
					if elsewhere && panel.PossiblyEmpty == "" {
						t.Errorf("%s asks for %s of others, and doesn't say that it may be empty", name, metric)
					}
					any = append(any, has...)
					for _, label := range selected {
						if !slices.Contains(has, label) {
							t.Errorf("%s asks for %s by %s, which it doesn't have", name, metric, label)
						}
					}
				}
				for _, label := range grouped {
					if !slices.Contains(any, label) {
						t.Errorf("%s groups by %s, which nothing has: %s", name, label, query.Expr)
					}
				}
				for _, place := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(query.Legend, -1) {
					if grouped != nil && !slices.Contains(grouped, place[1]) {
						t.Errorf("%s names series by %s, which the query leaves out", name, place[1])
					}
				}
			}
		}
	}
}

func TestMetricsOfExpressionsAreFound(t *testing.T) {
	metrics, grouped := used(`1 - (sum by (pod, x) (rate(a_total{b=~"c{}\"d",e!="f"}[$__rate_interval])) or 0 * ALERTS) / (max(slo:g:h_5m) > bool 1e3)`)
	want := map[string][]string{"a_total": {"b", "e"}, "ALERTS": nil, "slo:g:h_5m": nil}
	if diff := cmp.Diff(want, metrics); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"pod", "x"}, grouped); diff != "" {
		t.Error(diff)
	}
}

// Limits are written in config/slo.yaml alone.
func TestLimitsFollowTheObjectives(t *testing.T) {
	others, err := config.ReadObjectives("slo.yaml", []byte(`objectives:
  - {name: latency-p999, description: quick, indicator: latency, quantile: 0.999, target: "<1.5s"}
  - {name: errors, description: right, indicator: error-rate, target: "<7%"}
  - {name: up, description: there, indicator: availability, target: ">=98%"}
  - {name: hits, description: warm, indicator: cache-hit, target: ">40%"}
  - {name: cpu, description: idle, indicator: database-cpu, target: "<60%"}
  - {name: connections, description: free, indicator: database-connections, target: "<50%"}
  - {name: deployments, description: fine, indicator: deployment-success, target: ">90%"}
`))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]float64{}
	for _, dashboard := range dashboards.All(others) {
		for _, panel := range dashboard.Panels {
			for _, limit := range panel.Thresholds {
				found[dashboard.UID+": "+panel.Title] = append(found[dashboard.UID+": "+panel.Title], limit.Value)
			}
		}
		text, err := dashboard.Grafana()
		if err != nil {
			t.Fatal(err)
		}
		for _, shipped := range []string{"300ms", `\"0.3\"`, "0.85", "99.9%", "latency_p95:"} {
			if strings.Contains(string(text), shipped) {
				t.Errorf("%s has %s, which is of other objectives", dashboard.UID, shipped)
			}
		}
	}
	for panel, want := range map[string][]float64{
		"pocctl-service: Latency":                          {1.5},
		"pocctl-service: Errors by route":                  {0.07},
		"pocctl-dependencies: Cache hits":                  {0.4},
		"pocctl-dependencies: CPU of the database":         {0.6},
		"pocctl-dependencies: Connections used by replica": {0.5},
		"pocctl-dependencies: Queue lag":                   {30},
		"pocctl-dependencies: Connections of Postgres":     {0.5},
		"pocctl-release: Change failures":                  {0.1},
		"pocctl-service: p95":                              nil,
		"pocctl-budget: Fast burn of up":                   {14.4, 6},
		"pocctl-budget: Slow burn of up":                   {3, 1},
		"pocctl-budget: Bad events of latency-p999":        {0.001},
		"pocctl-budget: Bad events of errors":              {0.07},
		"pocctl-capacity: Connections to the database":     {0.5},
		"pocctl-journey: Errors by step":                   {0.07},
	} {
		if diff := cmp.Diff(want, found[panel]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", panel, diff)
		}
	}
	for _, dashboard := range dashboards.All(config.Objectives{}) {
		for _, panel := range dashboard.Panels {
			for _, limit := range panel.Thresholds {
				if !strings.HasPrefix(limit.Label, "limit of ") {
					t.Errorf("%s: %s has a limit of no objective", dashboard.UID, panel.Title)
				}
			}
		}
	}
}

func TestGrafanaCanShowThem(t *testing.T) {
	for _, dashboard := range dashboards.All(objectives(t)) {
		text, err := dashboard.Grafana()
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			UID           string
			SchemaVersion int
			Templating    struct{ List []struct{ Name, Type string } }
			Panels        []struct {
				ID      int
				Title   string
				GridPos struct{ X, Y, W, H int }
				Targets []struct{ RefID, Expr string }
			}
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got.UID != dashboard.UID || got.SchemaVersion < 39 || len(got.Panels) != len(dashboard.Panels) {
			t.Errorf("%s is of version %d with %d panels", got.UID, got.SchemaVersion, len(got.Panels))
		}
		var names []string
		for _, one := range got.Templating.List {
			names = append(names, one.Name)
		}
		if diff := cmp.Diff([]string{"datasource", "namespace", "job"}, names); diff != "" {
			t.Error(diff)
		}
		taken := map[[2]int]string{}
		for _, panel := range got.Panels {
			at := panel.GridPos
			for x := at.X; x < at.X+at.W; x++ {
				for y := at.Y; y < at.Y+at.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
						t.Fatalf("%s: %s is over %q or the edge", dashboard.UID, panel.Title, other)
					}
					taken[[2]int{x, y}] = panel.Title
				}
			}
		}
	}
}
