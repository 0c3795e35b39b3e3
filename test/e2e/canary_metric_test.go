//go:build linux

package e2e

import (
	"encoding/json"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// renameMetric has Prometheus know the service's requests by another name, as a release
// would that renames them, until restore is called.
func renameMetric(t *testing.T, box *harness.Sandbox) (restore func()) {
	t.Helper()
	const key = "prometheus.yml"
	var before struct {
		Data map[string]string `json:"data"`
	}
	if err := json.Unmarshal([]byte(box.Must(box.Kubectl("get", "-n", "pocctl", "configmap/prometheus", "-o", "json"))), &before); err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal([]byte(before.Data[key]), &config); err != nil {
		t.Fatal(err)
	}
	renamed := 0
	jobs, _ := config["scrape_configs"].([]any)
	for _, one := range jobs {
		if job, is := one.(map[string]any); is && job["job_name"] == "backend" {
			job["metric_relabel_configs"] = []any{map[string]any{
				"source_labels": []any{"__name__"}, "regex": "http_server_request_duration_seconds(.*)",
				"target_label": "__name__", "replacement": "http_request_seconds$1",
			}}
			renamed++
		}
	}
	if renamed != 1 {
		t.Fatalf("job backend is there %d times", renamed)
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	put := func(content string) {
		patch, err := json.Marshal(map[string]any{"data": map[string]string{key: content}})
		if err != nil {
			t.Fatal(err)
		}
		box.Must(box.Kubectl("patch", "-n", "pocctl", "configmap/prometheus", "--type=merge", "--patch", string(patch)))
		box.Must(box.Kubectl("rollout", "restart", "-n", "pocctl", "deployment/prometheus"))
		box.Must(box.Kubectl("rollout", "status", "-n", "pocctl", "deployment/prometheus", "--timeout=60s"))
	}
	put(string(text))
	return func() { put(before.Data[key]) }
}
