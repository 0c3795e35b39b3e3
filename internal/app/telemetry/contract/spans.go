package contract

import (
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/pocctl/pocctl/internal/app/telemetry/otlptest"
)

// Given is a span that the service gave.
type Given struct {
	Scope, Name, Kind string
	Attributes        map[string]any
	Events            []string
}

// FromOTLP gives spans that came to a collector.
func FromOTLP(resources []*tracepb.ResourceSpans) []Given {
	var spans []Given
	for _, resource := range resources {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				given := Given{
					Scope: scope.GetScope().GetName(), Name: span.GetName(), Attributes: map[string]any{},
					Kind: strings.ToLower(strings.TrimPrefix(span.GetKind().String(), "SPAN_KIND_")),
				}
				for _, one := range span.GetAttributes() {
					given.Attributes[one.GetKey()] = otlptest.Value(one.GetValue())
				}
				for _, event := range span.GetEvents() {
					given.Events = append(given.Events, event.GetName())
				}
				spans = append(spans, given)
			}
		}
	}
	return spans
}

// FromSDK gives spans that a recorder in the process has.
func FromSDK(recorded []sdktrace.ReadOnlySpan) []Given {
	var spans []Given
	for _, span := range recorded {
		given := Given{
			Scope: span.InstrumentationScope().Name, Name: span.Name(), Kind: span.SpanKind().String(), Attributes: map[string]any{},
		}
		for _, one := range span.Attributes() {
			given.Attributes[string(one.Key)] = plain(one.Value)
		}
		for _, event := range span.Events() {
			given.Events = append(given.Events, event.Name)
		}
		spans = append(spans, given)
	}
	return spans
}

func plain(value attribute.Value) any {
	if value.Type() == attribute.STRINGSLICE {
		return value.AsStringSlice()
	}
	return value.AsInterface()
}

// CheckSpans compares spans with the contract: each kind of span is there with its
// attributes and events, and nothing else.
func (c *Contract) CheckSpans(spans []Given) []Problem {
	r := &report{}
	found := map[*Span]bool{}
	for _, given := range spans {
		kind := c.span(given)
		if kind == nil {
			r.add(Unknown, given.Scope+": "+given.Name, "a %s", given.Kind)
			continue
		}
		found[kind] = true
		signal := kind.Scope + ": " + given.Name
		r.fields(signal, "attribute", given.Attributes, kind.Attributes, kind.Optional)
		for _, event := range given.Events {
			if !slices.Contains(kind.Events, event) {
				r.add(Wrong, signal, "event %s isn't in the contract", event)
			}
		}
	}
	for _, kind := range c.Spans {
		if !found[kind] && kind.When == "" {
			r.add(Missing, kind.Scope+": "+kind.Name.String(), "a %s", kind.Kind)
		}
	}
	return r.sorted()
}

func (c *Contract) span(given Given) *Span {
	for _, kind := range c.Spans {
		if kind.Scope == given.Scope && kind.Kind == given.Kind && kind.Name.allow(given.Name) {
			return kind
		}
	}
	return nil
}

// CheckAttributes tells which attributes that spans may have none of them has:
// those of what didn't happen, or is no longer told.
func (c *Contract) CheckAttributes(spans []Given) []Problem {
	r := &report{}
	for _, kind := range c.Spans {
		for _, name := range slices.Sorted(maps.Keys(kind.Optional)) {
			if !slices.ContainsFunc(spans, func(given Given) bool {
				_, has := given.Attributes[name]
				return has && c.span(given) == kind
			}) {
				r.add(Missing, kind.Scope+": "+kind.Name.String(), "attribute %s", name)
			}
		}
	}
	return r.sorted()
}
