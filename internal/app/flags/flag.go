// Package flags decides which features are on, and for whom: from a file that
// is read again when it changes, and from overrides that administrators set.
// Evaluation goes through OpenFeature, by a provider of its own.
package flags

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The flags that the service itself asks for.
const (
	ProductCache       = "product-cache"       // boolean: reads of products go through the cache
	RateLimiting       = "rate-limiting"       // boolean: clients have limits
	ExperimentalSearch = "experimental-search" // boolean: an experimental API
	FaultInjection     = "fault-injection"     // object: faults.Spec, see faultSpec
)

// Type is what the values of a flag are.
type Type string

// The types, as in JSON.
const (
	Boolean Type = "boolean"
	String  Type = "string"
	Number  Type = "number"
	Object  Type = "object"
)

// Custom is the variant of an override whose value is none of the file's.
const Custom = "custom"

// Flag is one flag of the file. It is shared: nobody writes to it.
type Flag struct {
	Key         string `json:"key"`
	Description string `json:"description"`
	Type        Type   `json:"type"`
	// Variants are the values by name, as encoding/json has them.
	Variants map[string]any `json:"variants"`
	// Default is the variant if no rule matches, or the flag isn't enabled.
	Default string `json:"default"`
	// Enabled is whether rules are asked at all.
	Enabled bool `json:"enabled"`
	// Rules are asked in order; the first that matches counts.
	Rules []Rule `json:"rules"`
}

// Rule gives a variant to those who meet all of its conditions.
type Rule struct {
	// Roles are exact: an admin is no editor here.
	Roles []string `json:"roles,omitempty"`
	// Subjects are those of bearer tokens.
	Subjects []string `json:"subjects,omitempty"`
	// Percent is a share of subjects or clients, from 0 to 100. The same ones
	// always, and those of a smaller share are among those of a larger.
	Percent *float64 `json:"percent,omitempty"`
	// By says what is counted by Percent; "" is the subject, or the address of
	// whoever has none.
	By      By     `json:"by,omitempty"`
	Variant string `json:"variant"`
}

// By is what a percentage is of.
type By string

// What a percentage may be of.
const (
	BySubject By = "subject" // leaves out those who have none
	ByAddress By = "address"
)

// Anonymous is the role of whoever has none, in rules.
const Anonymous = "anonymous"

// Subject is for whom flags are evaluated.
type Subject struct {
	Role    string // "" for none
	Subject string // of the bearer token; "" for none
	Address string // of the client
}

// Invalid is an override that can't be set.
type Invalid struct {
	Field  string // value, reason, by or ttl
	Detail string // "must be …"
}

func (e *Invalid) Error() string { return e.Field + " " + e.Detail }

// fitting tells why a value suits neither the flag's type nor its variants.
func (f *Flag) fitting(value any) error {
	if typeOf(value) != f.Type {
		return fmt.Errorf("must be of type %s, or one of the variants %s", f.Type, f.names())
	}
	if f.Key == FaultInjection {
		_, err := faultSpec(value)
		return err
	}
	if f.variantOf(value) != Custom {
		return nil
	}
	object, isObject := value.(map[string]any)
	switch {
	case f.Type == Number:
		return nil
	case !isObject:
		return fmt.Errorf("must be one of the variants %s", f.names())
	}
	for _, field := range slices.Sorted(maps.Keys(object)) {
		if !f.knowsField(field, object[field]) {
			return fmt.Errorf("must have only fields that a variant has, of the same type, not %q", field)
		}
	}
	return nil
}

func (f *Flag) knowsField(field string, value any) bool {
	for _, variant := range f.Variants {
		object, _ := variant.(map[string]any)
		if known, has := object[field]; has && typeOf(known) == typeOf(value) {
			return true
		}
	}
	return false
}

// names lists the variants, for messages.
func (f *Flag) names() string {
	return strings.Join(slices.Sorted(maps.Keys(f.Variants)), ", ")
}

// typeOf gives "" for null and lists, which no flag is.
func typeOf(value any) Type {
	switch value.(type) {
	case bool:
		return Boolean
	case string:
		return String
	case float64:
		return Number
	case map[string]any:
		return Object
	}
	return ""
}
