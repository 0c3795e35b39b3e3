package aws

import (
	"encoding/json"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// prometheus is the server of the chart kube-prometheus-stack, in the cluster behind.
const prometheus = "kube-prometheus-stack-prometheus"

// seesAll is what the chart allows that server.
const seesAll = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: sees-all}
rules:
  - {apiGroups: [""], resources: [pods, services, endpoints], verbs: [get, list, watch]}
  - {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: sees-all}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sees-all}
subjects: [{kind: ServiceAccount, name: ` + prometheus + `, namespace: monitoring}]
`

// operate does once what the Prometheus Operator does: the monitors, probes and rules
// that staging has brought become the configuration of its Prometheus, as the operator's
// own code makes it.
func operate(s *stage) {
	s.t.Helper()
	s.box.Apply(seesAll)
	scrape := s.scrapeConfigs(s.must(s.kubectl("get", "servicemonitors,podmonitors,probes", "-A", "-o", "json")))
	var rules struct {
		Items []struct {
			Metadata struct{ Name, Namespace string }
			Spec     json.RawMessage
		}
	}
	s.read(s.must(s.kubectl("get", "prometheusrules", "-A", "-o", "json")), &rules)
	if len(rules.Items) == 0 {
		s.t.Fatal("staging brings no rules")
	}

	var config struct {
		Data map[string]string `json:"data"`
	}
	s.read(s.box.Must(s.box.Kubectl("-n", "monitoring", "get", "configmap", prometheus, "-o", "json")), &config)
	var whole map[string]any
	if err := yaml.Unmarshal([]byte(config.Data["prometheus.yml"]), &whole); err != nil {
		s.t.Fatal(err)
	}
	whole["scrape_configs"] = scrape
	text, err := yaml.Marshal(whole)
	if err != nil {
		s.t.Fatal(err)
	}
	data := map[string]any{"prometheus.yml": string(text)}
	for file := range config.Data {
		if strings.HasPrefix(file, "rules-") {
			data[file] = nil // of the chart behind
		}
	}
	for _, one := range rules.Items {
		data["rules-"+one.Metadata.Namespace+"-"+one.Metadata.Name+".yaml"] = string(one.Spec) // JSON is YAML
	}
	patch, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		s.t.Fatal(err)
	}
	s.box.Must(s.box.Kubectl("-n", "monitoring", "patch", "configmap", prometheus, "--type=merge", "--patch", string(patch)))
	s.box.Must(s.box.Kubectl("-n", "monitoring", "rollout", "restart", "deployment/"+prometheus))
	s.box.Must(s.box.Kubectl("-n", "monitoring", "rollout", "status", "deployment/"+prometheus, "--timeout=60s"))
	s.box.Eventually(time.Minute, "Prometheus scrapes each replica of the service once", func() (bool, string) {
		answer := s.box.Kubectl("get", "--raw", "/api/v1/namespaces/monitoring/services/"+prometheus+":9090/proxy/api/v1/query?query="+
			url.QueryEscape(`count by (job) (up{namespace="pocctl",job=~"backend.*"} == 1)`))
		return strings.Contains(answer.Stdout, `{"metric":{"job":"backend"},"value":[`) && strings.Contains(answer.Stdout, `,"2"]`), answer.Stdout + answer.Stderr
	})
}

// scrapeConfigs asks the operator's code.
func (s *stage) scrapeConfigs(monitors string) []any {
	s.t.Helper()
	program := filepath.Join(checkout(s.t), "bin", "operator")
	command := exec.CommandContext(s.t.Context(), program)
	command.Stdin = strings.NewReader(monitors)
	var made struct {
		Scrape []any `json:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(s.must(s.finish(command))), &made); err != nil || len(made.Scrape) == 0 {
		s.t.Fatalf("%d jobs to scrape, %v", len(made.Scrape), err)
	}
	return made.Scrape
}

func (s *stage) read(text string, into any) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		s.t.Fatalf("%v: %s", err, tail(text))
	}
}
