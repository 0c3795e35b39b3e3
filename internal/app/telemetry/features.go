package telemetry

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pocctl/pocctl/internal/app/faults"
)

// features counts how flags are kept up to date, and what faults they bring.
type features struct {
	files, overrides *prometheus.CounterVec
	overridden       prometheus.Gauge
	injected         *prometheus.CounterVec
	evaluations      *prometheus.CounterVec
	snapshots        *lookup[string, []prometheus.Counter] // by flags.Snapshot's text
}

func newFeatures(registry *prometheus.Registry) features {
	f := features{
		files:      counters(registry, "feature_flag_file_reads_total", "Contents of the file of feature flags that were read: ok is in force.", "outcome"),
		overrides:  counters(registry, "feature_flag_override_reads_total", "Attempts to read the overrides of feature flags.", "outcome"),
		overridden: gauges(registry, "feature_flag_overrides", "Overrides of feature flags that are in force.").WithLabelValues(),
		injected:   counters(registry, "fault_injections_total", "Faults that were injected on purpose, by kind: delay or error.", "kind"),
		evaluations: counters(registry, "feature_flag_evaluations_total", "Requests and calls by the variant of each flag that was in force for them.",
			"feature_flag_key", "feature_flag_result_variant"),
		snapshots: &lookup[string, []prometheus.Counter]{},
	}
	for _, outcome := range []string{okay(true), okay(false)} {
		f.files.WithLabelValues(outcome)
		f.overrides.WithLabelValues(outcome)
	}
	for _, kind := range []faults.Kind{faults.Delay, faults.Error} {
		f.injected.WithLabelValues(string(kind))
	}
	return f
}

// FlagFileRead counts a content of the file.
func (f features) FlagFileRead(ok bool) { f.files.WithLabelValues(okay(ok)).Inc() }

// FlagOverridesRead counts an attempt to read overrides.
func (f features) FlagOverridesRead(ok bool) { f.overrides.WithLabelValues(okay(ok)).Inc() }

// FlagsOverridden shows how many overrides there are.
func (f features) FlagsOverridden(count int) { f.overridden.Set(float64(count)) }

// maxSnapshots bounds how many combinations of variants are counted.
const maxSnapshots = 256

// evaluated counts the flags that were in force for a request.
func (f features) evaluated(flags string) {
	if flags == "" {
		return
	}
	known, has := f.snapshots.find(flags)
	if !has {
		if f.snapshots.size() >= maxSnapshots {
			return
		}
		known = f.snapshots.get(flags, func() (counts []prometheus.Counter) {
			for flag := range strings.SplitSeq(flags, ",") {
				key, variant, _ := strings.Cut(flag, "=")
				counts = append(counts, f.evaluations.WithLabelValues(key, variant))
			}
			return counts
		})
	}
	for _, count := range known {
		count.Inc()
	}
}

// FaultInjected counts a fault.
func (f features) FaultInjected(_ string, kind faults.Kind) {
	f.injected.WithLabelValues(string(kind)).Inc()
}

// tokens counts what becomes of bearer tokens.
type tokens struct {
	checks, fetches *prometheus.CounterVec
}

func newTokens(registry *prometheus.Registry) tokens {
	t := tokens{
		checks: counters(registry, "auth_tokens_total",
			"Bearer tokens by what became of them: verified, cached (verified before), unavailable (the issuer can't be reached), or why they were refused.", "result"),
		fetches: counters(registry, "auth_key_fetches_total", "Fetches of the issuer's keys.", "outcome"),
	}
	for _, outcome := range []string{okay(true), okay(false)} {
		t.fetches.WithLabelValues(outcome)
	}
	return t
}

// TokenChecked counts a token.
func (t tokens) TokenChecked(result string) { t.checks.WithLabelValues(result).Inc() }

// KeysFetched counts a fetch of keys.
func (t tokens) KeysFetched(err error) { t.fetches.WithLabelValues(okay(err == nil)).Inc() }
