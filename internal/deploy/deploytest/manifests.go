package deploytest

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/pocctl/pocctl/charts"
	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/deploy/manifest"
)

// chartsAccepted asks the API server whether it would take the stack's own charts.
func chartsAccepted(t *testing.T, b *bench) {
	if err := b.EnsureNamespace(t.Context(), b.release.Namespace, nil); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		chart  string
		values map[string]any
	}{
		{"backend", nil},
		{"backend", map[string]any{"autoscaling": map[string]any{"enabled": true}, "seed": map[string]any{"enabled": true}}},
		{"postgres", nil},
		{"redis", nil},
		{"redis", map[string]any{"persistence": map[string]any{"enabled": false}}},
	} {
		loaded, err := deploy.LoadChart(charts.Files, test.chart)
		if err != nil {
			t.Fatal(err)
		}
		rendered, err := deploy.Render(deploy.Release{Name: test.chart, Namespace: b.release.Namespace, Chart: loaded, Values: test.values})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range append(rendered.Hooks, rendered.Manifest) {
			objects, err := manifest.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := manifest.Apply(t.Context(), objects, manifest.Options{Config: b.cluster.Config, DryRun: true}); err != nil {
				t.Errorf("%s with %v: %v", test.chart, test.values, err)
			}
		}
	}
}

const definition = `
apiVersion: deploytest.pocctl.dev/v1
kind: Probe
metadata: {name: first}
spec: {colour: red}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: probes.deploytest.pocctl.dev}
spec:
  group: deploytest.pocctl.dev
  scope: Namespaced
  names: {kind: Probe, plural: probes}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
`

// definitionsFirst applies an object of a kind that is only being defined.
func definitionsFirst(t *testing.T, b *bench) {
	if err := b.EnsureNamespace(t.Context(), b.release.Namespace, nil); err != nil {
		t.Fatal(err)
	}
	objects, err := manifest.Parse([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	options := manifest.Options{Config: b.cluster.Config, Namespace: b.release.Namespace}
	for range 2 {
		if err := manifest.Apply(t.Context(), objects, options); err != nil {
			t.Fatal(err)
		}
	}
	unknown := objects[0].DeepCopy()
	unknown.SetKind("Nothing")
	if err := manifest.Apply(t.Context(), []*unstructured.Unstructured{unknown}, options); err == nil {
		t.Error("an unknown kind was applied")
	}
}
