package auth_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/auth"
)

func TestFieldsOfAnEntry(t *testing.T) {
	entry := auth.Entry{
		Actor: "ada", Role: auth.Admin, Action: "setFlagOverride", Target: "product-cache",
		Detail: map[string]any{"b": 1, "a": "x"}, RequestID: "r", Outcome: auth.Done,
	}
	var got [][2]string
	for name, value := range entry.Fields() {
		got = append(got, [2]string{name, value})
	}
	want := [][2]string{
		{"actor", "ada"}, {"actor_role", "admin"}, {"action", "setFlagOverride"}, {"target", "product-cache"},
		{"detail", `{"a":"x","b":1}`}, {"outcome", "done"}, {"request_id", "r"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	for range entry.Fields() {
		break // who has enough may leave
	}
	for name := range (auth.Entry{Detail: map[string]any{"f": func() {}}}).Fields() {
		t.Errorf("%s of an entry that has nothing", name)
	}
}

func TestPreparedEntriesAreBounded(t *testing.T) {
	entry := auth.Entry{
		Actor: strings.Repeat("é", 1000), Action: "a", Outcome: auth.Done,
		Detail: map[string]any{"long": strings.Repeat("é\x00", 100_000)},
	}
	prepared, detail, err := entry.Prepared()
	if err != nil {
		t.Fatal(err)
	}
	if len(prepared.Actor) > 512 || !utf8.ValidString(prepared.Actor) || !strings.HasPrefix(entry.Actor, prepared.Actor) {
		t.Errorf("the actor has %d bytes: %q", len(prepared.Actor), prepared.Actor)
	}
	var held map[string]string
	if err := json.Unmarshal(detail, &held); err != nil || len(detail) > 16<<10 || !strings.HasPrefix(held["truncated"], `{"long":"é`) {
		t.Errorf("the detail has %d bytes (%v): %.50s", len(detail), err, detail)
	}
}

func FuzzPrepared(f *testing.F) {
	f.Add("target", "name", "value")
	f.Add("\x00", "\\u0000", "\xff\x00")
	f.Fuzz(func(t *testing.T, target, name, value string) {
		entry := auth.Entry{
			Actor: "ada", Action: "a", Outcome: auth.Done, Target: target,
			Detail: map[string]any{name: []any{value, map[string]any{value: name}}},
		}
		prepared, detail, err := entry.Prepared()
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsRune(prepared.Target, 0) || !utf8.ValidString(prepared.Target) {
			t.Errorf("the target is %q", prepared.Target)
		}
		var held any
		if err := json.Unmarshal(detail, &held); err != nil || hasNUL(held) {
			t.Errorf("the detail is %s (%v)", detail, err)
		}
	})
}

func hasNUL(value any) bool {
	switch value := value.(type) {
	case string:
		return strings.ContainsRune(value, 0)
	case []any:
		for _, each := range value {
			if hasNUL(each) {
				return true
			}
		}
	case map[string]any:
		for name, each := range value {
			if hasNUL(name) || hasNUL(each) {
				return true
			}
		}
	}
	return false
}
