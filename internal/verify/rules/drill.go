package rules

import (
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/prometheus/common/model"
)

// DrillLabel is the label of alerts that are an exercise: by how much time is
// scaled down in them. Routes send those to nobody's pager.
const DrillLabel = "drill"

// DrillFactor is by how much the charts' exercises are quicker than life: 5 minutes
// are 15 seconds, which are a few scrapes.
const DrillFactor = 20

var (
	window   = regexp.MustCompile(`\[(\d+[smhd])\]`)
	recorded = regexp.MustCompile(`\bslo:(\w+):bad_ratio_(\d+[smhd])\b`)
)

// Drill gives the same rules with all their windows and waits shorter by a factor,
// so that what takes minutes to fire can be tried in seconds. Series and alerts of
// an exercise are told apart by their names and by DrillLabel. A window has at
// least 15 s, a few scrapes.
func (f File) Drill(factor int) (File, error) {
	var failed error
	shorter := func(text string, least time.Duration) string {
		long, err := model.ParseDuration(text)
		if err != nil {
			failed = fmt.Errorf("scale %q down: %w", text, err)
			return text
		}
		return model.Duration(max(time.Duration(long)/time.Duration(factor), least)).String()
	}
	scaled := func(expr string) string {
		expr = window.ReplaceAllStringFunc(expr, func(found string) string {
			return "[" + shorter(window.FindStringSubmatch(found)[1], 15*time.Second) + "]"
		})
		return recorded.ReplaceAllStringFunc(expr, func(found string) string {
			parts := recorded.FindStringSubmatch(found)
			return "drill:" + parts[1] + ":bad_ratio_" + shorter(parts[2], 15*time.Second)
		})
	}
	drill := File{}
	for _, group := range f.Groups {
		quick := Group{Name: "drill-" + group.Name}
		for _, rule := range group.Rules {
			rule.Expr, rule.Record = scaled(rule.Expr), scaled(rule.Record)
			if rule.For != "" {
				rule.For = shorter(rule.For, time.Second)
			}
			if rule.Alert != "" {
				rule.Labels, rule.Annotations = maps.Clone(rule.Labels), maps.Clone(rule.Annotations)
				rule.Labels[DrillLabel] = fmt.Sprint(factor)
				rule.Annotations["description"] += fmt.Sprintf(" (An exercise: all times are %d times shorter.)", factor)
			}
			quick.Rules = append(quick.Rules, rule)
		}
		drill.Groups = append(drill.Groups, quick)
	}
	return drill, failed
}
