// Package rules_test plays the shipped alerts with Prometheus' own evaluation. It
// is a module of its own: what Prometheus needs must not meet what the product does.
package rules_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	prometheus "github.com/prometheus/prometheus/rules"
)

const generated = "../../charts/prometheus/rules/objectives.yaml"

// story is what a service's metrics tell over time, a value a minute, in the
// notation of Prometheus' own tests, and which alerts are to fire when.
type story struct {
	series []string
	// firing says what fires at a time, and that nothing else does.
	firing map[time.Duration][]string
}

// steady is a service that is well, as all its series are but those that a story
// tells of itself: 600 requests a minute, cached reads, one build.
func steady(length int) []string {
	return []string{
		fmt.Sprintf(`http_server_request_duration_seconds_count{job="backend",pod="a",instance="a",http_route="/api/v1/products",error_type=""} 0+600x%d`, length),
		fmt.Sprintf(`http_server_request_duration_seconds_bucket{job="backend",pod="a",instance="a",http_route="/api/v1/products",error_type="",le="0.1"} 0+590x%d`, length),
		fmt.Sprintf(`http_server_request_duration_seconds_bucket{job="backend",pod="a",instance="a",http_route="/api/v1/products",error_type="",le="0.3"} 0+598x%d`, length),
		fmt.Sprintf(`http_server_request_duration_seconds_bucket{job="backend",pod="a",instance="a",http_route="/api/v1/products",error_type="",le="1"} 0+600x%d`, length),
		fmt.Sprintf(`http_server_request_duration_seconds_bucket{job="backend",pod="a",instance="a",http_route="/api/v1/products",error_type="",le="+Inf"} 0+600x%d`, length),
		fmt.Sprintf(`cache_requests_total{job="backend",pod="a",instance="a",result="hit",tier="local"} 0+380x%d`, length),
		fmt.Sprintf(`cache_requests_total{job="backend",pod="a",instance="a",result="miss",tier="store"} 0+40x%d`, length),
		fmt.Sprintf(`db_client_connection_count{job="backend",pod="a",instance="a",db_client_connection_pool_name="postgresql",db_client_connection_state="used"} 3x%d`, length),
		fmt.Sprintf(`db_client_connection_max{job="backend",pod="a",instance="a",db_client_connection_pool_name="postgresql"} 10x%d`, length),
		fmt.Sprintf(`queue_lag_seconds{job="backend",pod="a",instance="a"} 1x%d`, length),
		fmt.Sprintf(`up{job="backend",instance="a"} 1x%d`, length),
		fmt.Sprintf(`app_build_info{job="backend",pod="a",instance="a",version="1.2.3",commit="c",go="go"} 1x%d`, length),
		fmt.Sprintf(`process_start_time_seconds{job="backend",pod="a",instance="a"} 60x%d`, length),
	}
}

// told gives the story's series, and the steady ones that it doesn't tell of.
func (s story) told(length int) string {
	lines := []string{"load 1m"}
	key := func(series string) string { return series[:strings.IndexByte(series, '}')+1] }
	own := map[string]bool{}
	for _, series := range s.series {
		own[key(series)] = true
		lines = append(lines, "  "+series)
	}
	for _, series := range steady(length) {
		if !own[key(series)] {
			lines = append(lines, "  "+series)
		}
	}
	return strings.Join(lines, "\n")
}

// play evaluates the shipped rules minute by minute.
func (s story) play(t *testing.T) {
	t.Helper()
	last := time.Duration(0)
	for at := range s.firing {
		last = max(last, at)
	}
	loader, err := promqltest.NewLazyLoader(s.told(int(last/time.Minute)+1), promqltest.LazyLoaderOpts{EnableAtModifier: true, EnableNegativeOffset: true})
	if err != nil {
		t.Fatal(err)
	}
	defer loader.Close()
	manager := prometheus.NewManager(&prometheus.ManagerOptions{
		QueryFunc: prometheus.EngineQueryFunc(loader.QueryEngine(), loader.Storage()), Appendable: loader.Storage(), Queryable: loader.Storage(),
		Context: context.Background(), NotifyFunc: func(context.Context, string, ...*prometheus.Alert) {},
		Logger: slog.New(slog.DiscardHandler), Parser: parser.NewParser(parser.Options{}),
	})
	named, errs := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, generated)
	if errs != nil {
		t.Fatal(errs)
	}
	groups := inOrder(named)
	for at := time.Duration(0); at <= last; at += time.Minute {
		now := time.Unix(0, 0).Add(at)
		loader.WithSamplesTill(now, func(err error) {
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range groups {
				group.Eval(loader.Context(), now)
			}
		})
		want, asked := s.firing[at]
		if !asked {
			continue
		}
		got := firing(t, groups)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("after %s these fire: %v, want %v", at, got, want)
		}
	}
}

