//go:build linux

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

const requestMetric = "http_server_request_duration_seconds"

// renameMetric has Prometheus know the service's requests by another name, as a release
// would that renames them, until restore is called.
func renameMetric(t *testing.T, box *harness.Sandbox) (restore func()) {
	t.Helper()
	return changeScrape(t, box, func(job map[string]any) {
		job["metric_relabel_configs"] = []any{map[string]any{
			"source_labels": []any{"__name__"}, "regex": requestMetric + "(.*)",
			"target_label": "__name__", "replacement": "http_request_seconds$1",
		}}
	})
}

// spoilMetric has Prometheus read NaN where the service tells how many requests it
// answered, until restore is called.
func spoilMetric(t *testing.T, box *harness.Sandbox) (restore func()) {
	t.Helper()
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response, err := http.Get("http://" + r.URL.Query().Get("target") + r.URL.Path)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			line := lines.Text()
			if end := strings.LastIndexByte(line, '}'); end > 0 && strings.HasPrefix(line, requestMetric) {
				line = line[:end+1] + " NaN"
			}
			fmt.Fprintln(w, line)
		}
	}))
	t.Cleanup(between.Close)
	return changeScrape(t, box, func(job map[string]any) {
		relabel, _ := job["relabel_configs"].([]any)
		job["relabel_configs"] = append(relabel,
			map[string]any{"source_labels": []any{"__address__"}, "target_label": "__param_target"},
			map[string]any{"target_label": "__address__", "replacement": between.Listener.Addr().String()})
	})
}

// changeScrape changes how Prometheus scrapes the service, until restore is called.
func changeScrape(t *testing.T, box *harness.Sandbox, change func(job map[string]any)) (restore func()) {
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
	changed := 0
	jobs, _ := config["scrape_configs"].([]any)
	for _, one := range jobs {
		if job, is := one.(map[string]any); is && job["job_name"] == "backend" {
			change(job)
			changed++
		}
	}
	if changed != 1 {
		t.Fatalf("job backend is there %d times", changed)
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

// askCanary sends one request to a pod of the canary, and no other to anyone.
func askCanary(t *testing.T, box *harness.Sandbox) {
	t.Helper()
	hash := box.Must(box.Kubectl("get", "-n", "pocctl", "rollouts.argoproj.io/backend", "-o", "jsonpath={.status.currentPodHash}"))
	pod := box.Must(box.Kubectl("get", "-n", "pocctl", "pods", "-l", "rollouts-pod-template-hash="+hash,
		"-o", `jsonpath={.items[0].status.podIP}:{.items[0].spec.containers[0].ports[?(@.name=="http")].containerPort}`))
	response, err := http.Get("http://" + pod + "/api/v1/products")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the canary answers %s", response.Status)
	}
}
