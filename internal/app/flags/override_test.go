package flags

import (
	"encoding/json"
	"errors"
	"testing"
)

func FuzzChoose(f *testing.F) {
	rules, err := parse([]byte(others + "  fault-injection: {description: d, type: object, variants: {none: {}}, default: none}\n"))
	if err != nil {
		f.Fatal(err)
	}
	for _, key := range rules.order {
		for _, value := range []string{`true`, `"on"`, `"warm"`, `12.5`, `{"names": []}`, `{"error_percent": 5, "latency_ms": 1e3}`, `null`, ``, `[`} {
			f.Add(key, []byte(value))
		}
	}
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		flag := rules.flags[key]
		if flag == nil {
			return
		}
		override, err := choose(flag, value)
		if err != nil {
			var invalid *Invalid
			if !errors.As(err, &invalid) {
				t.Errorf("%v is no *Invalid", err)
			}
			return
		}
		if (override.Variant == "") == (override.Value == nil) {
			t.Errorf("%+v has neither variant nor value, or both", override)
		}
		if override.Value != nil && !json.Valid(override.Value) {
			t.Errorf("%s is no JSON", override.Value)
		}
		resolved := compile(flag, "r", &override).fixed
		if typeOf(resolved.value) != flag.Type || resolved.metadata["source"] != string(FromOverride) {
			t.Errorf("%s is then %v, %v, but of type %s", key, resolved.value, resolved.metadata, flag.Type)
		}
	})
}
