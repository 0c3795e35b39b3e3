package deploy

import (
	"bytes"
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/postrender"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// fingerprintAnnotation is put on pod templates: what is behind the images of
// its containers whose content changes under one name. It makes a rebuilt
// program a change of the release like any other.
const fingerprintAnnotation = "pocctl.dev/fingerprint"

// postRenderer gives what marks a release's pod templates; nil where it has no
// image to mark.
func (r Release) postRenderer() postrender.PostRenderer {
	if r.Fingerprint == nil {
		return nil
	}
	return marker(r.Fingerprint)
}

type marker func(image string) (string, error)

// Run marks the pod templates of rendered manifests. Documents without such an
// image stay as they are, to the letter.
func (m marker) Run(rendered *bytes.Buffer) (*bytes.Buffer, error) {
	marked, err := m.mark(rendered.String())
	if err != nil {
		return nil, err
	}
	return bytes.NewBufferString(marked), nil
}

func (m marker) mark(manifest string) (string, error) {
	const separator = "\n---\n"
	documents := strings.Split(manifest, separator)
	for i, document := range documents {
		marked, err := m.markDocument(document)
		if err != nil {
			return "", err
		}
		documents[i] = marked
	}
	return strings.Join(documents, separator), nil
}

func (m marker) markDocument(document string) (string, error) {
	object := unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
		return "", fmt.Errorf("YAML parse error in what the chart renders: %w", err)
	}
	switch object.GetKind() {
	case "Deployment", "StatefulSet", "DaemonSet":
	default:
		return document, nil // not one that replaces its pods
	}
	var parts []string
	for _, kind := range []string{"initContainers", "containers"} {
		containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", kind)
		for _, container := range containers {
			fields, _ := container.(map[string]any)
			name, _ := fields["image"].(string)
			fingerprint, err := m(name)
			if err != nil {
				return "", err
			}
			if fingerprint != "" {
				parts = append(parts, fmt.Sprintf("%s=%s", fields["name"], fingerprint))
			}
		}
	}
	wanted := strings.Join(parts, ",")
	path := []string{"spec", "template", "metadata", "annotations", fingerprintAnnotation}
	if present, _, _ := unstructured.NestedString(object.Object, path...); present == wanted {
		return document, nil
	}
	if wanted == "" {
		unstructured.RemoveNestedField(object.Object, path...)
	} else if err := unstructured.SetNestedField(object.Object, wanted, path...); err != nil {
		return "", fmt.Errorf("mark the pods of %s/%s: %w", strings.ToLower(object.GetKind()), object.GetName(), err)
	}
	return source(document) + string(encode(object)), nil
}

// source gives the comments that Helm begins a document with.
func source(document string) string {
	var head strings.Builder
	for line := range strings.Lines(document) {
		if !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "---" {
			break
		}
		head.WriteString(line)
	}
	return head.String()
}

// fingerprinted says whether a deployed manifest carries the fingerprints of
// today's images.
func (r Release) fingerprinted(manifest string) (bool, error) {
	if r.Fingerprint == nil {
		return true, nil
	}
	marked, err := marker(r.Fingerprint).mark(manifest)
	return marked == manifest, err
}
