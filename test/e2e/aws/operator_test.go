package aws

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
		answer := s.kubectl("get", "--raw", "/api/v1/namespaces/monitoring/services/"+prometheus+":9090/proxy/api/v1/query?query="+
			url.QueryEscape(`count by (job) (up{namespace="pocctl",job=~"backend.*"} == 1)`))
		return strings.Contains(answer.stdout, `{"metric":{"job":"backend"},"value":[`) && strings.Contains(answer.stdout, `,"2"]`), answer.stdout + answer.stderr
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
	config := strings.ReplaceAll(s.must(s.finish(command)), "$(SHARD)", "0") // as its reloader does
	if err := yaml.Unmarshal([]byte(config), &made); err != nil || len(made.Scrape) == 0 {
		s.t.Fatalf("%d jobs to scrape, %v", len(made.Scrape), err)
	}
	return s.byPods(made.Scrape)
}

// byPods has jobs find pods by the Services that they would find endpoints of: one job
// for each Service that the operator's rules keep, with the labels that it would have.
func (s *stage) byPods(jobs []any) []any {
	s.t.Helper()
	var services struct {
		Items []service
	}
	s.read(s.must(s.kubectl("get", "services", "-A", "-o", "json")), &services)
	var made []any
	for _, one := range jobs {
		job, _ := one.(map[string]any)
		discovery, _ := job["kubernetes_sd_configs"].([]any)
		if len(discovery) == 0 {
			made = append(made, job)
			continue
		}
		from, _ := discovery[0].(map[string]any)
		if from["role"] != "endpoints" {
			made = append(made, job)
			continue
		}
		namespaces, _ := from["namespaces"].(map[string]any)
		for _, service := range services.Items {
			if names, _ := namespaces["names"].([]any); slices.Contains(names, any(service.Metadata.Namespace)) && service.kept(job) {
				made = append(made, service.job(job))
			}
		}
	}
	return made
}

type service struct {
	Metadata struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Spec struct {
		Selector map[string]string
		Ports    []struct {
			Name       string
			TargetPort any
		}
	}
}

var notInLabels = regexp.MustCompile(`[^a-zA-Z0-9_]`)

// kept says whether a job's rules about labels of Services keep this one.
func (s service) kept(job map[string]any) bool {
	rules, _ := job["relabel_configs"].([]any)
	for _, one := range rules {
		rule, _ := one.(map[string]any)
		sources, _ := rule["source_labels"].([]any)
		if rule["action"] != "keep" || len(sources) == 0 {
			continue
		}
		name, is := strings.CutPrefix(fmt.Sprint(sources[0]), "__meta_kubernetes_service_label_")
		if !is {
			continue
		}
		found := false
		for label, value := range s.Metadata.Labels {
			found = found || notInLabels.ReplaceAllString(label, "_") == name && fmt.Sprint(rule["regex"]) == "("+value+");true"
		}
		if !found {
			return false
		}
	}
	return true
}

// job finds this Service's pods, and has the labels that endpoints of it have.
func (s service) job(of map[string]any) map[string]any {
	made := maps.Clone(of)
	made["job_name"] = fmt.Sprint(of["job_name"], "/", s.Metadata.Name)
	var selector []string
	for _, label := range slices.Sorted(maps.Keys(s.Spec.Selector)) {
		selector = append(selector, label+"="+s.Spec.Selector[label])
	}
	made["kubernetes_sd_configs"] = []any{map[string]any{
		"role": "pod", "namespaces": map[string]any{"names": []any{s.Metadata.Namespace}},
		"selectors": []any{map[string]any{"role": "pod", "label": strings.Join(selector, ",")}},
	}}
	set := func(label, value string) any {
		return map[string]any{"target_label": "__meta_kubernetes_" + label, "replacement": strings.ReplaceAll(value, "$", "$$")}
	}
	rules := []any{
		set("service_name", s.Metadata.Name), set("endpoint_address_target_kind", "Pod"),
		map[string]any{"source_labels": []any{"__meta_kubernetes_pod_name"}, "target_label": "__meta_kubernetes_endpoint_address_target_name"},
		map[string]any{"source_labels": []any{"__meta_kubernetes_pod_phase"}, "regex": "Running", "action": "keep"},
	}
	for label, value := range s.Metadata.Labels {
		name := notInLabels.ReplaceAllString(label, "_")
		rules = append(rules, set("service_label_"+name, value), set("service_labelpresent_"+name, "true"))
	}
	for _, port := range s.Spec.Ports {
		rules = append(rules, map[string]any{
			"source_labels": []any{"__meta_kubernetes_pod_container_port_name"}, "regex": fmt.Sprint(port.TargetPort),
			"target_label": "__meta_kubernetes_endpoint_port_name", "replacement": port.Name,
		})
	}
	own, _ := of["relabel_configs"].([]any)
	made["relabel_configs"] = append(rules, own...)
	return made
}

func (s *stage) read(text string, into any) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		s.t.Fatalf("%v: %s", err, tail(text))
	}
}
