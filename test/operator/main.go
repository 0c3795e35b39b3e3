// Command operator gives the scrape configuration that the Prometheus Operator makes of
// monitors: it reads a List of ServiceMonitors, PodMonitors and Probes as JSON, and
// prints `scrape_configs`. It is a module of its own, since nothing of it is a part of
// the product.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus-operator/prometheus-operator/pkg/assets"
	"github.com/prometheus-operator/prometheus-operator/pkg/prometheus"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "operator:", err)
		os.Exit(1)
	}
}

// monitors are by namespace and name.
type monitors struct {
	services map[string]*monitoring.ServiceMonitor
	pods     map[string]*monitoring.PodMonitor
	probes   map[string]*monitoring.Probe
}

func run(in io.Reader, out io.Writer) error {
	found, err := read(in)
	if err != nil {
		return fmt.Errorf("read monitors: %w", err)
	}
	config, err := generate(found)
	if err != nil {
		return fmt.Errorf("generate the configuration: %w", err)
	}
	var whole struct {
		Scrape []any `json:"scrape_configs"`
	}
	if err := yaml.Unmarshal(config, &whole); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	text, err := yaml.Marshal(whole)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func read(in io.Reader) (monitors, error) {
	found := monitors{map[string]*monitoring.ServiceMonitor{}, map[string]*monitoring.PodMonitor{}, map[string]*monitoring.Probe{}}
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.NewDecoder(in).Decode(&list); err != nil {
		return found, err
	}
	for _, item := range list.Items {
		var head meta.PartialObjectMetadata
		if err := json.Unmarshal(item, &head); err != nil {
			return found, err
		}
		key := head.Namespace + "/" + head.Name
		var err error
		switch head.Kind {
		case monitoring.ServiceMonitorsKind:
			found.services[key], err = decode[monitoring.ServiceMonitor](item)
		case monitoring.PodMonitorsKind:
			found.pods[key], err = decode[monitoring.PodMonitor](item)
		case monitoring.ProbesKind:
			found.probes[key], err = decode[monitoring.Probe](item)
		default:
			err = fmt.Errorf("%s is of kind %q", key, head.Kind)
		}
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

func decode[T any](item json.RawMessage) (*T, error) {
	made := new(T)
	return made, json.Unmarshal(item, made)
}

func generate(found monitors) ([]byte, error) {
	server := &monitoring.Prometheus{
		ObjectMeta: meta.ObjectMeta{Namespace: "monitoring", Name: "kube-prometheus-stack-prometheus"},
		Spec:       monitoring.PrometheusSpec{EvaluationInterval: "5s"},
	}
	generator, err := prometheus.NewConfigGenerator(nil, server)
	if err != nil {
		return nil, err
	}
	return generator.GenerateServerConfiguration(server, found.services, found.pods, found.probes, nil,
		assets.NewTestStoreBuilder(), nil, nil, nil, nil)
}
