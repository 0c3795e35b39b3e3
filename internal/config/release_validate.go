package config

import (
	"fmt"
	"maps"
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
		for j, needed := range release.DependsOn {
			if !slices.Contains(names, needed) && needed != Definitions {
				return d.invalid(fmt.Sprintf("%s.dependsOn[%d]", key, j), fixRelease(needed, names),
					"is %q, which is no release of this environment", needed)
			}
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
