package deploy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const twoDocuments = `---
# Source: shop/templates/service.yaml
apiVersion: v1
kind: Service
metadata: {name: shop}   # kept to the letter
---
# Source: shop/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  template:
    spec:
      initContainers:
      - {name: first, image: busybox}
      containers:
      - {name: main, image: "shop:1"}
`

func fingerprints(known map[string]string) func(string) (string, error) {
	return func(image string) (string, error) { return known[image], nil }
}

func TestARebuiltProgramChangesThePodTemplate(t *testing.T) {
	one, err := marker(fingerprints(map[string]string{"shop:1": "one"})).mark(twoDocuments)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(one, "kind: Service\nmetadata: {name: shop}   # kept to the letter\n---\n# Source: shop/templates/deployment.yaml\n") ||
		!strings.Contains(one, "pocctl.dev/fingerprint: main=one") {
		t.Errorf("marked:\n%s", one)
	}
	for name, test := range map[string]struct {
		known map[string]string
		want  bool
	}{
		"the same":      {map[string]string{"shop:1": "one"}, true},
		"rebuilt":       {map[string]string{"shop:1": "two"}, false},
		"one more":      {map[string]string{"shop:1": "one", "busybox": "own"}, false},
		"no longer own": {nil, false},
	} {
		same, err := Release{Fingerprint: fingerprints(test.known)}.fingerprinted(one)
		if err != nil || same != test.want {
			t.Errorf("%s: in sync %v, %v", name, same, err)
		}
	}
	two, err := marker(fingerprints(map[string]string{"shop:1": "two"})).mark(one)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Replace(one, "main=one", "main=two", 1), two); diff != "" {
		t.Errorf("a rebuild changes more than the fingerprint:\n%s", diff)
	}
}

func TestWithoutOwnImagesNothingChanges(t *testing.T) {
	marked, err := marker(fingerprints(nil)).mark(twoDocuments)
	if err != nil || marked != twoDocuments {
		t.Errorf("%v\n%s", err, marked)
	}
	if (Release{}).postRenderer() != nil {
		t.Error("a release without fingerprints has a post-renderer")
	}
}

func TestAProgramThatCannotBeReadIsToldOf(t *testing.T) {
	gone := errors.New("gone")
	_, err := marker(func(string) (string, error) { return "", gone }).mark(twoDocuments)
	if !errors.Is(err, gone) {
		t.Errorf("mark gave %v", err)
	}
}
