package load

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Scenario is a weighted mix of operations on a set of targets that are made
// before the run and removed after it.
type Scenario struct {
	Operations []Operation
	// Targets are what {target} stands for.
	Targets Targets
	// Variables are what stands for what in templates, beside Blanks.
	Variables []Variable
}

// Operation is one kind of request. Path, Body and the values of Headers may hold
// {target}, an id from the skewed set; {made}, an id that the load made itself,
// if Path has it; {number}, the request's number; {run}, a word that no other run
// has; and the scenario's variables. Values of variables are escaped as their place
// needs it, in bodies as within quotes of JSON.
type Operation struct {
	Name   string
	Weight int // its share of the sum of weights
	Method string
	Path   string
	Body   string // JSON; empty for none
	// Headers are sent beside those of every request.
	Headers map[string]string
	// Expect lists the statuses that are no error; empty means 200 to 299.
	Expect []int
	// Cached has X-Cache: hit or miss counted.
	Cached bool
	// Makes has the answer's "id" remembered as a {made}, and removed after the run.
	Makes bool
}

// Targets are the things that a scenario works on.
type Targets struct {
	Count int
	// Skew is the exponent of the Zipf distribution by which {target} is drawn;
	// above 1, and more for fewer favourites.
	Skew float64
	// Create makes one and answers with its "id"; Delete removes {target}.
	Create, Delete Operation
}

func (s Scenario) validate() error {
	if len(s.Operations) == 0 {
		return errors.New("it has no operations")
	}
	for _, variable := range s.Variables {
		if err := variable.validate(); err != nil {
			return err
		}
	}
	for _, operation := range s.Operations {
		if operation.Weight <= 0 {
			return fmt.Errorf("%s has no weight", operation.Name)
		}
		if err := s.Unknown(operation, Blanks()); err != nil {
			return err
		}
		if strings.Contains(operation.text(), "{target}") && s.Targets.Count <= 0 {
			return fmt.Errorf("%s has no targets", operation.Name)
		}
		if !strings.Contains(operation.Path, "{made}") && strings.Contains(operation.text(), "{made}") {
			return fmt.Errorf("%s has {made}, but not in its path", operation.Name)
		}
	}
	if strings.Contains(s.Operations[0].Path, "{made}") {
		return fmt.Errorf("%s comes first, and stands in for others while nothing is made: it cannot have {made}", s.Operations[0].Name)
	}
	if s.Targets.Count <= 0 {
		return nil
	}
	if s.Targets.Skew <= 1 {
		return fmt.Errorf("a skew of %v; it has to be above 1", s.Targets.Skew)
	}
	if err := s.Unknown(s.Targets.Create, []string{"number", "run"}); err != nil {
		return err
	}
	return Scenario{}.Unknown(s.Targets.Delete, []string{"target", "run"})
}

// Unknown is an error that names what in braces an operation has that is neither a
// variable nor among names; nil if there is none.
func (s Scenario) Unknown(operation Operation, names []string) error {
	for _, name := range Names(operation.text()) {
		known := slices.Contains(names, name) || slices.ContainsFunc(s.Variables, func(v Variable) bool { return v.Name == name })
		if !known {
			return fmt.Errorf("%s has {%s}, which stands for nothing here", operation.Name, name)
		}
	}
	return nil
}

// text is all that may have names in braces.
func (o Operation) text() string {
	return o.Path + o.Body + strings.Join(slices.Collect(maps.Values(o.Headers)), "")
}
