package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"

	"github.com/pocctl/pocctl/internal/fault"
)

// demo is a chart of one ConfigMap and one Secret.
func demo() fstest.MapFS {
	return fstest.MapFS{
		"demo/Chart.yaml":             {Data: []byte("apiVersion: v2\nname: demo\nversion: 1.0.0\n")},
		"demo/values.yaml":            {Data: []byte("colour: red\nnumber: 1000000\n")},
		"demo/values.schema.json":     {Data: []byte(`{"properties":{"colour":{"type":"string"}}}`)},
		"demo/.helmignore":            {Data: []byte("*.bak\n")},
		"demo/templates/broken.bak":   {Data: []byte("{{ nonsense")},
		"demo/templates/_helpers.tpl": {Data: []byte(`{{ define "demo.name" }}{{ .Release.Name }}{{ end }}`)},
		"demo/templates/all.yaml": {Data: []byte(`apiVersion: v1
kind: ConfigMap
metadata: {name: {{ include "demo.name" . }}}
data: {colour: {{ .Values.colour }}, number: "{{ .Values.number }}"}
---
apiVersion: v1
kind: Secret
metadata: {name: {{ include "demo.name" . }}}
stringData: {key: {{ .Values.colour }}}
`)},
	}
}

func load(t *testing.T, files fstest.MapFS) *chart.Chart {
	t.Helper()
	loaded, err := LoadChart(files, "demo")
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestRender(t *testing.T) {
	rendered, err := Render(Release{Name: "shop", Chart: load(t, demo()), Values: map[string]any{"number": 1000000}})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"name: shop", "colour: red", `number: "1000000"`} {
		if !strings.Contains(rendered.Manifest, part) {
			t.Errorf("no %q in\n%s", part, rendered.Manifest)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	broken := demo()
	broken["demo/templates/all.yaml"] = &fstest.MapFile{Data: []byte("{{ .Values.colour | nonsense }}")}
	failing := demo()
	failing["demo/templates/all.yaml"] = &fstest.MapFile{Data: []byte(`{{ fail "colour is missing" }}`)}
	for _, test := range []struct {
		name   string
		files  fstest.MapFS
		values map[string]any
		code   fault.Code
		says   string
	}{
		{"wrong type", demo(), map[string]any{"colour": 1}, fault.ValuesInvalid, "colour"},
		{"template that does not parse", broken, nil, fault.ChartInvalid, "nonsense"},
		{"template that fails on purpose", failing, nil, fault.ValuesInvalid, "colour is missing"},
	} {
		_, err := Render(Release{Name: "shop", Chart: load(t, test.files), Values: test.values})
		if err == nil {
			t.Errorf("%s: accepted", test.name)
			continue
		}
		if shown := fault.From(err); shown.Code != test.code || !strings.Contains(shown.Message, test.says) {
			t.Errorf("%s: %s %q, want %s with %q", test.name, shown.Code, shown.Message, test.code, test.says)
		}
	}
}

func TestLoadChart(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "demo")
	if err := os.CopyFS(filepath.Dir(directory), demo()); err != nil {
		t.Fatal(err)
	}
	if loaded, err := LoadChart(fstest.MapFS{}, directory); err != nil || loaded.Name() != "demo" {
		t.Errorf("from a directory: %v, %v", loaded, err)
	}
	library := demo()
	library["demo/Chart.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: v2\nname: demo\nversion: 1.0.0\ntype: library\n")}
	noVersion := demo()
	noVersion["demo/Chart.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: v2\nname: demo\n")}
	for name, files := range map[string]fstest.MapFS{"absent": {}, "library": library, "without a version": noVersion} {
		if _, err := LoadChart(files, "demo"); err == nil || fault.From(err).Code != fault.ChartInvalid {
			t.Errorf("%s: %v, want %s", name, err, fault.ChartInvalid)
		}
	}
}

