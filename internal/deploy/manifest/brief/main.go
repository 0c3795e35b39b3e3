// Command brief writes custom resource definitions as JSON and without the descriptions
// of their schemas, as controller-gen does with maxDescLen=0: an API server takes a third
// of the time for them. `kubectl explain` then names fields and says nothing of them.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: brief DIRECTORY FILE…")
		os.Exit(2)
	}
	for _, name := range os.Args[2:] {
		if err := write(os.Args[1], name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func write(directory, name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read a definition: %w", err)
	}
	brief, err := shorten(content)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := os.MkdirAll(directory, 0o755); err != nil { //nolint:gosec // a directory of the source tree
		return fmt.Errorf("make the directory of brief definitions: %w", err)
	}
	target := filepath.Join(directory, strings.TrimSuffix(filepath.Base(name), ".yaml")+".json")
	if err := os.WriteFile(target, brief, 0o644); err != nil { //nolint:gosec // a file of the source tree
		return fmt.Errorf("write a brief definition: %w", err)
	}
	return nil
}

// shorten takes one definition in YAML.
func shorten(content []byte) ([]byte, error) {
	var definition apiextensions.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(content, &definition); err != nil {
		return nil, err
	}
	for i := range definition.Spec.Versions {
		if schema := definition.Spec.Versions[i].Schema; schema != nil {
			silence(schema.OpenAPIV3Schema)
		}
	}
	return json.Marshal(struct { // all but the status
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
		Spec              apiextensions.CustomResourceDefinitionSpec `json:"spec"`
	}{definition.TypeMeta, definition.ObjectMeta, definition.Spec})
}

// silence takes the descriptions of a schema, and of all in it. Those of a property
// called description stay: they are no descriptions.
func silence(schema *apiextensions.JSONSchemaProps) {
	if schema == nil {
		return
	}
	schema.Description = ""
	for _, in := range []map[string]apiextensions.JSONSchemaProps{schema.Properties, schema.PatternProperties, schema.Definitions} {
		for name, one := range in {
			silence(&one)
			in[name] = one
		}
	}
	for _, in := range [][]apiextensions.JSONSchemaProps{schema.AllOf, schema.AnyOf, schema.OneOf} {
		for i := range in {
			silence(&in[i])
		}
	}
	silence(schema.Not)
	if schema.Items != nil {
		silence(schema.Items.Schema)
		for i := range schema.Items.JSONSchemas {
			silence(&schema.Items.JSONSchemas[i])
		}
	}
	for _, one := range []*apiextensions.JSONSchemaPropsOrBool{schema.AdditionalProperties, schema.AdditionalItems} {
		if one != nil {
			silence(one.Schema)
		}
	}
}
