// Package collector_test has the real OpenTelemetry collector read the configurations
// that the chart observability gives it.
package collector_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/nopexporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	"gopkg.in/yaml.v3"
)

const rendered = "../../charts/testdata/observability"

// factories are of the parts that the chart names; the image has them, and more.
func factories() (otelcol.Factories, error) {
	made := otelcol.Factories{Telemetry: otelconftelemetry.NewFactory()}
	var err error
	if made.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory(), filelogreceiver.NewFactory()); err != nil {
		return made, err
	}
	if made.Processors, err = otelcol.MakeFactoryMap[processor.Factory](batchprocessor.NewFactory(), memorylimiterprocessor.NewFactory()); err != nil {
		return made, err
	}
	if made.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](otlpexporter.NewFactory(), otlphttpexporter.NewFactory(), nopexporter.NewFactory()); err != nil {
		return made, err
	}
	made.Extensions, err = otelcol.MakeFactoryMap[extension.Factory](healthcheckextension.NewFactory())
	return made, err
}

// configurations gives those of a golden file's ConfigMaps, by name.
func configurations(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, document := range strings.Split(string(text), "\n---\n") {
		var object struct {
			Kind     string
			Metadata struct{ Name string }
			Data     map[string]string
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil || object.Kind != "ConfigMap" {
			continue // the notes, or something else
		}
		if name := object.Metadata.Name; strings.HasSuffix(name, "-collector") || strings.HasSuffix(name, "-agent") {
			found[name] = object.Data["config.yaml"]
		}
	}
	return found
}

func check(t *testing.T, config string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	collector, err := otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo: component.NewDefaultBuildInfo(), Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs: []string{"file:" + file}, ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return collector.DryRun(t.Context())
}

func TestTheCollectorTakesWhatTheChartGivesIt(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(rendered, "*.golden.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no rendered charts: %v", err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		for name, config := range configurations(t, file) {
			seen[name] = true
			if err := check(t, config); err != nil {
				t.Errorf("%s of %s: %v", name, filepath.Base(file), err)
			}
		}
	}
	for _, name := range []string{"observability-collector", "observability-agent"} {
		if !seen[name] {
			t.Errorf("no case renders %s", name)
		}
	}
}

// What is wrong is refused, so that the test above says something.
func TestTheCollectorRefusesWhatIsWrong(t *testing.T) {
	const rest = "exporters: {nop: }\nservice: {pipelines: {logs: {receivers: [file_log], exporters: [nop]}}}\n"
	for name, config := range map[string]string{
		"a key that isn't there":   "receivers: {file_log: {inlcude: [/a]}}\n" + rest,
		"an operator that is none": "receivers: {file_log: {include: [/a], operators: [{type: contaner}]}}\n" + rest,
		"an expression that isn't": "receivers: {file_log: {include: [/a], operators: [{type: json_parser, if: 'body matches '}]}}\n" + rest,
	} {
		if err := check(t, config); err == nil {
			t.Errorf("it takes %s", name)
		}
	}
}
