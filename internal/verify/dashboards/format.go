package dashboards

import (
	"regexp"
	"strings"
)

var legendLabel = regexp.MustCompile(`{{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*}}`)

// named is the legend with a series' labels in it.
func (q Query) named(labels map[string]string) string {
	name := strings.Join(strings.Fields(legendLabel.ReplaceAllStringFunc(q.Legend, func(place string) string {
		return labels[legendLabel.FindStringSubmatch(place)[1]]
	})), " ")
	if name == "" {
		return "(no labels)"
	}
	return name
}
