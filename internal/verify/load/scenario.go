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
	// Terms are what {term} stands for.
	Terms []string
}

// Operation is one kind of request. Path, Body and the values of Headers may hold
// {target}, an id from the skewed set; {made}, an id that the load made itself,
// if Path has it; {term}; {number}, the request's number; and {run}, a word that
// no other run has.
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
	for _, operation := range s.Operations {
		text := operation.Path + operation.Body + strings.Join(slices.Collect(maps.Values(operation.Headers)), "")
		switch {
		case operation.Weight <= 0:
			return fmt.Errorf("%s has no weight", operation.Name)
		case strings.Contains(text, "{target}") && s.Targets.Count <= 0:
			return fmt.Errorf("%s has no targets", operation.Name)
		case strings.Contains(text, "{term}") && len(s.Terms) == 0:
			return fmt.Errorf("%s has no terms", operation.Name)
		}
	}
	if s.Targets.Count > 0 && s.Targets.Skew <= 1 {
		return fmt.Errorf("a skew of %v; it has to be above 1", s.Targets.Skew)
	}
	return nil
}
