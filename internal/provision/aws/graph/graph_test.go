package graph

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What terraform 1.11.4 writes.
const written = `digraph G {
  rankdir = "RL";
  node [shape = rect, fontname = "sans-serif"];
  "terraform_data.b" [label="terraform_data.b"];
  "terraform_data.c" [label="terraform_data.c"];
  subgraph "cluster_module.one" {
    label = "module.one"
    fontname = "sans-serif"
    "module.one.terraform_data.a" [label="terraform_data.a"];
  }
  "terraform_data.b" -> "terraform_data.c";
  "terraform_data.b" -> "module.one.terraform_data.a";
  "terraform_data.b" -> "module.one.terraform_data.a";
}
`

func TestParse(t *testing.T) {
	got, err := Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"terraform_data.b":            {"module.one.terraform_data.a", "terraform_data.c"},
		"terraform_data.c":            nil,
		"module.one.terraform_data.a": nil,
	}
	if diff := cmp.Diff(want, got.Waits); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "Error: no configuration", "digraph G {\n  \"a\" -> \"b\";\n"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q gives %v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(written)
	f.Add("digraph G {\n\"a\" -> \"a\";\n}")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse(text)
		if err != nil {
			return
		}
		for block, waits := range got.Waits {
			if block == "" || !slices.IsSorted(waits) {
				t.Errorf("%q waits for %q", block, waits)
			}
			for _, other := range waits {
				if _, known := got.Waits[other]; !known {
					t.Errorf("%q is waited for and not known", other)
				}
			}
		}
	})
}