func TestDigest(t *testing.T) {
	digest := func(files fstest.MapFS, values map[string]any) string {
		r := Release{Name: "shop", Chart: load(t, files), Values: values}
		normal, err := r.normalValues()
		if err != nil {
			t.Fatal(err)
		}
		return r.digest(normal)
	}
	other := demo()
	other["demo/values.yaml"] = &fstest.MapFile{Data: []byte("colour: blue\n")}
	base := digest(demo(), map[string]any{"a": 1, "b": map[string]any{"c": true}})
	if got := digest(demo(), map[string]any{"b": map[string]any{"c": true}, "a": 1.0}); got != base {
		t.Error("the same content has another digest")
	}
	if digest(demo(), map[string]any{"a": 2, "b": map[string]any{"c": true}}) == base {
		t.Error("other values have the same digest")
	}
	if digest(other, map[string]any{"a": 1, "b": map[string]any{"c": true}}) == base {
		t.Error("another chart has the same digest")
	}
}

func TestCompare(t *testing.T) {
	before := &release.Release{Manifest: `
apiVersion: v1
kind: ConfigMap
metadata: {name: same}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: altered}
data: {colour: red}
---
apiVersion: v1
kind: Secret
metadata: {name: auth}
stringData: {password: hunter1}
---
apiVersion: v1
kind: Service
metadata: {name: removed}
`}
	after := &release.Release{Manifest: `
apiVersion: v1
kind: ConfigMap
metadata: {name: same}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: altered}
data: {colour: blue}
---
apiVersion: v1
kind: Secret
metadata: {name: auth}
stringData: {password: hunter2}
`, Hooks: []*release.Hook{{Manifest: "apiVersion: batch/v1\nkind: Job\nmetadata: {name: added}\n"}}}

	changes := mention(compare(parts(before), parts(after)), []Change{{Action: Add, Resource: "configmap/same", Note: "missing in the cluster"}})
	var got []string
	for _, change := range changes {
		got = append(got, strings.TrimSpace(change.Action+" "+change.Resource+" "+change.Note))
		if strings.Contains(change.Diff, "hunter") {
			t.Error("the diff shows a Secret's value")
		}
	}
	want := []string{"change configmap/altered", "change secret/auth hidden values differ", "add job/added", "remove service/removed",
		"add configmap/same missing in the cluster"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := changes[0].Diff; !strings.Contains(diff, "-  colour: red\n+  colour: blue\n") {
		t.Errorf("diff:\n%s", diff)
	}
}

func TestDiffNew(t *testing.T) {
	diff, err := DiffNew(Release{Name: "shop", Namespace: "shop", Chart: load(t, demo())})
	if err != nil {
		t.Fatal(err)
	}
	if len(diff.Changes) != 2 || diff.Changes[0].Action != Add || diff.Revision != 0 {
		t.Errorf("%+v, want two resources to add", diff)
	}
}

func TestEarlier(t *testing.T) {
	history := func(statuses ...release.Status) []*release.Release {
		var all []*release.Release
		for i, status := range statuses {
			all = append(all, &release.Release{Version: i + 1, Info: &release.Info{Status: status}})
		}
		return all
	}
	for _, test := range []struct {
		history []*release.Release
		want    int
	}{
		{history(release.StatusDeployed), 0},
		{history(release.StatusSuperseded, release.StatusDeployed), 1},
		{history(release.StatusSuperseded, release.StatusFailed, release.StatusDeployed), 1},
		{history(release.StatusSuperseded, release.StatusDeployed, release.StatusFailed), 2},
		{history(release.StatusDeployed, release.StatusFailed, release.StatusFailed), 1},
	} {
		if got := earlier(test.history); got != test.want {
			t.Errorf("earlier gives %d, want %d", got, test.want)
		}
	}
}

func TestNewPassword(t *testing.T) {
	one, two := NewPassword(), NewPassword()
	if one == two || len(one) < 20 || strings.Trim(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		t.Errorf("passwords %q, %q: want two different ones of letters and digits", one, two)
	}
}
