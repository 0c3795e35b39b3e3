package aws

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
)

// kinds are the custom resources of charts that releases of our own make objects of:
// by chart, the group, version, plural and kind of each, and its scope.
func kinds() map[string][][5]string {
	return map[string][][5]string{
		"kyverno": {{"kyverno.io", "v1", "clusterpolicies", "ClusterPolicy", "Cluster"}},
		"external-secrets": {
			{"external-secrets.io", "v1", "clustersecretstores", "ClusterSecretStore", "Cluster"},
			{"external-secrets.io", "v1", "externalsecrets", "ExternalSecret", "Namespaced"},
			{"generators.external-secrets.io", "v1alpha1", "passwords", "Password", "Namespaced"},
		},
	}
}

// definition takes any object of its kind.
const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[3]s.%[1]s}
spec:
  group: %[1]s
  scope: %[5]s
  names: {plural: %[3]s, singular: %[6]s, kind: %[4]s}
  versions:
    - {name: %[2]s, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

// shown is all that a chart of the double makes: its values, to be looked at.
const shown = `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-values}
data: {values: {{ .Values | toJson | quote }}}
`

// serveCharts is a repository with a small chart of each name and version.
func serveCharts(t *testing.T, versions map[string]string) string {
	t.Helper()
	archives := map[string][]byte{}
	index := "apiVersion: v1\nentries:\n"
	for name, version := range versions {
		file := name + "-" + version + ".tgz"
		archives[file] = pack(t, name, version)
		sum := sha256.Sum256(archives[file])
		index += fmt.Sprintf("  %s:\n    - {apiVersion: v2, name: %s, version: %s, digest: %s, urls: [%s]}\n", name, name, version, hex.EncodeToString(sum[:]), file)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file := path.Base(r.URL.Path)
		if file == "index.yaml" {
			_, _ = w.Write([]byte(index))
			return
		}
		data, is := archives[file]
		if !is {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func pack(t *testing.T, name, version string) []byte {
	t.Helper()
	files := map[string]string{
		"Chart.yaml":            fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version),
		"templates/values.yaml": shown,
	}
	for _, kind := range kinds()[name] {
		files["crds/"+kind[2]+".yaml"] = fmt.Sprintf(definition, kind[0], kind[1], kind[2], kind[3], kind[4], strings.ToLower(kind[3]))
	}
	var archive bytes.Buffer
	zip := gzip.NewWriter(&archive)
	out := tar.NewWriter(zip)
	for file, content := range files {
		if err := out.WriteHeader(&tar.Header{Name: name + "/" + file, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}
