package config

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/suggest"
)

func (e *Environment) releaseNames() []string {
	names := make([]string, 0, len(e.Releases))
	for _, release := range e.Releases {
		names = append(names, release.Name)
	}
	return names
}

func (e *Environment) validateReleases(d *document) error {
	names := e.releaseNames()
	for i, release := range e.Releases {
		key := fmt.Sprintf("releases[%d]", i)
		switch first := slices.Index(names, release.Name); {
		case release.Name == "":
			return d.invalid(key+".name", "give the release a name", "is missing")
		case !label(release.Name) || len(release.Name) > 53: // Helm's limit
			return d.invalid(key+".name", "use lower-case letters, digits and dashes, 53 at most", "is %q, which Helm does not take", release.Name)
		case first < i:
			return d.invalid(key+".name", "give it a name of its own", "is %q, as is releases[%d]", release.Name, first)
		case release.Chart == "":
			return d.invalid(key+".chart", "name a folder of charts, or give a chart's path", "is missing")
		case !label(release.Namespace):
			return d.invalid(key+".namespace", labelFix, "is %q, which Kubernetes does not take", release.Namespace)
		}
		if err := e.validateChart(d, key, release); err != nil {
			return err
		}
		for j, needed := range release.DependsOn {
			if !slices.Contains(names, needed) && needed != Definitions {
				return d.invalid(fmt.Sprintf("%s.dependsOn[%d]", key, j), fixRelease(needed, names),
					"is %q, which is no release of this environment", needed)
			}
		}
	}
	return nil
}

// Shapes of what pins a chart.
var (
	exactVersion = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$`)
	sha256Digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// validateChart wants a chart of a repository to be one that stays the same.
func (e *Environment) validateChart(d *document, key string, release Release) error {
	if release.Repository == "" {
		switch {
		case release.Version != "":
			return d.invalid(key+".version", "remove it, or name a repository", "is for charts of a repository")
		case release.Digest != "":
			return d.invalid(key+".digest", "remove it, or name a repository", "is for charts of a repository")
		}
		return nil
	}
	at, err := url.Parse(release.Repository)
	switch {
	case err != nil || at.Host == "" || !slices.Contains([]string{"https", "http", "oci"}, at.Scheme):
		return d.invalid(key+".repository", "write its URL, for example https://charts.example.com or oci://registry.example.com/charts", "is %q, which is no repository", release.Repository)
	case !label(release.Chart):
		return d.invalid(key+".chart", "name the chart alone, for example metrics-server", "is %q, which is no chart of a repository", release.Chart)
	case !exactVersion.MatchString(release.Version):
		return d.invalid(key+".version", "write the exact version, for example 1.2.3", "is %q; one version is wanted, so that every run brings the same", release.Version)
	case release.Digest != "" && !sha256Digest.MatchString(release.Digest):
		return d.invalid(key+".digest", "write sha256: and 64 hex digits, as in the repository's index.yaml", "is %q, which is no digest", release.Digest)
	}
	return nil
}

// outputReference is the output of Terraform that a text names: "$(outputs.vpc_id)",
// or a part of one, "$(outputs.role_arns.workloads.loki)".
var outputReference = regexp.MustCompile(`\$\(outputs\.([^()\s]+)\)`)

// OutputReferences gives the outputs of Terraform that value names, in order, each with
// the text that stands for it.
func OutputReferences(text string) [][]string { return outputReference.FindAllStringSubmatch(text, -1) }

// Outputs gives the outputs of Terraform that the release's values name, in order.
func (r Release) Outputs() []string {
	found := map[string]bool{}
	collectOutputs(r.Values, found)
	return sortedKeys(found)
}

func collectOutputs(value any, found map[string]bool) {
	switch value := value.(type) {
	case string:
		for _, match := range OutputReferences(value) {
			found[match[1]] = true
		}
	case map[string]any:
		for _, inner := range value {
			collectOutputs(inner, found)
		}
	case []any:
		for _, inner := range value {
			collectOutputs(inner, found)
		}
	}
}

// validateOutputs refuses outputs of Terraform where it makes nothing.
func (e *Environment) validateOutputs(d *document) error {
	if e.Kind == KindAWS {
		return nil
	}
	for i, release := range e.Releases {
		if names := release.Outputs(); len(names) > 0 {
			return d.invalid(fmt.Sprintf("releases[%d].values", i), "write the value itself, or set kind: aws",
				"names $(outputs.%s), which environments of kind aws have", names[0])
		}
	}
	return nil
}

// validateOrder refuses releases that wait for each other.
func (e *Environment) validateOrder(d *document) error {
	needs := map[string][]string{}
	for _, release := range e.Releases {
		needs[release.Name] = release.DependsOn
	}
	done := map[string]bool{}
	for i, release := range e.Releases {
		if cycle := findCycle(needs, done, nil, release.Name); cycle != nil {
			return d.invalid(fmt.Sprintf("releases[%d].dependsOn", i), "take one of these dependencies out",
				"goes round in a circle: %s", strings.Join(cycle, " -> "))
		}
	}
	return nil
}

// findCycle walks what name needs, depth first, and gives the first way back to
// a name on the path.
func findCycle(needs map[string][]string, done map[string]bool, path []string, name string) []string {
	if start := slices.Index(path, name); start >= 0 {
		return append(slices.Clone(path[start:]), name)
	}
	if done[name] {
		return nil
	}
	for _, needed := range needs[name] {
		if cycle := findCycle(needs, done, append(path, name), needed); cycle != nil {
			return cycle
		}
	}
	done[name] = true
	return nil
}

func fixRelease(name string, names []string) string {
	if near := suggest.Closest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(names) == 0 {
		return "add it under releases"
	}
	return "use one of " + strings.Join(names, ", ")
}

func sortedKeys[V any](values map[string]V) []string {
	return slices.Sorted(maps.Keys(values))
}
