package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"sort"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// part is one resource of a rendered revision.
type part struct {
	group, kind, namespace, name string
	// text is fit to be shown; digest is of what is behind it.
	text, digest string
}

func (p part) same(other part) bool {
	return p.group == other.group && p.kind == other.kind && p.namespace == other.namespace && p.name == other.name
}

// parts takes a revision apart, hooks included, in the order of its manifests.
func parts(r *release.Release) []part {
	if r == nil {
		return nil
	}
	manifests := releaseutil.SplitManifests(r.Manifest)
	keys := make([]string, 0, len(manifests))
	for key := range manifests {
		keys = append(keys, key)
	}
	var all []part
	sort.Sort(releaseutil.BySplitManifestsOrder(keys))
	for _, key := range keys {
		all = appendPart(all, manifests[key])
	}
	for _, hook := range r.Hooks {
		all = appendPart(all, hook.Manifest)
	}
	return all
}

func appendPart(all []part, manifest string) []part {
	object := unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &object.Object); err != nil || object.Object == nil {
		return all // a comment alone
	}
	sum := sha256.New()
	sum.Write(encode(object))
	if object.GetKind() == "Secret" {
		hide(object, "data")
		hide(object, "stringData")
	}
	return append(all, part{
		group: object.GroupVersionKind().Group, kind: object.GetKind(),
		namespace: object.GetNamespace(), name: object.GetName(),
		text: string(encode(object)), digest: hex.EncodeToString(sum.Sum(nil)),
	})
}

// hide replaces a Secret's values.
func hide(object unstructured.Unstructured, field string) {
	values, _, _ := unstructured.NestedMap(object.Object, field)
	for key := range values {
		values[key] = "(hidden)"
	}
	if len(values) > 0 {
		object.Object[field] = values
	}
}

func encode(object unstructured.Unstructured) []byte {
	text, err := yaml.Marshal(object.Object)
	if err != nil {
		return []byte(err.Error()) // it came out of YAML
	}
	return text
}
