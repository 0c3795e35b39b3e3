// Package contract knows every signal that the service is to give: metrics, spans
// and lines of the log, as contract.yaml lists them. Tests hold what a running
// service gives against it, so that no signal is lost, renamed or added unnoticed.
package contract

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed contract.yaml
var file []byte

// Contract is all signals.
type Contract struct {
	Metrics []*Metric `yaml:"metrics"`
	Spans   []*Span   `yaml:"spans"`
	Logs    []*Event  `yaml:"logs"`
}

// Metric is a metric, or a family of them that a library gives.
type Metric struct {
	// Name as it is scraped. A * at the end stands for any rest.
	Name string `yaml:"name"`
	// Type is counter, gauge, histogram or summary; "any" of a family.
	Type string `yaml:"type"`
	// Unit by the UCUM, as the semantic conventions have it: s, By, {request}; 1
	// for none.
	Unit string `yaml:"unit"`
	Help string `yaml:"help"`
	// Since is the first release that had it.
	Since string `yaml:"since"`
	// When says what has to happen before it is there; empty is nothing.
	When string `yaml:"when"`
	// Labels by name. "any" labels are those of a family.
	Labels map[string]Values `yaml:"labels"`
	// Exemplars says that it names traces.
	Exemplars bool `yaml:"exemplars"`
}

// Span is a kind of span.
type Span struct {
	// Name is a pattern of names.
	Name Values `yaml:"name"`
	// Kind is server, client, consumer, producer or internal.
	Kind string `yaml:"kind"`
	// Scope is the name of its tracer.
	Scope string `yaml:"scope"`
	Help  string `yaml:"help"`
	Since string `yaml:"since"`
	// When says what has to happen before it is there; empty is nothing.
	When string `yaml:"when"`
	// Attributes are on every one, Optional on some.
	Attributes map[string]Values `yaml:"attributes"`
	Optional   map[string]Values `yaml:"optional"`
	// Events are the names of those that it may have.
	Events []string `yaml:"events"`
}

// Event is a kind of line of the log. All have level, time and message.
type Event struct {
	// Message is the same for all of its lines; empty is any of its Logger.
	Message string `yaml:"message"`
	// Logger is the name of a library's logger.
	Logger string   `yaml:"logger"`
	Levels []string `yaml:"levels"`
	Help   string   `yaml:"help"`
	Since  string   `yaml:"since"`
	// When says what has to happen before it is there; empty is nothing.
	When string `yaml:"when"`
	// Fields are on every line, Optional on some.
	Fields   map[string]Values `yaml:"fields"`
	Optional map[string]Values `yaml:"optional"`
}

// Values says what a value may be: one of a list, text that matches a pattern as a
// whole (written ~pattern), or of a type: text, number, bool, list, object or any.
type Values struct {
	list    []string
	pattern *regexp.Regexp
	kind    string
}

// UnmarshalYAML reads a list, ~pattern, or the name of a type.
func (v *Values) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.SequenceNode {
		return node.Decode(&v.list)
	}
	if err := node.Decode(&v.kind); err != nil {
		return err
	}
	if written, is := strings.CutPrefix(v.kind, "~"); is {
		compiled, err := regexp.Compile("^(?:" + written + ")$")
		v.pattern = compiled
		return err
	}
	if !slices.Contains([]string{"text", "number", "bool", "list", "object", "any"}, v.kind) {
		return fmt.Errorf("line %d: %q is no type of values", node.Line, v.kind)
	}
	return nil
}

// String is for people.
func (v Values) String() string {
	switch {
	case v.list != nil:
		return strings.Join(v.list, ", ")
	case v.pattern != nil:
		return strings.TrimPrefix(v.kind, "~")
	}
	return v.kind
}

// allow tells whether the value is one that may be.
func (v Values) allow(value any) bool {
	text, isText := value.(string)
	switch {
	case v.list != nil:
		return slices.Contains(v.list, fmt.Sprint(value))
	case v.pattern != nil:
		return v.pattern.MatchString(fmt.Sprint(value))
	}
	switch v.kind {
	case "text":
		return isText && text != ""
	case "any":
		return true
	}
	return v.kind == kindOf(value)
}

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case bool:
		return "bool"
	case int, int64, float64:
		return "number"
	case []any, []string:
		return "list"
	case map[string]any:
		return "object"
	}
	return fmt.Sprintf("%T", value)
}

// Load reads the contract that is built in.
func Load() (*Contract, error) { return read(file) }

func read(text []byte) (*Contract, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var c Contract
	if err := decoder.Decode(&c); err != nil {
		return nil, fmt.Errorf("read the telemetry contract: %w", err)
	}
	var problems []error
	names := map[string]bool{}
	check := func(name, help, since string, ok bool) {
		if names[name] || help == "" || since == "" || !ok {
			problems = append(problems, fmt.Errorf("read the telemetry contract: %q is there twice, or lacks something", name))
		}
		names[name] = true
	}
	for _, m := range c.Metrics {
		check(m.Name, m.Help, m.Since, m.Unit != "" && slices.Contains([]string{"counter", "gauge", "histogram", "summary", "any"}, m.Type))
	}
	for _, s := range c.Spans {
		check(s.Scope+": "+s.Name.String(), s.Help, s.Since, s.Scope != "" && slices.Contains([]string{"server", "client", "consumer", "producer", "internal"}, s.Kind))
	}
	for _, e := range c.Logs {
		check(e.Logger+": "+e.Message, e.Help, e.Since, len(e.Levels) > 0 && e.Logger+e.Message != "")
	}
	return &c, errors.Join(problems...)
}

// Kind says what is wrong.
type Kind string

// The kinds of problems.
const (
	Missing Kind = "missing" // in the contract, and wasn't there
	Unknown Kind = "unknown" // was there, and isn't in the contract
	Wrong   Kind = "wrong"   // was there, and isn't as the contract has it
)

// Problem is a difference from the contract.
type Problem struct {
	Kind   Kind
	Signal string // its name
	Detail string
}

func (p Problem) String() string {
	if p.Detail == "" {
		return fmt.Sprintf("%s: %s", p.Signal, p.Kind)
	}
	return fmt.Sprintf("%s: %s: %s", p.Signal, p.Kind, p.Detail)
}

// report gathers problems, each once.
type report struct{ problems []Problem }

func (r *report) add(kind Kind, signal, detail string, args ...any) {
	problem := Problem{kind, signal, fmt.Sprintf(detail, args...)}
	if !slices.Contains(r.problems, problem) {
		r.problems = append(r.problems, problem)
	}
}

// fields compares values by name with those that have to be there and may be.
func (r *report) fields(signal, what string, got map[string]any, required, optional map[string]Values) {
	for name, values := range required {
		if value, has := got[name]; !has {
			r.add(Wrong, signal, "no %s %s", what, name)
		} else if !values.allow(value) {
			r.add(Wrong, signal, "%s %s is %v, not %s", what, name, value, values)
		}
	}
	for name, value := range got {
		if _, is := required[name]; is {
			continue
		}
		values, is := optional[name]
		switch {
		case !is:
			r.add(Wrong, signal, "%s %s isn't in the contract", what, name)
		case !values.allow(value):
			r.add(Wrong, signal, "%s %s is %v, not %s", what, name, value, values)
		}
	}
}

func (r *report) sorted() []Problem {
	slices.SortFunc(r.problems, func(a, b Problem) int { return strings.Compare(a.String(), b.String()) })
	return r.problems
}
