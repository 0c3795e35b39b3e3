package charts_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"sigs.k8s.io/yaml"

	"github.com/pocctl/pocctl/charts"
	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/deploy/manifest"
	"github.com/pocctl/pocctl/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files anew")

func names() []string {
	return []string{"alertmanager", "argo-rollouts", "backend", "blackbox", "issuer", "observability", "policies", "postgres", "prometheus", "redis", "secrets"}
}

// dashboard is one in a ConfigMap: long, and tested where it is made.
var dashboard = regexp.MustCompile(`(?m)^  (pocctl-[a-z]+\.json): \|\n(?:(?:    .*)?\n)+`)

// TestGolden renders every testdata/CHART/CASE.values.yaml.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/*.values.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		name := strings.TrimSuffix(file, ".values.yaml")
		t.Run(strings.TrimPrefix(name, "testdata/"), func(t *testing.T) {
			rendered, err := render(t, filepath.Base(filepath.Dir(file)), readValues(t, file))
			if err != nil {
				t.Fatal(err)
			}
			got := dashboard.ReplaceAllString(rendered.Manifest, "  $1: (generated)\n") + strings.Join(rendered.Hooks, "---\n") + "\n# Notes\n" + rendered.Notes
			golden := name + ".golden.yaml"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got); -update writes it anew:\n%s", golden, diff)
			}
			for _, text := range append(rendered.Hooks, rendered.Manifest) {
				if _, err := manifest.Parse([]byte(text)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestPodsAreConfined checks what every pod of every chart must have.
func TestPodsAreConfined(t *testing.T) {
	for _, chart := range names() {
		rendered, err := render(t, chart, needed(chart))
		if err != nil {
			t.Fatal(err)
		}
		pods := 0
		for _, text := range append(rendered.Hooks, rendered.Manifest) {
			objects, err := manifest.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			for _, object := range objects {
				spec := podSpec(object.Object)
				if spec == nil {
					continue
				}
				pods++
				checkPod(t, chart+"/"+object.GetName(), spec)
			}
		}
		if pods == 0 && chart != "policies" && chart != "secrets" {
			t.Errorf("%s has no pods", chart)
		}
	}
}

// needed are the values without which a chart does not render.
func needed(chart string) map[string]any {
	if chart == "secrets" {
		return map[string]any{"store": map[string]any{"region": "eu-west-1"}}
	}
	return map[string]any{}
}

func checkPod(t *testing.T, name string, spec map[string]any) {
	t.Helper()
	text, err := yaml.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"automountServiceAccountToken: false", "enableServiceLinks: false", "runAsNonRoot: true", "readOnlyRootFilesystem: true",
		"allowPrivilegeEscalation: false", "type: RuntimeDefault", "- ALL", "requests:", "limits:",
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s lacks %q", name, part)
		}
	}
}

