package flags

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/open-feature/go-sdk/openfeature"
)

// ProviderName is the provider's, as it is in telemetry.
const ProviderName = "pocctl"

// The attributes of an OpenFeature context that rules look at, besides the
// targeting key, which is the subject.
const (
	RoleAttribute    = "role"
	AddressAttribute = "address"
)

// provider evaluates the present state for OpenFeature.
type provider struct {
	present func() *state
	events  chan openfeature.Event
}

var (
	_ openfeature.FeatureProvider = (*provider)(nil)
	_ openfeature.EventHandler    = (*provider)(nil)
)

func newProvider(present func() *state) *provider {
	return &provider{present: present, events: make(chan openfeature.Event, 16)}
}

// Metadata names the provider.
func (p *provider) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: ProviderName} }

// Hooks are none.
func (p *provider) Hooks() []openfeature.Hook { return nil }

// EventChannel tells of changes.
func (p *provider) EventChannel() <-chan openfeature.Event { return p.events }

// emit never waits: OpenFeature takes events at once while it runs, and nobody
// is there to hear of them when it doesn't.
func (p *provider) emit(kind openfeature.EventType, message string, keys []string) {
	event := openfeature.Event{ProviderName: ProviderName, EventType: kind}
	event.Message, event.FlagChanges = message, keys
	select {
	case p.events <- event:
	default:
	}
}

// BooleanEvaluation evaluates a flag of type boolean.
func (p *provider) BooleanEvaluation(
	ctx context.Context, key string, fallback bool, about openfeature.FlattenedContext,
) openfeature.BoolResolutionDetail {
	return evaluate(ctx, p, key, about, fallback, func(value any) (bool, bool) { truth, ok := value.(bool); return truth, ok })
}

// StringEvaluation evaluates a flag of type string.
func (p *provider) StringEvaluation(
	ctx context.Context, key, fallback string, about openfeature.FlattenedContext,
) openfeature.StringResolutionDetail {
	return evaluate(ctx, p, key, about, fallback, func(value any) (string, bool) { text, ok := value.(string); return text, ok })
}

// FloatEvaluation evaluates a flag of type number.
func (p *provider) FloatEvaluation(
	ctx context.Context, key string, fallback float64, about openfeature.FlattenedContext,
) openfeature.FloatResolutionDetail {
	return evaluate(ctx, p, key, about, fallback, func(value any) (float64, bool) { number, ok := value.(float64); return number, ok })
}

// IntEvaluation evaluates a flag of type number whose value is whole.
func (p *provider) IntEvaluation(
	ctx context.Context, key string, fallback int64, about openfeature.FlattenedContext,
) openfeature.IntResolutionDetail {
	return evaluate(ctx, p, key, about, fallback, func(value any) (int64, bool) {
		number, ok := value.(float64)
		const exact = 1 << 53
		return int64(number), ok && number == math.Trunc(number) && math.Abs(number) <= exact
	})
}

// ObjectEvaluation evaluates a flag of type object: a map[string]any of its own.
func (p *provider) ObjectEvaluation(
	ctx context.Context, key string, fallback any, about openfeature.FlattenedContext,
) openfeature.InterfaceResolutionDetail {
	return evaluate(ctx, p, key, about, fallback, func(value any) (any, bool) {
		object, ok := value.(map[string]any)
		return cloned(object), ok
	})
}

func evaluate[T any](
	ctx context.Context, p *provider, key string, about openfeature.FlattenedContext, fallback T, as func(any) (T, bool),
) openfeature.GenericResolutionDetail[T] {
	fail := func(err openfeature.ResolutionError) openfeature.GenericResolutionDetail[T] {
		return openfeature.GenericResolutionDetail[T]{
			Value:                    fallback,
			ProviderResolutionDetail: openfeature.ProviderResolutionDetail{ResolutionError: err, Reason: openfeature.ErrorReason},
		}
	}
	present, pinned := ctx.Value(stateKey{}).(*state)
	if !pinned {
		present = p.present()
	}
	flag := present.flags[key]
	if flag == nil {
		return fail(openfeature.NewFlagNotFoundResolutionError(fmt.Sprintf("there is no flag %q", key)))
	}
	subject, err := subjectOf(about)
	if err != nil {
		return fail(openfeature.NewInvalidContextResolutionError(err.Error()))
	}
	resolved := flag.resolve(&subject)
	value, ok := as(resolved.value)
	if !ok {
		return fail(openfeature.NewTypeMismatchResolutionError(fmt.Sprintf("the flag %q is of type %s", key, flag.Type)))
	}
	return openfeature.GenericResolutionDetail[T]{
		Value: value,
		ProviderResolutionDetail: openfeature.ProviderResolutionDetail{
			Reason: resolved.reason, Variant: resolved.variant, FlagMetadata: resolved.metadata,
		},
	}
}

// stateKey is for the state that an evaluation of several flags is pinned to,
// so that all are of one moment.
type stateKey struct{}

func subjectOf(about openfeature.FlattenedContext) (Subject, error) {
	var subject Subject
	for attribute, target := range map[string]*string{
		openfeature.TargetingKey: &subject.Subject, RoleAttribute: &subject.Role, AddressAttribute: &subject.Address,
	} {
		value, has := about[attribute]
		text, isText := value.(string)
		if has && !isText {
			return subject, fmt.Errorf("the attribute %q must be a string", attribute)
		}
		*target = text
	}
	return subject, nil
}

func cloned(object map[string]any) map[string]any {
	if object == nil {
		return nil
	}
	clone := make(map[string]any, len(object))
	for field, value := range object {
		clone[field] = cloneValue(value)
	}
	return clone
}

func cloneValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return cloned(value)
	case []any:
		list := slices.Clone(value)
		for i := range list {
			list[i] = cloneValue(list[i])
		}
		return list
	}
	return value
}
