package flags

import (
	"context"
	"strings"

	"github.com/open-feature/go-sdk/openfeature"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/faults"
)

// Snapshot is what the service's own flags are for one subject at one moment.
type Snapshot struct {
	ProductCache       bool
	RateLimiting       bool
	ExperimentalSearch bool
	Faults             faults.Spec

	told *told
}

// told is a snapshot for telemetry, made once for many requests.
type told struct {
	text   string
	state  attribute.KeyValue
	events [][]attribute.KeyValue
}

// EvaluationEvent is the event of a span for each flag, by OpenTelemetry's
// semantic conventions.
const EvaluationEvent = "feature_flag.evaluation"

// StateAttribute is the attribute of a span with all flags as String gives
// them; no semantic convention has one.
const StateAttribute = "pocctl.feature_flags"

// LogField is the key of Field.
const LogField = "feature_flags"

// Evaluate gives the service's own flags for a subject. It asks OpenFeature
// once for everybody whom the same rules match, until something changes.
func (f *Flags) Evaluate(ctx context.Context, subject Subject) Snapshot {
	present := f.state.Load()
	class := present.class(&subject)
	if class == nil {
		return f.ask(ctx, present, subject)
	}
	if known := class.Load(); known != nil {
		return *known
	}
	snapshot := f.ask(ctx, present, subject)
	class.Store(&snapshot)
	return snapshot
}

func (f *Flags) ask(ctx context.Context, present *state, subject Subject) Snapshot {
	ctx = context.WithValue(ctx, stateKey{}, present)
	about := openfeature.NewEvaluationContext(subject.Subject, map[string]any{
		RoleAttribute: subject.Role, AddressAttribute: subject.Address,
	})
	var asked []openfeature.EvaluationDetails
	boolean := func(key string, fallback bool) bool {
		details, err := f.client.BooleanValueDetails(ctx, key, fallback, about)
		asked = append(asked, details.EvaluationDetails)
		f.unexpected(key, err)
		return details.Value
	}
	snapshot := builtIn()
	snapshot.ProductCache = boolean(ProductCache, snapshot.ProductCache)
	snapshot.RateLimiting = boolean(RateLimiting, snapshot.RateLimiting)
	snapshot.ExperimentalSearch = boolean(ExperimentalSearch, snapshot.ExperimentalSearch)
	details, err := f.client.ObjectValueDetails(ctx, FaultInjection, map[string]any{}, about)
	if err == nil {
		snapshot.Faults, err = faultSpec(details.Value)
	}
	asked = append(asked, details.EvaluationDetails)
	f.unexpected(FaultInjection, err)
	snapshot.told = tell(asked)
	return snapshot
}

// unexpected logs what New and reloading should have refused.
func (f *Flags) unexpected(key string, err error) {
	if err != nil {
		f.options.Logger.Error("a feature flag can't be evaluated", zap.String("key", key), zap.Error(err))
	}
}

func tell(asked []openfeature.EvaluationDetails) *told {
	t := &told{}
	var text strings.Builder
	for _, details := range asked {
		if text.Len() > 0 {
			text.WriteByte(',')
		}
		variant := details.Variant
		if variant == "" {
			variant = "error"
		}
		text.WriteString(details.FlagKey + "=" + variant)
		attributes := []attribute.KeyValue{
			semconv.FeatureFlagKey(details.FlagKey),
			semconv.FeatureFlagProviderName(ProviderName),
			semconv.FeatureFlagResultVariant(variant),
			semconv.FeatureFlagResultReasonKey.String(strings.ToLower(string(details.Reason))),
		}
		if version, err := details.FlagMetadata.GetString("version"); err == nil {
			attributes = append(attributes, semconv.FeatureFlagVersion(version))
		}
		t.events = append(t.events, attributes)
	}
	t.text = text.String()
	t.state = attribute.String(StateAttribute, t.text)
	return t
}

// builtIn is what flags are where nobody has evaluated them.
func builtIn() Snapshot { return Snapshot{ProductCache: true, RateLimiting: true} }

// String lists the flags with their variants: "product-cache=on,rate-limiting=on,…".
func (s Snapshot) String() string {
	if s.told == nil {
		return ""
	}
	return s.told.text
}

// Field is for a line of the log.
func (s Snapshot) Field() zap.Field { return zap.String(LogField, s.String()) }

// Annotate tells a span which flags were in force: an attribute with all, and
// an event for each.
func (s Snapshot) Annotate(span trace.Span) {
	if s.told == nil || !span.IsRecording() {
		return
	}
	span.SetAttributes(s.told.state)
	for _, attributes := range s.told.events {
		span.AddEvent(EvaluationEvent, trace.WithAttributes(attributes...))
	}
}

type snapshotKey struct{}

// NewContext carries a request's snapshot.
func NewContext(ctx context.Context, snapshot Snapshot) context.Context {
	return context.WithValue(ctx, snapshotKey{}, snapshot)
}

// FromContext gives the request's snapshot. Where there is none, cache and
// limits are on, and the rest is off.
func FromContext(ctx context.Context) Snapshot {
	if snapshot, has := ctx.Value(snapshotKey{}).(Snapshot); has {
		return snapshot
	}
	return builtIn()
}
