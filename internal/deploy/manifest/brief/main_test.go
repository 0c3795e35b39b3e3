package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// TestOnlyDescriptionsAreLeftOut takes all definitions that are built in, and looks at
// them as data: what is gone is the text of schemas, and no property by that name.
func TestOnlyDescriptionsAreLeftOut(t *testing.T) {
	names, err := filepath.Glob("../../../../charts/definitions/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no definitions: %v; make build puts them there", err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		brief, err := shorten(content)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var full, got map[string]any
		if err := yaml.Unmarshal(content, &full); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(brief, &got); err != nil {
			t.Fatal(err)
		}
		delete(full, "status")
		versions, _ := full["spec"].(map[string]any)["versions"].([]any)
		for _, version := range versions {
			schema, _ := version.(map[string]any)["schema"].(map[string]any)
			strip(schema["openAPIV3Schema"])
		}
		if diff := cmp.Diff(full, got); diff != "" {
			t.Errorf("%s (-full +brief):\n%s", name, diff)
		}
		if len(brief) > len(content)/3 {
			t.Errorf("%s: %d bytes of %d are left", name, len(brief), len(content))
		}
	}
}

// strip takes away every description that is a text.
func strip(value any) {
	switch value := value.(type) {
	case map[string]any:
		if _, isText := value["description"].(string); isText {
			delete(value, "description")
		}
		for _, one := range value {
			strip(one)
		}
	case []any:
		for _, one := range value {
			strip(one)
		}
	}
}

func TestWhatIsNoDefinitionIsRefused(t *testing.T) {
	for _, content := range []string{"spec: [", "spec: {nonsense: 1}"} {
		if _, err := shorten([]byte(content)); err == nil {
			t.Errorf("%q is taken", content)
		}
	}
	if err := write(t.TempDir(), "/nowhere"); err == nil {
		t.Error("a file that is not there is taken")
	}
}
