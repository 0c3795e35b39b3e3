package telemetry

import (
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// sampler follows whoever asked: the caller's trace, or the one that a job is
// linked to. Otherwise a share of traces is sampled. What isn't sampled is
// recorded all the same, as it may come to have an error.
type sampler struct{ share sdktrace.Sampler }

func newSampler(ratio float64) sampler { return sampler{sdktrace.TraceIDRatioBased(ratio)} }

// ShouldSample implements sdktrace.Sampler.
func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	asked := trace.SpanContextFromContext(p.ParentContext)
	state := asked.TraceState()
	if !asked.IsValid() && len(p.Links) > 0 {
		asked = p.Links[0].SpanContext
	}
	if !asked.IsValid() {
		result := s.share.ShouldSample(p)
		if result.Decision == sdktrace.Drop {
			result.Decision = sdktrace.RecordOnly
		}
		return result
	}
	decision := sdktrace.RecordOnly
	if asked.IsSampled() {
		decision = sdktrace.RecordAndSample
	}
	return sdktrace.SamplingResult{Decision: decision, Tracestate: state}
}

// Description implements sdktrace.Sampler.
func (s sampler) Description() string { return fmt.Sprintf("WhoeverAsked{%s}", s.share.Description()) }
