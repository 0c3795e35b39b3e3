package telemetry

import (
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// recordAll records what isn't sampled, too: a trace that ends well is forgotten,
// and one with an error is kept.
type recordAll struct{ sdktrace.Sampler }

// newSampler follows the caller, or samples a share of traces if there is none.
func newSampler(ratio float64) sdktrace.Sampler {
	return recordAll{sdktrace.ParentBased(sdktrace.TraceIDRatioBased(ratio))}
}

// ShouldSample implements sdktrace.Sampler.
func (r recordAll) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	result := r.Sampler.ShouldSample(p)
	if result.Decision == sdktrace.Drop {
		result.Decision = sdktrace.RecordOnly
	}
	return result
}
