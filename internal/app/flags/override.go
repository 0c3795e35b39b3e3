package flags

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Override is a value that an administrator has set. It comes before anything
// that the file says, for everyone, also for a flag that isn't enabled.
type Override struct {
	Key string `json:"key"`
	// Variant is one of the file's; "" if Value is none of them.
	Variant string          `json:"variant,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"`
	By      string          `json:"set_by"`
	Reason  string          `json:"reason"`
	At      time.Time       `json:"set_at"`
	// Expires is when it ends, by the store's clock; zero is never.
	Expires time.Time `json:"expires_at,omitzero"`
	// Left is how long that was when it was read.
	Left time.Duration `json:"-"`

	deadline time.Time // by the clock of this process
}

// Limits of an override.
const (
	MaxReason = 500 // characters
	MinTTL    = time.Second
	MaxTTL    = 365 * 24 * time.Hour
	maxValue  = 4096 // bytes
)

// choose makes the override that sets value: one of the flag's type, or the
// name of a variant. A value that is a variant's is kept as that variant, so
// that it follows the file. Errors: an *Invalid.
func choose(from *Flag, value json.RawMessage) (Override, error) {
	parsed, err := parseValue(value)
	if err != nil {
		return Override{}, &Invalid{"value", err.Error()}
	}
	override := Override{Key: from.Key}
	if name, isText := parsed.(string); isText && (from.Type != String || from.variantOf(parsed) == Custom) {
		if _, known := from.Variants[name]; known {
			override.Variant = name
			return override, nil
		}
	}
	if err := from.fitting(parsed); err != nil {
		return Override{}, &Invalid{"value", err.Error()}
	}
	if override.Variant = from.variantOf(parsed); override.Variant == Custom {
		override.Variant, override.Value = "", value
	}
	return override, nil
}

// in gives the override's value for a flag as the file now has it.
func (o *Override) in(from *Flag) (value any, variant string, err error) {
	if o.Variant != "" {
		value, known := from.Variants[o.Variant]
		if !known {
			return nil, "", fmt.Errorf("the file no longer has the variant %q", o.Variant)
		}
		return value, o.Variant, nil
	}
	value, err = parseValue(o.Value)
	if err == nil {
		err = from.fitting(value)
	}
	if err != nil {
		return nil, "", fmt.Errorf("its value %w", err)
	}
	return value, from.variantOf(value), nil
}

func parseValue(value json.RawMessage) (any, error) {
	if len(value) > maxValue {
		return nil, fmt.Errorf("must have at most %d bytes", maxValue)
	}
	if bytes.Contains(value, []byte(`\u0000`)) {
		return nil, errors.New("must be without NUL characters") // which jsonb can't hold
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	var parsed any
	if err := decoder.Decode(&parsed); err != nil {
		return nil, errors.New("must be JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("must be one JSON value")
	}
	return parsed, nil
}

func checkReason(by, reason string, ttl time.Duration) error {
	switch {
	case !validText(by):
		return &Invalid{"by", "must be whoever sets it"}
	case !validText(reason):
		return &Invalid{"reason", fmt.Sprintf("must be 1 to %d printable characters", MaxReason)}
	case ttl != 0 && (ttl < MinTTL || ttl > MaxTTL):
		return &Invalid{"ttl", fmt.Sprintf("must be from %s to %s, or 0 for no end", MinTTL, MaxTTL)}
	}
	return nil
}

func validText(text string) bool {
	return strings.TrimSpace(text) != "" && utf8.ValidString(text) && utf8.RuneCountInString(text) <= MaxReason &&
		strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
