// Package k6 writes a load as a script for k6, so that those who have k6 can send the
// same requests with it. It is text alone: nothing of k6 is linked.
package k6

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/verify/load"
)

//go:embed script.js.tmpl
var script string

// Options say what a script sends, and what it is judged by.
type Options struct {
	// Name is that of the load, for example steady.
	Name     string
	Scenario load.Scenario
	Stages   []load.Stage
	// Objectives become thresholds: those that a load measures.
	Objectives config.Objectives
}

// page is what the template shows; all texts are JavaScript.
type page struct {
	Name       string
	Operations []operation
	Total      int // of weights
	Targets    int
	Skew       string
	Create     operation
	Delete     operation
	Variables  []variable
	Stages     []stage
	Thresholds []threshold
}

type operation struct {
	Name, Method, Path, Body, Headers, Expect string
	Well                                      string // the condition on a status
	Weight                                    int
	Cached, Makes, Uses                       bool // Uses what was made
}

type variable struct {
	Name, Values string
	InOrder      bool
}

type stage struct {
	Name, Start, Duration string
	Rate, From            int
	Ramp, Measured        bool
	Least, Most           int // virtual users
}

type threshold struct{ Metric, Limit string }

// Script writes the script. Its errors are of loads that k6 has no words for: rates that
// are no whole numbers.
func Script(o Options) ([]byte, error) {
	shown := page{Name: o.Name, Targets: o.Scenario.Targets.Count, Skew: fmt.Sprint(o.Scenario.Targets.Skew), Thresholds: thresholds(o.Objectives)}
	names := load.Blanks()
	for _, one := range o.Scenario.Variables {
		names = append(names, one.Name)
		shown.Variables = append(shown.Variables, variable{Name: one.Name, Values: quote(one.Values), InOrder: one.InOrder})
	}
	for _, one := range o.Scenario.Operations {
		shown.Operations = append(shown.Operations, operationOf(one, names))
		shown.Total += one.Weight
	}
	shown.Create, shown.Delete = operationOf(o.Scenario.Targets.Create, names), operationOf(o.Scenario.Targets.Delete, names)
	var begin time.Duration
	for i, one := range o.Stages {
		made, err := stageOf(i, one, begin)
		if err != nil {
			return nil, err
		}
		shown.Stages, begin = append(shown.Stages, made), begin+one.Duration
	}
	made, err := template.New("script").Parse(script)
	if err != nil {
		return nil, fmt.Errorf("write k6's script: %w", err)
	}
	var text bytes.Buffer
	if err := made.Execute(&text, shown); err != nil {
		return nil, fmt.Errorf("write k6's script: %w", err)
	}
	return text.Bytes(), nil
}

// stageOf has as many virtual users as requests are due in the time that one may take.
func stageOf(number int, one load.Stage, begin time.Duration) (stage, error) {
	const timeout, quick = 5, 0.2 // seconds
	peak := max(one.Rate, one.From)
	made := stage{
		Name: quote(fmt.Sprintf("%d_%s", number+1, word(one.Name))), Start: quote(begin.String()), Duration: quote(one.Duration.String()),
		Rate: int(one.Rate), From: int(one.From), Ramp: one.Climb, Measured: !one.Warmup,
		Least: int(math.Ceil(peak * quick)), Most: int(math.Ceil(peak * timeout)),
	}
	if float64(made.Rate) != one.Rate || float64(made.From) != one.From {
		return made, fmt.Errorf("write k6's script: stage %s: k6 knows whole rates alone, not %v", one.Name, one.Rate)
	}
	return made, nil
}

// word is a name as k6 allows it in those of scenarios.
func word(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
}

func operationOf(one load.Operation, names []string) operation {
	made := operation{
		Name: quote(one.Name), Method: quote(one.Method), Weight: one.Weight, Cached: one.Cached, Makes: one.Makes,
		Path: filled(one.Path, "path", names), Body: "null", Uses: slices.Contains(load.Names(one.Path), "made"),
		Expect: "{ min: 200, max: 299 }", Well: "status >= 200 && status <= 299",
	}
	if one.Body != "" {
		made.Body = filled(one.Body, "body", names)
	}
	var headers []string
	for _, name := range slices.Sorted(maps.Keys(one.Headers)) {
		headers = append(headers, quote(name)+": "+filled(one.Headers[name], "header", names))
	}
	made.Headers = "{ " + strings.Join(headers, ", ") + " }"
	if headers == nil {
		made.Headers = "{}"
	}
	var statuses []string
	for _, status := range one.Expect {
		statuses = append(statuses, fmt.Sprint(status))
	}
	if statuses != nil {
		made.Expect = strings.Join(statuses, ", ")
		made.Well = "[" + made.Expect + "].includes(status)"
	}
	return made
}

// filled is an expression that puts values into a text, escaped for their place.
func filled(text, place string, names []string) string {
	var parts []string
	for {
		found := load.Names(text)
		at := -1
		name := ""
		for _, one := range found {
			if slices.Contains(names, one) {
				name, at = one, strings.Index(text, "{"+one+"}")
				break
			}
		}
		if at < 0 {
			break
		}
		if at > 0 {
			parts = append(parts, quote(text[:at]))
		}
		parts = append(parts, fmt.Sprintf("as.%s(values.%s)", place, name))
		text = text[at+len(name)+2:]
	}
	if text != "" || parts == nil {
		parts = append(parts, quote(text))
	}
	return strings.Join(parts, " + ")
}

// thresholds are the objectives in k6's words. Only what is measured counts.
func thresholds(objectives config.Objectives) []threshold {
	const measured = "{measured:yes}"
	made := []threshold{{"dropped_iterations", "count==0"}}
	for _, objective := range objectives.From(config.FromLoad) {
		limit := objective.Limit
		share := func(good float64) string { return fmt.Sprint(math.Round(good*1e7) / 1e9) }
		turned := map[string]string{"<": ">", "<=": ">=", ">": ">", ">=": ">="}[limit.Operator]
		switch objective.Indicator {
		case config.Latency:
			made = append(made, threshold{"http_req_duration" + measured, fmt.Sprintf("p(%v)%s%v", math.Round(objective.Quantile*1e5)/1e3, limit.Operator, limit.Value)})
		case config.ErrorRate:
			made = append(made, threshold{"answered_well" + measured, "rate" + turned + share(100-limit.Value)})
		case config.Availability:
			made = append(made, threshold{"available" + measured, "rate" + turned + share(limit.Value)})
		case config.CacheHit:
			made = append(made, threshold{"cache_hit" + measured, "rate" + turned + share(limit.Value)})
		case config.DatabaseCPU, config.DatabaseConnections, config.DeploymentSuccess:
		}
	}
	for i := range made {
		made[i].Metric, made[i].Limit = quote(made[i].Metric), quote(made[i].Limit)
	}
	return made
}

// quote writes a value as JavaScript.
func quote(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // texts and lists of them always have a form
	return strings.TrimSpace(text.String())
}
