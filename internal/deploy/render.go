package deploy

import (
	"strings"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"

	"github.com/pocctl/pocctl/internal/fault"
)

// Rendered is what a chart and its values come to.
type Rendered struct {
	Manifest string // YAML documents
	Hooks    []string
	Notes    string
}

// Render fills in a release's templates without a cluster, for checks before
// anything is touched. Bad values are a fault.ValuesInvalid.
func Render(r Release) (*Rendered, error) {
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.ClientOnly = true
	install.DryRun = true
	install.ReleaseName = r.Name
	install.Namespace = r.Namespace
	install.KubeVersion = &chartutil.KubeVersion{Version: "v1.37.0", Major: "1", Minor: "37"}
	if install.Namespace == "" {
		install.Namespace = "default"
	}
	values, err := r.normalValues()
	if err != nil {
		return nil, err
	}
	rendered, err := install.Run(r.Chart, values)
	if err != nil {
		return nil, r.renderFault(err)
	}
	return &Rendered{Manifest: rendered.Manifest, Hooks: hookManifests(rendered), Notes: rendered.Info.Notes}, nil
}

func hookManifests(r *release.Release) []string {
	all := make([]string, 0, len(r.Hooks))
	for _, hook := range r.Hooks {
		all = append(all, hook.Manifest)
	}
	return all
}

// isRenderError says that Helm failed before it touched the cluster.
func isRenderError(err error) bool {
	text := err.Error()
	for _, sign := range []string{"values don't meet the specifications", "execution error at", "template: ", "parse error at", "YAML parse error", "chart requires kubeVersion"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// renderFault tells values that do not fit the chart from a chart that is broken.
func (r Release) renderFault(err error) error {
	text := strings.TrimSpace(err.Error())
	if schema, found := strings.CutPrefix(text, "values don't meet the specifications of the schema(s) in the following chart(s):"); found {
		return fault.New(fault.ValuesInvalid, "release", r.Name, "detail", strings.Join(schemaLines(schema), "; "))
	}
	if strings.Contains(text, "execution error at") || strings.Contains(text, "error calling fail") {
		return fault.New(fault.ValuesInvalid, "release", r.Name, "detail", text)
	}
	return fault.New(fault.ChartInvalid, "chart", r.Chart.Name(), "detail", text)
}

// schemaLines keeps the complaints and drops the heading of each chart.
func schemaLines(text string) []string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "- "))
		if line != "" && !strings.HasSuffix(line, ":") {
			lines = append(lines, line)
		}
	}
	return lines
}