// inOrder sorts groups as the file has them: later ones read what earlier ones record.
func inOrder(named map[string]*prometheus.Group) []*prometheus.Group {
	order := []string{"slo-indicators", "slo-now", "slo-budget", "platform"}
	groups := make([]*prometheus.Group, len(order))
	for _, group := range named {
		groups[slices.Index(order, group.Name())] = group
	}
	return groups
}

func firing(t *testing.T, groups []*prometheus.Group) []string {
	t.Helper()
	names := []string{}
	for _, group := range groups {
		for _, rule := range group.Rules() {
			if err := rule.LastError(); err != nil {
				t.Fatalf("%s: %v", rule.Name(), err)
			}
			alerting, ok := rule.(*prometheus.AlertingRule)
			if !ok {
				continue
			}
			for _, alert := range alerting.ActiveAlerts() {
				if alert.State != prometheus.StateFiring {
					continue
				}
				names = append(names, rule.Name())
				for _, annotation := range []string{"description", "last_deploy"} {
					text := alert.Annotations.Get(annotation)
					if text == "" || strings.Contains(text, "<error") || strings.Contains(text, "<no value>") {
						t.Errorf("%s: its %s is %q", rule.Name(), annotation, text)
					}
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Each alert fires for what it is about, is quiet before, and resolves after.
func TestAlerts(t *testing.T) {
	const errors = `http_server_request_duration_seconds_count{job="backend",pod="a",instance="a",http_route="/api/v1/orders",error_type="503"} `
	const quick = `http_server_request_duration_seconds_bucket{job="backend",pod="a",instance="a",http_route="/api/v1/products",error_type="",le="0.3"} `
	const quicker = `http_server_request_duration_seconds_bucket{job="backend",pod="a",instance="a",http_route="/api/v1/products",error_type="",le="0.1"} `
	slowest := func(bound string) string { return strings.Replace(quick, `"0.3"`, `"`+bound+`"`, 1) }
	// Refusals are quick, too.
	refused := strings.NewReplacer("_count{", "_bucket{", `"503"}`, `"503",le="0.3"}`).Replace(errors)
	minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	for name, s := range map[string]story{
		"a service that is well": {
			firing: map[time.Duration][]string{minutes(10): {}, minutes(120): {}},
		},
		"nobody asks for anything": {
			series: []string{
				`http_server_request_duration_seconds_count{job="backend",pod="a",instance="a",http_route="/api/v1/products",error_type=""} 5x60`,
				quicker + "5x60", quick + "5x60", slowest("1") + "5x60", slowest("+Inf") + "5x60",
				`cache_requests_total{job="backend",pod="a",instance="a",result="hit",tier="local"} 5x60`,
				`cache_requests_total{job="backend",pod="a",instance="a",result="miss",tier="store"} 5x60`,
			},
			firing: map[time.Duration][]string{minutes(30): {}, minutes(60): {}},
		},
		"5% errors for half an hour": {
			series: []string{errors + "0x10 30+30x29 900x180", refused + "0x10 30+30x29 900x180"},
			firing: map[time.Duration][]string{
				minutes(9):   {},
				minutes(40):  {"AvailabilityBurnPage", "ErrorRateHigh", "AvailabilityBurnTicket"},
				minutes(100): {"AvailabilityBurnTicket"},
				minutes(175): {"AvailabilityBurnTicket"},
			},
		},
		"errors from the first request on": {
			series: []string{errors + "0+60x60", refused + "0+60x60"},
			firing: map[time.Duration][]string{minutes(10): {"AvailabilityBurnPage", "AvailabilityBurnTicket", "ErrorRateHigh"}},
		},
		"slow answers": { // a tenth takes longer than 300 ms
			series: []string{quick + "0+598x9 5922+540x19 16780+598x60", quicker + "0+590x9 5810+500x19 15900+590x60"},
			firing: map[time.Duration][]string{
				minutes(9):  {},
				minutes(25): {"LatencyHigh", "LatencyP95BurnTicket"},
				minutes(45): {},
			},
		},
		"a cold cache": {
			series: []string{
				`cache_requests_total{job="backend",pod="a",instance="a",result="hit",tier="local"} 0+380x9 3620+200x24 8800+380x60`,
				`cache_requests_total{job="backend",pod="a",instance="a",result="miss",tier="store"} 0+40x9 580+220x24 5900+40x60`,
			},
			firing: map[time.Duration][]string{minutes(9): {}, minutes(30): {"CacheHitLow"}, minutes(50): {}},
		},
		"connections used up": {
			series: []string{`db_client_connection_count{job="backend",pod="a",instance="a",db_client_connection_pool_name="postgresql",db_client_connection_state="used"} 3x9 9x10 3x40`},
			firing: map[time.Duration][]string{minutes(9): {}, minutes(17): {"DatabaseConnectionsHigh"}, minutes(25): {}},
		},
		"a server whose connections are used up": { // by whomever, idle ones too
			series: []string{
				`pg_stat_activity_count{job="postgres",pod="postgres-0",instance="p",server="p:5432",datname="backend",state="active"} 10x9 50x10 10x40`,
				`pg_stat_activity_count{job="postgres",pod="postgres-0",instance="p",server="p:5432",datname="backend",state="idle"} 20x9 40x10 20x40`,
				`pg_settings_max_connections{job="postgres",pod="postgres-0",instance="p",server="p:5432"} 100x60`,
			},
			firing: map[time.Duration][]string{minutes(9): {}, minutes(17): {"DatabaseConnectionsHigh"}, minutes(25): {}},
		},
		"a database that is away": {
			series: []string{`pg_up{job="postgres",pod="postgres-0",instance="p"} 1x9 0x5 1x40`, `redis_up{job="redis",pod="redis-0",instance="r"} 1x60`},
			firing: map[time.Duration][]string{minutes(9): {}, minutes(13): {"DependencyDown"}, minutes(20): {}},
		},
		"a cache that is away": {
			series: []string{`redis_up{job="redis",pod="redis-0",instance="r"} 1x9 0x5 1x40`},
			firing: map[time.Duration][]string{minutes(9): {}, minutes(13): {"DependencyDown"}, minutes(20): {}},
		},
		"a page that doesn't answer": {
			series: []string{`probe_success{job="probe",instance="https://shop.example/healthz"} 1x9 0x5 1x40`},
			firing: map[time.Duration][]string{minutes(9): {}, minutes(13): {"ProbeFailed"}, minutes(20): {}},
		},
		"a smoke test that fails": { // passes every five minutes, then not for half an hour
			series: []string{
				`kube_cronjob_created{job="node",namespace="pocctl",cronjob="backend-smoke"} 0x90`,
				`kube_cronjob_status_last_successful_time{job="node",namespace="pocctl",cronjob="backend-smoke"} 0x4 300x4 600x30 2400x40`,
			},
			firing: map[time.Duration][]string{minutes(20): {}, minutes(35): {"SmokeTestFailing"}, minutes(45): {}},
		},
		"a smoke test that never passed": {
			series: []string{`kube_cronjob_created{job="node",namespace="pocctl",cronjob="backend-smoke"} 0x90`},
			firing: map[time.Duration][]string{minutes(15): {}, minutes(25): {"SmokeTestFailing"}},
		},
		"another CronJob that fails": {
			series: []string{`kube_cronjob_created{job="node",namespace="pocctl",cronjob="cleanup"} 0x90`},
			firing: map[time.Duration][]string{minutes(25): {}},
		},
		"jobs that wait": {
			series: []string{`queue_lag_seconds{job="backend",pod="a",instance="a"} 1x9 60x10 1x40`},
			firing: map[time.Duration][]string{minutes(9): {}, minutes(17): {"QueueLagHigh"}, minutes(25): {}},
		},
		"a target that is down": {
			series: []string{`up{job="backend",instance="a"} 1x9 0x5 1x40`},
			firing: map[time.Duration][]string{minutes(9): {}, minutes(13): {"TargetDown"}, minutes(20): {}},
		},
		"a certificate that ends": { // in 20 days, then another
			series: []string{`probe_ssl_earliest_cert_expiry{job="blackbox",instance="https://shop.example"} 1728000x90 9999999x40`},
			firing: map[time.Duration][]string{minutes(30): {}, minutes(80): {"CertificateExpiresSoon"}, minutes(100): {}},
		},
		"a canary that is taken back": {
			series: []string{
				`rollout_info{namespace="pocctl",name="backend",phase="Progressing"} 1x9 _x60`,
				`rollout_info{namespace="pocctl",name="backend",phase="Degraded"} _x9 1x9 stale _x40`,
			},
			firing: map[time.Duration][]string{minutes(8): {}, minutes(12): {"CanaryRegression"}, minutes(30): {}},
		},
	} {
		t.Run(name, s.play)
	}
}

// A service that gives no metrics is told apart from one that is well.
func TestAbsentMetrics(t *testing.T) {
	s := story{firing: map[time.Duration][]string{5 * time.Minute: {}, 20 * time.Minute: {"MetricsAbsent"}}}
	for _, series := range steady(1) {
		if strings.HasPrefix(series, "http_server_request_duration_seconds") {
			s.series = append(s.series, strings.ReplaceAll(series[:strings.IndexByte(series, '}')+1], "x1", "")+" 1x2 stale _x60")
		}
	}
	s.play(t)
}
