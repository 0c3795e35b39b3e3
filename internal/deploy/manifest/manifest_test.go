package manifest

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		name, text string
		objects    int
		fails      bool
	}{
		{"empty", "", 0, false},
		{"comments and separators", "---\n# nothing\n---\n", 0, false},
		{"two", "apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\napiVersion: v1\nkind: B\nmetadata: {name: b}\n", 2, false},
		{"no kind", "apiVersion: v1\nmetadata: {name: a}\n", 0, true},
		{"no name", "apiVersion: v1\nkind: A\n", 0, true},
		{"no YAML", "a: [", 0, true},
	} {
		objects, err := Parse([]byte(test.text))
		if len(objects) != test.objects || (err != nil) != test.fails {
			t.Errorf("%s: %d objects, %v", test.name, len(objects), err)
		}
	}
}

func TestIsEstablished(t *testing.T) {
	with := func(kind, status string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{
			"conditions": []any{map[string]any{"type": kind, "status": status, "message": "names conflict"}}}}}
	}
	for _, test := range []struct {
		definition *unstructured.Unstructured
		want       bool
		says       string
	}{
		{&unstructured.Unstructured{Object: map[string]any{}}, false, "not established yet"},
		{with("Established", "True"), true, "established"},
		{with("Established", "False"), false, "not established yet"},
		{with("NamesAccepted", "False"), false, "names conflict"},
	} {
		if got, says := isEstablished(test.definition); got != test.want || says != test.says {
			t.Errorf("%v %q, want %v %q", got, says, test.want, test.says)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\n"))
	f.Add([]byte("metadata: 3"))
	f.Fuzz(func(t *testing.T, text []byte) {
		objects, err := Parse(text)
		if err != nil {
			return
		}
		for _, object := range objects {
			if object.GetKind() == "" || object.GetName() == "" {
				t.Errorf("accepted %v", object)
			}
		}
	})
}
