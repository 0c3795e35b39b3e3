package config

import (
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pocctl/pocctl/internal/fault"
)

// ObjectiveSource says what measures an objective.
type ObjectiveSource string

// The sources of objectives.
const (
	FromLoad        ObjectiveSource = "load"        // the load generator of `verify --slo`
	FromMetrics     ObjectiveSource = "metrics"     // Prometheus
	FromDeployments ObjectiveSource = "deployments" // the journals of past runs
)

// Indicator is the quantity that an objective limits.
type Indicator string

// The indicators. Those of FromLoad are read from answers as a client sees them.
const (
	Latency             Indicator = "latency"      // time to an answer, at Objective.Quantile
	ErrorRate           Indicator = "error-rate"   // requests that did not get the answer they should
	Availability        Indicator = "availability" // requests that the service answered at all, 5xx aside
	CacheHit            Indicator = "cache-hit"    // cacheable reads served from the cache
	DatabaseCPU         Indicator = "database-cpu"
	DatabaseConnections Indicator = "database-connections"
	DeploymentSuccess   Indicator = "deployment-success"
)

// indicators says who measures each, in what unit, and which way is better.
var indicators = []struct {
	name    Indicator
	source  ObjectiveSource
	unit    string
	ceiling bool // the objective is an upper limit
}{
	{Latency, FromLoad, "ms", true},
	{ErrorRate, FromLoad, "%", true},
	{Availability, FromLoad, "%", false},
	{CacheHit, FromLoad, "%", false},
	{DatabaseCPU, FromMetrics, "%", true},
	{DatabaseConnections, FromMetrics, "%", true},
	{DeploymentSuccess, FromDeployments, "%", false},
}

// Objective is one service level objective.
type Objective struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Source      ObjectiveSource `json:"source"`
	Indicator   Indicator       `json:"indicator"`
	// Quantile is the share of requests that a latency objective is about: 0.95 for p95.
	Quantile float64 `json:"quantile"`
	// Target is the limit as written, for example "<300ms".
	Target string `json:"target"`
	// Limit is Target, read.
	Limit Limit `json:"-"`
}

// Limit is what an indicator has to stay below or reach.
type Limit struct {
	Operator string  // "<", "<=", ">" or ">="
	Value    float64 // in Unit
	Unit     string  // "ms" or "%"
}

// String writes the limit the way ParseLimit reads it.
func (l Limit) String() string {
	return l.Operator + strconv.FormatFloat(l.Value, 'f', -1, 64) + l.Unit
}

// Ceiling says whether the limit is an upper one.
func (l Limit) Ceiling() bool { return strings.HasPrefix(l.Operator, "<") }

var limitForm = regexp.MustCompile(`^(<=?|>=?) ?([0-9]+(?:\.[0-9]+)?) ?(ms|s|%)$`)

// ParseLimit reads an operator, a number and a unit (ms, s or %); seconds become
// milliseconds. Its errors say what is wrong in words that follow the text.
func ParseLimit(text string) (Limit, error) {
	parts := limitForm.FindStringSubmatch(text)
	if parts == nil {
		return Limit{}, fmt.Errorf("%q is no limit", text)
	}
	value, err := strconv.ParseFloat(parts[2], 64)
	if err != nil || math.IsInf(value, 0) {
		return Limit{}, fmt.Errorf("%q is out of range", text)
	}
	limit := Limit{Operator: parts[1], Value: value, Unit: parts[3]}
	if limit.Unit == "s" {
		limit.Value, limit.Unit = limit.Value*1000, "ms"
	}
	if limit.Value <= 0 || limit.Unit == "%" && limit.Value >= 100 {
		return Limit{}, fmt.Errorf("%q leaves nothing to measure", text)
	}
	return limit, nil
}

// Objectives are the service level objectives, in the order of the file.
type Objectives []Objective

// From gives the objectives that source measures.
func (o Objectives) From(source ObjectiveSource) Objectives {
	return slices.DeleteFunc(slices.Clone(o), func(objective Objective) bool { return objective.Source != source })
}

// Objectives reads the source's slo.yaml.
func (s Source) Objectives() (Objectives, error) {
	const file = "slo.yaml"
	shown := "config/" + file
	if s.Directory != "" {
		shown = filepath.Join(s.Directory, file)
	}
	data, err := fs.ReadFile(s.Files, file)
	if err != nil {
		return nil, fault.New(fault.ConfigUnreadable, "path", shown).Because(plain(err))
	}
	return ReadObjectives(shown, data)
}

// ReadObjectives reads slo.yaml; path is its name in messages. What it refuses
// is a fault.ConfigInvalid that names line, key and fix.
func ReadObjectives(path string, data []byte) (Objectives, error) {
	var file struct {
		Objectives Objectives `json:"objectives"`
	}
	d, err := parse(path, data, &file)
	if err != nil {
		return nil, err
	}
	if len(file.Objectives) == 0 {
		return nil, d.invalid("objectives", "list at least one objective under it", "is empty")
	}
	for i := range file.Objectives {
		if err := d.objective(i, file.Objectives); err != nil {
			return nil, err
		}
	}
	return file.Objectives, nil
}

var objectiveName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func (d *document) objective(at int, all Objectives) error {
	key := fmt.Sprintf("objectives[%d]", at)
	objective := &all[at]
	if !objectiveName.MatchString(objective.Name) {
		return d.invalid(key+".name", "use small letters, digits and dashes, for example latency-p95", "is %q", objective.Name)
	}
	if slices.ContainsFunc(all[:at], func(other Objective) bool { return other.Name == objective.Name }) {
		return d.invalid(key+".name", "give every objective a name of its own", "%s is used twice", objective.Name)
	}
	known := make([]string, len(indicators))
	for i, indicator := range indicators {
		known[i] = string(indicator.name)
		if indicator.name != objective.Indicator {
			continue
		}
		if objective.Source == "" {
			objective.Source = indicator.source
		}
		if objective.Source != indicator.source {
			return d.invalid(key+".source", "write source: "+string(indicator.source), "is %q, which does not measure %s", objective.Source, indicator.name)
		}
		return d.target(key, objective, indicator.unit, indicator.ceiling)
	}
	return d.invalid(key+".indicator", "use one of "+strings.Join(known, ", "), "is %q", objective.Indicator)
}

func (d *document) target(key string, objective *Objective, unit string, ceiling bool) error {
	example := map[bool]string{true: "<", false: ">="}[ceiling] + map[string]string{"ms": "300ms", "%": "85%"}[unit]
	limit, err := ParseLimit(objective.Target)
	if err != nil {
		return d.invalid(key+".target", "write an operator, a number and a unit, for example "+strconv.Quote(example), "%s", err)
	}
	if limit.Unit != unit || limit.Ceiling() != ceiling {
		return d.invalid(key+".target", "write it like "+strconv.Quote(example), "%q does not fit %s", objective.Target, objective.Indicator)
	}
	latency := objective.Indicator == Latency
	if latency && (objective.Quantile <= 0 || objective.Quantile >= 1) {
		return d.invalid(key+".quantile", "write a share between 0 and 1, for example 0.95", "is %v", objective.Quantile)
	}
	if !latency && objective.Quantile != 0 {
		return d.invalid(key+".quantile", "remove it: only latency has one", "does not fit %s", objective.Indicator)
	}
	objective.Limit = limit
	return nil
}
