package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pocctl/pocctl/internal/app/auth"
)

// audits counts what is written to the audit log.
type audits struct{ entries *prometheus.CounterVec }

func newAudits(registry *prometheus.Registry) audits {
	a := audits{counters(registry, "audit_entries_total",
		"Entries of the audit log, by the outcome that they tell of, and by whether they could be written: ok or failed.", "audit_outcome", "outcome")}
	for _, told := range []auth.Outcome{auth.Attempted, auth.Done, auth.Failed, auth.NotPermitted} {
		for _, written := range []bool{true, false} {
			a.entries.WithLabelValues(string(told), okay(written))
		}
	}
	return a
}

// auditor counts what another writes.
type auditor struct {
	auth.Auditor
	audits audits
}

// NewAuditor gives the audit log, counted.
func NewAuditor(log auth.Auditor, metrics *Metrics) auth.Auditor { return auditor{log, metrics.audits} }

// Record implements auth.Auditor.
func (a auditor) Record(ctx context.Context, entry auth.Entry) error {
	err := a.Auditor.Record(ctx, entry)
	a.audits.entries.WithLabelValues(string(entry.Outcome), okay(err == nil)).Inc()
	return err
}
