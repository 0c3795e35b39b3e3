package flags

import (
	"reflect"
	"slices"
	"sync/atomic"
)

// state is all flags with the overrides in force, at one moment. A change
// makes another; evaluations that have begun keep theirs.
type state struct {
	flags map[string]*flag
	order []string
	own   []*flag // those that the service asks for, in the order of Snapshot.String
	// classes are the snapshots by class of subjects, nil for those that
	// nobody has asked for yet. None if there would be too many.
	classes []atomic.Pointer[Snapshot]
}

// maxClasses bounds the memory for snapshots: seven rules on each of four
// flags, or many on one.
const maxClasses = 4096

func newState(rules *ruleset, overrides []Override) *state {
	s := &state{flags: make(map[string]*flag, len(rules.flags)), order: rules.order}
	byKey := make(map[string]*Override, len(overrides))
	for i := range overrides {
		byKey[overrides[i].Key] = &overrides[i]
	}
	for key, from := range rules.flags {
		s.flags[key] = compile(from, rules.revision, byKey[key])
	}
	classes := 1
	for _, key := range own() {
		flag := s.flags[key]
		s.own = append(s.own, flag)
		if classes <= maxClasses {
			classes *= len(flag.rules) + 1
		}
	}
	if classes <= maxClasses {
		s.classes = make([]atomic.Pointer[Snapshot], classes)
	}
	return s
}

func own() []string { return []string{ProductCache, RateLimiting, ExperimentalSearch, FaultInjection} }

// class gives where the snapshot of everybody is whom the same rules match as
// the subject: what flags are depends on nothing else. nil if there is none.
func (s *state) class(subject *Subject) *atomic.Pointer[Snapshot] {
	if s.classes == nil {
		return nil
	}
	class := 0
	for _, flag := range s.own {
		class = class*(len(flag.rules)+1) + flag.matched(subject)
	}
	return &s.classes[class]
}

// changes are the keys of the flags that differ, those of only one included.
func (s *state) changes(since *state) []string {
	var keys []string
	for key, flag := range s.flags {
		before := since.flags[key]
		if before == nil || !flag.same(before) {
			keys = append(keys, key)
		}
	}
	for key := range since.flags {
		if s.flags[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (f *flag) same(other *flag) bool {
	return reflect.DeepEqual(f.Flag, other.Flag) && sameOverride(f.override, other.override) &&
		(f.ignored == nil) == (other.ignored == nil)
}

func sameOverride(a, b *Override) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Variant == b.Variant && string(a.Value) == string(b.Value) && a.By == b.By &&
		a.Reason == b.Reason && a.At.Equal(b.At) && a.Expires.Equal(b.Expires)
}

func (s *state) overridden() int {
	count := 0
	for _, flag := range s.flags {
		if flag.override != nil {
			count++
		}
	}
	return count
}
