package flags

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"go.uber.org/zap"
)

// Source says where a flag's value comes from.
type Source string

// The sources.
const (
	FromFile     Source = "file"
	FromOverride Source = "override"
)

// State is a flag as it now is.
type State struct {
	Flag
	// Variant and Value are in force for whoever no rule matches; under an
	// override, for everyone.
	Variant string `json:"variant"`
	Value   any    `json:"value"`
	Source  Source `json:"source"`
	// Reason is OpenFeature's: STATIC, DEFAULT or DISABLED.
	Reason string `json:"reason"`
	// Override is nil if there is none in force.
	Override *Override `json:"override,omitempty"`
	// Ignored says why an override that is set isn't in force: it no longer
	// fits what the file says.
	Ignored string `json:"ignored,omitempty"`
}

func (f *flag) state() State {
	state := State{
		Flag: f.Flag, Variant: f.fixed.variant, Value: f.fixed.value, Source: FromFile,
		Reason: string(f.fixed.reason), Override: f.override,
	}
	if f.override != nil {
		state.Source = FromOverride
	}
	if f.ignored != nil {
		state.Ignored = f.ignored.Error()
	}
	return state
}

// List gives all flags in the file's order. It reads overrides anew if the
// store answers; if not, they are the last that are known, and Status says so.
func (f *Flags) List(ctx context.Context) []State {
	if f.options.Store != nil {
		f.readOverrides(ctx)
	}
	present := f.state.Load()
	states := make([]State, len(present.order))
	for i, key := range present.order {
		states[i] = present.flags[key].state()
	}
	return states
}

// BuiltIn is Status.File where there is no path.
const BuiltIn = "built in"

// Status says whether flags are up to date.
type Status struct {
	File     string // its path, or BuiltIn
	Revision string // of the file in force
	// FileReadAt is when that was read.
	FileReadAt time.Time
	// FileError says why the file as it now is isn't in force; "" if it is.
	FileError string
	// OverridesReadAt is when overrides were last read; zero is never.
	OverridesReadAt time.Time
	// OverridesError says why they can't be read now; "" if they can.
	OverridesError string
	// Overridden is how many overrides are in force.
	Overridden int
}

// Problem says in a line what is not up to date, "" if all is.
func (s Status) Problem() string {
	var problems []string
	if s.FileError != "" {
		problems = append(problems, fmt.Sprintf("the file of flags isn't in force, the one before is: %s", s.FileError))
	}
	if s.OverridesError != "" {
		problems = append(problems, fmt.Sprintf("overrides of flags are those of %s: %s", since(s.OverridesReadAt), s.OverridesError))
	}
	return strings.Join(problems, "; ")
}

func since(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.UTC().Format(time.RFC3339)
}

// Status is the present one.
func (f *Flags) Status() Status {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.status
}

// setFileError notes how reading the file went. The mutex is held.
func (f *Flags) setFileError(err error) {
	f.options.Observer.FlagFileRead(err == nil)
	f.status.FileError = ""
	if err != nil {
		f.status.FileError = err.Error()
		f.options.Logger.Error("the file of feature flags can't be used: the one before stays in force",
			zap.String("file", f.options.Path), zap.Error(err))
	}
	f.tellStale()
}

// setOverridesError notes how reading overrides went. The mutex is held.
func (f *Flags) setOverridesError(err error) {
	f.options.Observer.FlagOverridesRead(err == nil)
	before := f.status.OverridesError
	f.status.OverridesError = ""
	if err != nil {
		f.status.OverridesError = err.Error()
	} else {
		f.status.OverridesReadAt = time.Now()
	}
	switch {
	case err != nil && before == "":
		f.options.Logger.Warn("overrides of feature flags can't be read: the last ones stay in force", zap.Error(err))
	case err == nil && before != "":
		f.options.Logger.Info("overrides of feature flags can be read again")
	}
	f.tellStale()
}

// tellStale tells OpenFeature when flags stop or begin to be up to date.
func (f *Flags) tellStale() {
	problem := f.status.Problem()
	switch stale := problem != ""; {
	case stale && !f.stale:
		f.provider.emit(openfeature.ProviderStale, problem, nil)
	case !stale && f.stale:
		f.provider.emit(openfeature.ProviderReady, "flags are up to date again", nil)
	}
	f.stale = problem != ""
}

// rebuild makes the state anew from rules and overrides. The mutex is held.
func (f *Flags) rebuild() {
	before := f.state.Load()
	after := newState(f.rules, f.overrides)
	f.state.Store(after)
	f.status.Overridden = after.overridden()
	f.options.Observer.FlagsOverridden(f.status.Overridden)
	for key, flag := range after.flags {
		if was := before.flags[key]; flag.ignored != nil && (was == nil || was.ignored == nil) {
			f.options.Logger.Warn("an override of a feature flag isn't in force: it doesn't fit the file",
				zap.String("key", key), zap.Error(flag.ignored))
		}
	}
	if changes := after.changes(before); len(changes) > 0 {
		f.provider.emit(openfeature.ProviderConfigChange, "flags have changed", changes)
		f.options.Logger.Info("feature flags have changed", zap.Strings("keys", changes), zap.String("revision", f.rules.revision))
	}
}

// interrupted tells whether it was the caller who left.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}