func podSpec(object map[string]any) map[string]any {
	if object["kind"] == "Pod" {
		spec, _ := object["spec"].(map[string]any)
		return spec
	}
	spec, _ := object["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	pod, _ := template["spec"].(map[string]any)
	return pod
}

// TestLint is `helm lint --strict`.
func TestLint(t *testing.T) {
	for _, chart := range names() {
		for _, message := range lint.All(chart, needed(chart), "default", true).Messages {
			if message.Severity >= support.WarningSev {
				t.Errorf("%s: %s", chart, message)
			}
		}
	}
}

// TestSchemaRefuses checks that bad values are refused, and that the message names them.
func TestSchemaRefuses(t *testing.T) {
	for _, test := range []struct{ chart, values, names string }{
		{"alertmanager", "groupWait: soon", "/groupWait"},
		{"alertmanager", "receivers: {pager: {}}", "pager"},
		{"alertmanager", "inbox: {enabled: false}", "/receivers"},
		{"alertmanager", "maintenance: [{name: night}]", "/maintenance/0"},
		{"backend", "replicaCuont: 3", "replicaCuont"},
		{"backend", "replicaCount: three", "/replicaCount"},
		{"backend", "image: {tag: 1}", "/image/tag"},
		{"backend", "ingress: {path: api}", "/ingress/path"},
		{"backend", "database: {sslmode: maybe}", "/database/sslmode"},
		{"backend", "config: {logLevel: loud}", "/config/logLevel"},
		{"backend", "podDisruptionBudget: {maxUnavailable: 0}", "/podDisruptionBudget/maxUnavailable"},
		{"backend", "autoscaling: {enabled: true, minReplicas: 5, maxReplicas: 2}", "autoscaling.minReplicas"},
		{"backend", "smoke: {schedule: often}", "/smoke/schedule"},
		{"backend", "{smoke: {enabled: true}, oidc: {issuer: 'https://a.example.com'}}", "smoke.existingSecret"},
		{"issuer", "url: 127.0.0.1:8080/issuer", "/url"},
		{"issuer", "url: http://127.0.0.1:8080/issuer/", "/url"},
		{"issuer", "rotation: often", "/rotation"},
		{"issuer", "existingSecret: ''", "/existingSecret"},
		{"issuer", "replicaCount: 2", "replicaCount"},
		{"issuer", "logLevel: loud", "/logLevel"},
		{"postgres", "auth: {existingSecret: ''}", "/auth/existingSecret"},
		{"postgres", "persistence: {size: big}", "/persistence/size"},
		{"prometheus", "alertmanagers: [{target: 'http://a:9093'}]", "/alertmanagers/0/target"},
		{"blackbox", "modules: {a: {prober: ftp}}", "/modules/a/prober"},
		{"blackbox", "operator: {probes: [{job: a, module: b}]}", "/operator/probes/0"},
		{"observability", "grafana: {url: https://a/}", "/grafana/url"},
		{"observability", "grafana: {admin: {existingSecret: ''}}", "/grafana/admin/existingSecret"},
		{"observability", "loki: {retention: long}", "/loki/retention"},
		{"observability", "{agent: {enabled: true}, collector: {enabled: false}}", "collector.enabled"},
		{"postgres", "metrics: {port: 0}", "/metrics/port"},
		{"prometheus", "scrape: [{job: a, name: b, path: /metrics}]", "/scrape/0"},
		{"prometheus", "checks: [{job: a, module: b, urls: []}]", "/checks/0/urls"},
		{"prometheus", "prober: http://blackbox:9115/", "/prober"},
		{"prometheus", "retention: long", "/retention"},
		{"prometheus", "scrape: [{job: a, name: b, port: http, path: metrics}]", "/scrape/0/path"},
		{"policies", "failureAction: Ask", "/failureAction"},
		{"policies", "signatures: {references: []}", "/signatures/references"},
		{"secrets", "secrets: {a: {keys: {b: {property: c}}}}", "/secrets/a/keys/b"},
		{"secrets", "passwords: {a: []}", "/passwords/a"},
		{"secrets", "{}", "store.region"},
		{"redis", "maxmemoryPolicy: forget", "/maxmemoryPolicy"},
		{"redis", "service: {port: 70000}", "/service/port"},
	} {
		values := map[string]any{}
		if err := yaml.Unmarshal([]byte(test.values), &values); err != nil {
			t.Fatal(err)
		}
		_, err := render(t, test.chart, values)
		if err == nil {
			t.Errorf("%s accepts %s", test.chart, test.values)
			continue
		}
		shown := fault.From(err)
		if shown.Code != fault.ValuesInvalid || !strings.Contains(shown.Message, test.names) {
			t.Errorf("%s with %s: %s %q, want %s naming %s", test.chart, test.values, shown.Code, shown.Message, fault.ValuesInvalid, test.names)
		}
	}
}

// TestDocumented checks that README.md and the schema know every value, and no other.
func TestDocumented(t *testing.T) {
	for _, chart := range names() {
		readme, err := fs.ReadFile(charts.Files, chart+"/README.md")
		if err != nil {
			t.Fatal(err)
		}
		documented := map[string]bool{}
		for _, line := range strings.Split(string(readme), "\n") {
			if cells := strings.Split(line, "`"); strings.HasPrefix(line, "| `") && len(cells) > 1 {
				documented[cells[1]] = true
			}
		}
		values, err := fs.ReadFile(charts.Files, chart+"/values.yaml")
		if err != nil {
			t.Fatal(err)
		}
		tree := map[string]any{}
		if err := yaml.Unmarshal(values, &tree); err != nil {
			t.Fatal(err)
		}
		leaves := map[string]bool{}
		collect("", tree, leaves)
		for leaf := range leaves {
			if !covered(leaf, documented) {
				t.Errorf("%s/README.md does not tell of %s", chart, leaf)
			}
		}
		for key := range documented {
			if !leaves[key] && !isBranch(key, leaves) {
				t.Errorf("%s/README.md tells of %s, which values.yaml does not have", chart, key)
			}
		}
	}
}

func collect(path string, node any, leaves map[string]bool) {
	branch, ok := node.(map[string]any)
	if !ok || len(branch) == 0 {
		leaves[path] = true
		return
	}
	for key, child := range branch {
		collect(strings.TrimPrefix(path+"."+key, "."), child, leaves)
	}
}

// covered says that the leaf or a branch above it is documented.
func covered(leaf string, documented map[string]bool) bool {
	for path := leaf; ; {
		if documented[path] {
			return true
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return false
		}
		path = path[:i]
	}
}

func isBranch(key string, leaves map[string]bool) bool {
	for leaf := range leaves {
		if strings.HasPrefix(leaf, key+".") {
			return true
		}
	}
	return false
}

func render(t *testing.T, chart string, values map[string]any) (*deploy.Rendered, error) {
	t.Helper()
	loaded, err := deploy.LoadChart(charts.Files, chart)
	if err != nil {
		t.Fatal(err)
	}
	return deploy.Render(deploy.Release{Name: chart, Namespace: "shop", Chart: loaded, Values: values})
}

func readValues(t *testing.T, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	if err := yaml.UnmarshalStrict(text, &values); err != nil {
		t.Fatal(err)
	}
	return values
}
