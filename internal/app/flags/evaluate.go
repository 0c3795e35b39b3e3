package flags

import (
	"math"
	"reflect"
	"slices"

	"github.com/open-feature/go-sdk/openfeature"
)

// flag is a Flag ready for evaluation, with the override in force.
type flag struct {
	Flag
	rules    []rule // none if they need not be asked
	seed     uint64
	fixed    resolution // if no rule matches
	override *Override  // nil for none
	ignored  error      // why there is an override that isn't in force
}

type rule struct {
	Rule
	subjects   map[string]bool
	resolution resolution
}

// resolution is what a flag is for someone, and why.
type resolution struct {
	value    any
	variant  string
	reason   openfeature.Reason
	metadata openfeature.FlagMetadata
}

// compile gives the flag of a file's revision, under the override if there is
// one and it fits.
func compile(from *Flag, revision string, override *Override) *flag {
	f := &flag{Flag: *from, seed: hash(offsetBasis, from.Key+"\x00")}
	metadata := openfeature.FlagMetadata{"version": revision, "source": string(FromFile)}
	resolve := func(variant string, reason openfeature.Reason) resolution {
		return resolution{from.Variants[variant], variant, reason, metadata}
	}
	if override != nil {
		value, variant, err := override.in(from)
		if err == nil {
			metadata["source"] = string(FromOverride)
			f.override = override
			f.fixed = resolution{value, variant, openfeature.StaticReason, metadata}
			return f
		}
		f.ignored = err
	}
	switch {
	case !from.Enabled:
		f.fixed = resolve(from.Default, openfeature.DisabledReason)
		return f
	case len(from.Rules) == 0:
		f.fixed = resolve(from.Default, openfeature.StaticReason)
		return f
	}
	f.fixed = resolve(from.Default, openfeature.DefaultReason)
	for _, written := range from.Rules {
		compiled := rule{Rule: written, resolution: resolve(written.Variant, openfeature.TargetingMatchReason)}
		if written.Percent != nil {
			compiled.resolution.reason = openfeature.SplitReason
		}
		if written.Subjects != nil {
			compiled.subjects = map[string]bool{}
			for _, subject := range written.Subjects {
				compiled.subjects[subject] = true
			}
		}
		f.rules = append(f.rules, compiled)
	}
	return f
}

// matched gives the index of the first rule that matches, len(rules) for none.
func (f *flag) matched(subject *Subject) int {
	for i := range f.rules {
		if f.rules[i].matches(f.seed, subject) {
			return i
		}
	}
	return len(f.rules)
}

func (f *flag) resolve(subject *Subject) resolution {
	if i := f.matched(subject); i < len(f.rules) {
		return f.rules[i].resolution
	}
	return f.fixed
}

func (r *rule) matches(seed uint64, subject *Subject) bool {
	if r.Roles != nil {
		role := subject.Role
		if role == "" {
			role = Anonymous
		}
		if !slices.Contains(r.Roles, role) {
			return false
		}
	}
	if r.subjects != nil && !r.subjects[subject.Subject] {
		return false
	}
	if r.Percent == nil {
		return true
	}
	counted := subject.Subject
	if r.By == ByAddress || r.By == "" && counted == "" {
		counted = subject.Address
	}
	return counted != "" && place(seed, counted) < *r.Percent
}

// offsetBasis and prime are those of 64-bit FNV-1a.
const (
	offsetBasis uint64 = 14695981039346656037
	prime       uint64 = 1099511628211
)

// hash goes on with FNV-1a from a state. It never changes: whoever is in a
// share has to stay in it, in every process and release.
func hash(state uint64, text string) uint64 {
	for i := range len(text) {
		state = (state ^ uint64(text[i])) * prime
	}
	return state
}

// place puts an identity between 0 and 100, evenly and differently for each
// seed. The steps after FNV are MurmurHash3's finalizer: FNV alone leaves the
// upper bits of short texts alike.
func place(seed uint64, identity string) float64 {
	h := hash(seed, identity)
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return math.Ldexp(float64(h>>11), -53) * 100
}

// variantOf gives the name of a value, Custom if it has none.
func (f *Flag) variantOf(value any) string {
	if reflect.DeepEqual(f.Variants[f.Default], value) {
		return f.Default // of several with this value
	}
	name := Custom
	for variant, known := range f.Variants {
		if reflect.DeepEqual(known, value) && (name == Custom || variant < name) {
			name = variant
		}
	}
	return name
}
