package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// cleaning replaces secrets in spans as they are sent, so that no attribute or
// error can bring one out, whoever made the span.
type cleaning struct{ sdktrace.SpanExporter }

// ExportSpans implements sdktrace.SpanExporter.
func (c cleaning) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	clean := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		clean[i] = cleaned(span)
	}
	return c.SpanExporter.ExportSpans(ctx, clean)
}

// cleanSpan is a span without secrets.
type cleanSpan struct {
	sdktrace.ReadOnlySpan
	name       string
	attributes []attribute.KeyValue
	events     []sdktrace.Event
	status     sdktrace.Status
}

func cleaned(span sdktrace.ReadOnlySpan) sdktrace.ReadOnlySpan {
	c := cleanSpan{
		ReadOnlySpan: span, name: Redact(span.Name()), attributes: cleanAttributes(span.Attributes()),
		events: span.Events(), status: span.Status(),
	}
	c.status.Description = Redact(c.status.Description)
	for i := range c.events { // a copy of the span's
		c.events[i].Name = Redact(c.events[i].Name)
		c.events[i].Attributes = cleanAttributes(c.events[i].Attributes)
	}
	return c
}

func (c cleanSpan) Name() string                     { return c.name }
func (c cleanSpan) Attributes() []attribute.KeyValue { return c.attributes }
func (c cleanSpan) Events() []sdktrace.Event         { return c.events }
func (c cleanSpan) Status() sdktrace.Status          { return c.status }

// cleanAttributes copies attributes only if there is something to replace.
func cleanAttributes(attributes []attribute.KeyValue) []attribute.KeyValue {
	copied := false
	for i, one := range attributes {
		clean, changed := cleanAttribute(one)
		if !changed {
			continue
		}
		if !copied {
			attributes, copied = append([]attribute.KeyValue(nil), attributes...), true
		}
		attributes[i] = clean
	}
	return attributes
}

func cleanAttribute(one attribute.KeyValue) (clean attribute.KeyValue, changed bool) {
	secret := secretName(string(one.Key))
	replace := func(value string) string {
		clean := redacted
		if !secret {
			clean = Redact(value)
		}
		changed = changed || clean != value
		return clean
	}
	switch one.Value.Type() {
	case attribute.STRING:
		clean = one.Key.String(replace(one.Value.AsString()))
	case attribute.STRINGSLICE:
		values := one.Value.AsStringSlice()
		for i, value := range values {
			values[i] = replace(value)
		}
		clean = one.Key.StringSlice(values)
	case attribute.SLICE, attribute.MAP, attribute.BYTESLICE: // as text, if there is a secret in it
		clean = one.Key.String(replace(one.Value.String()))
	default:
		if secret {
			return one.Key.String(redacted), true
		}
	}
	return clean, changed
}
