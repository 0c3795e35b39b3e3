package telemetry

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
	"github.com/pocctl/pocctl/internal/app/telemetry/otlptest"
)

var postgres storetest.Server

func TestMain(m *testing.M) { postgres.Main(m) }

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// snapshot is of the flags that the service comes with.
func snapshot(t testing.TB) flags.Snapshot {
	t.Helper()
	file, err := os.ReadFile("../../../config/feature-flags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	made, err := flags.New(t.Context(), flags.Options{Default: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close(t.Context()) })
	return made.Evaluate(t.Context(), flags.Subject{Role: "viewer", Subject: "a-viewer"})
}

// await returns once the condition holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func sayAsOpenTelemetry(err error) { otel.Handle(err) }

// traced is tracing that sends to a collector of the test's own.
func traced(t *testing.T, change func(*TracingOptions)) (*Tracing, *otlptest.Collector) {
	t.Helper()
	collector := otlptest.New(t)
	options := TracingOptions{Endpoint: collector.HTTP(), Protocol: "http", Service: "pocctl", Version: "1.2.3", Instance: "pod-1", Logger: zap.NewNop()}
	if change != nil {
		change(&options)
	}
	if options.Protocol == "grpc" {
		options.Endpoint = collector.GRPC()
	}
	tracing, err := NewTracing(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = tracing.Shutdown(ctx)
	})
	return tracing, collector
}

func flush(t *testing.T, tracing *Tracing) {
	t.Helper()
	if err := tracing.provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func names(spans []*tracepb.Span) []string {
	names := []string{}
	for _, span := range spans {
		names = append(names, span.GetName())
	}
	slices.Sort(names)
	return names
}

func remote(sampled bool) context.Context {
	return trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled.WithSampled(sampled), Remote: true,
	}))
}

// metric gives the value of one metric: a counter, a gauge, or the count of a
// histogram. labels are name, value pairs; it may have more.
func metric(t testing.TB, from prometheus.Collector, name string, labels ...string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(from)
	return gathered(t, registry, name, labels...)
}

func gathered(t testing.TB, from prometheus.Gatherer, name string, labels ...string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total, found := 0.0, false
	for _, family := range families {
		for _, one := range family.GetMetric() {
			has := map[string]string{}
			for _, label := range one.GetLabel() {
				has[label.GetName()] = label.GetValue()
			}
			matches := family.GetName() == name
			for i := 0; i < len(labels); i += 2 {
				matches = matches && has[labels[i]] == labels[i+1]
			}
			if matches {
				found = true
				total += one.GetCounter().GetValue() + one.GetGauge().GetValue() + float64(one.GetHistogram().GetSampleCount())
			}
		}
	}
	if !found {
		t.Fatalf("there is no %s%v", name, labels)
	}
	return total
}
