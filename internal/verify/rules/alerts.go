package rules

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/pocctl/pocctl/internal/config"
)

// runbooks is where alerts send whoever is called.
const runbooks = "https://github.com/pocctl/pocctl/blob/main/operations/runbooks/"

// alert puts a rule together. Every one tells which version runs, and since when:
// the first thing that anybody asks.
func alert(name, severity, expr, holds, summary, description string) Rule {
	return Rule{
		Alert: name, Expr: expr, For: holds,
		Labels: map[string]string{"severity": severity},
		Annotations: map[string]string{
			"summary":     summary,
			"description": description,
			"runbook_url": runbooks + kebab(name) + ".md",
			"last_deploy": `{{ with query "topk(1, max by (version) (app_build_info * on (instance) group_left () process_start_time_seconds))" }}` +
				`{{ $first := . | first }}{{ $first.Labels.version }}, since {{ $first.Value | humanizeTimestamp }}{{ end }}`,
		},
	}
}

// about notes which objective an alert is about: whoever is woken for one needs no
// ticket about it.
func about(objective config.Objective, rule Rule) Rule {
	rule.Labels["objective"] = objective.Name
	return rule
}

// thresholds are alerts on what an objective's indicator is now.
func thresholds(objective config.Objective) []Rule {
	limit, job := objective.Limit, "{{ $labels.job }}"
	switch objective.Indicator {
	case config.Latency:
		quantile := fmt.Sprintf(`histogram_quantile(%s, sum by (job, le) (rate(http_server_request_duration_seconds_bucket{%s}[5m])))`,
			number(objective.Quantile), served)
		return []Rule{about(objective, alert("LatencyHigh", Page, quantile+" > "+seconds(limit.Value), "5m",
			fmt.Sprintf("%s is over %s ms", objective.Name, number(limit.Value)),
			fmt.Sprintf("%s of %s took {{ $value | humanizeDuration }} or longer in the last 5 minutes.", percent(1-objective.Quantile), job)))}
	case config.ErrorRate:
		i, _ := indicatorOf(objective)
		return []Rule{about(objective, alert("ErrorRateHigh", Page, i.name("5m")+" > "+number(i.budget), "2m",
			"More than "+percent(i.budget)+" of requests end in an error",
			"{{ $value | humanizePercentage }} of the requests to "+job+" ended in an error in the last 5 minutes."))}
	case config.CacheHit:
		i, _ := indicatorOf(objective)
		return []Rule{about(objective, alert("CacheHitLow", Ticket, i.name("5m")+" > "+number(i.budget), "10m",
			"The cache answers less than "+percent(1-i.budget)+" of reads",
			"{{ $value | humanizePercentage }} of the reads of "+job+" went past the cache in the last 5 minutes."))}
	case config.DatabaseConnections:
		most := number(limit.Value / 100)
		ofPools := `sum by (job, pod) (db_client_connection_count{db_client_connection_pool_name="postgresql",db_client_connection_state="used"})` +
			` / sum by (job, pod) (db_client_connection_max{db_client_connection_pool_name="postgresql"})`
		ofServer := "sum by (job, pod) (pg_stat_activity_count) / max by (job, pod) (pg_settings_max_connections)"
		return []Rule{about(objective, alert("DatabaseConnectionsHigh", Ticket, ofPools+" > "+most+" or "+ofServer+" > "+most, "5m",
			"More than "+percent(limit.Value/100)+" of the connections to the database are in use",
			"{{ $labels.pod }} of {{ $labels.job }} has {{ $value | humanizePercentage }} of its connections in use: those of its pool, or those that Postgres allows."))}
	default:
		return nil
	}
}

// platform are alerts on what every objective stands on.
func platform() []Rule {
	return []Rule{
		alert("TargetDown", Page, "up == 0", "2m", "A target can't be scraped",
			"{{ $labels.instance }} of {{ $labels.job }} hasn't answered for 2 minutes: nothing is known of it."),
		alert("DependencyDown", Page, "pg_up == 0 or redis_up == 0", "1m", "Postgres or Redis takes no connections",
			"The exporter beside {{ $labels.job }} at {{ $labels.instance }} hasn't been able to connect to it for a minute."),
		alert("ProbeFailed", Page, "probe_success == 0", "2m", "The service doesn't answer as people ask it",
			"{{ $labels.instance }} hasn't answered as it should for 2 minutes, asked from outside by {{ $labels.job }}."),
		alert("SmokeTestFailing", Page, `time() - (kube_cronjob_status_last_successful_time{cronjob=~".+-smoke"} or kube_cronjob_created{cronjob=~".+-smoke"}) > 900`, "5m",
			"No smoke test has passed for long", "The transaction of {{ $labels.namespace }}/{{ $labels.cronjob }} last went well {{ $value | humanizeDuration }} ago."),
		alert("MetricsAbsent", Page, `absent(http_server_request_duration_seconds_count{job="backend"})`, "5m",
			"The service gives no metrics", "No series of the service's requests has come for 5 minutes: objectives can't be judged, and no alert on them fires."),
		alert("QueueLagHigh", Ticket, "max by (job) (queue_lag_seconds) > 30", "5m", "Jobs wait for long",
			"The oldest job of {{ $labels.job }} has waited for {{ $value | humanizeDuration }}."),
		alert("CertificateExpiresSoon", Ticket, "probe_ssl_earliest_cert_expiry - time() < 21 * 24 * 3600", "1h",
			"A TLS certificate ends within three weeks", "That of {{ $labels.instance }} ends in {{ $value | humanizeDuration }}."),
		alert("CanaryRegression", Ticket, `max by (namespace, name) (rollout_info{phase=~"Degraded|Error"}) > 0`, "",
			"A canary was taken back", "The rollout {{ $labels.namespace }}/{{ $labels.name }} did not pass its analysis; the stable version serves."),
	}
}

func percent(share float64) string { return strconv.FormatFloat(share*100, 'g', 6, 64) + "%" }

// identifier makes a name fit for a series.
func identifier(name string) string { return strings.ReplaceAll(name, "-", "_") }

// camel makes an alert's name of words with dashes.
func camel(name string) string {
	var whole strings.Builder
	for _, word := range strings.Split(name, "-") {
		if word != "" {
			whole.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return whole.String()
}

// kebab is the other way: LatencyP95BurnPage is latency-p95-burn-page.
func kebab(name string) string {
	var whole strings.Builder
	for i, letter := range name {
		if unicode.IsUpper(letter) && i > 0 {
			whole.WriteByte('-')
		}
		whole.WriteRune(unicode.ToLower(letter))
	}
	return whole.String()
}
