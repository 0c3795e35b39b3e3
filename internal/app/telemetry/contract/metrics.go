package contract

import (
	"bytes"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// CheckMetrics compares what /metrics answers, in the text format, with the
// contract: every metric is there with its type, its help and its labels, and
// nothing else. A metric that has no samples isn't there.
func (c *Contract) CheckMetrics(exposition []byte) []Problem {
	r := &report{}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(exposition))
	if err != nil {
		r.add(Wrong, "/metrics", "can't be read: %v", err)
		return r.problems
	}
	for _, metric := range c.Metrics {
		found := false
		for name, family := range families {
			if !metric.has(name) {
				continue
			}
			found = true
			if metric.Type != "any" {
				r.family(metric, family)
			}
		}
		if !found && metric.When == "" {
			r.add(Missing, metric.Name, "")
		}
	}
	for name := range families {
		if c.metric(name) == nil {
			r.add(Unknown, name, "")
		}
	}
	return r.sorted()
}

func (m *Metric) has(name string) bool {
	if prefix, is := strings.CutSuffix(m.Name, "*"); is {
		return strings.HasPrefix(name, prefix)
	}
	return m.Name == name
}

func (c *Contract) metric(name string) *Metric {
	for _, metric := range c.Metrics {
		if metric.has(name) {
			return metric
		}
	}
	return nil
}

func (r *report) family(metric *Metric, family *dto.MetricFamily) {
	if got := strings.ToLower(family.GetType().String()); got != metric.Type {
		r.add(Wrong, metric.Name, "it is a %s, not a %s", got, metric.Type)
	}
	if family.GetHelp() != metric.Help {
		r.add(Wrong, metric.Name, "its help is %q", family.GetHelp())
	}
	for _, one := range family.GetMetric() {
		labels := map[string]any{}
		for _, label := range one.GetLabel() {
			labels[label.GetName()] = label.GetValue()
		}
		if _, whatever := metric.Labels["*"]; !whatever {
			r.fields(metric.Name, "label", labels, metric.Labels, nil)
		}
	}
}

// CheckExemplars compares what /metrics answers in the OpenMetrics format: each
// metric that is to name traces does, and no other.
func (c *Contract) CheckExemplars(exposition []byte) []Problem {
	r := &report{}
	named := map[string]bool{}
	for line := range strings.SplitSeq(string(exposition), "\n") {
		sample, exemplar, has := strings.Cut(line, " # {")
		if !has {
			continue
		}
		name, _, _ := strings.Cut(sample, "{")
		name = strings.TrimSuffix(name, "_bucket")
		if !strings.HasPrefix(exemplar, `trace_id="`) {
			r.add(Wrong, name, "an exemplar names no trace")
		}
		if metric := c.metric(name); metric == nil || !metric.Exemplars {
			r.add(Unknown, name, "exemplars")
		}
		named[name] = true
	}
	for _, metric := range c.Metrics {
		if metric.Exemplars && !named[metric.Name] {
			r.add(Missing, metric.Name, "exemplars")
		}
	}
	return r.sorted()
}
