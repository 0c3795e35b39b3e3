// Package flow runs a list of steps: in order, side by side where dependencies
// allow, within a budget, and with a journal of what happened. It knows nothing
// of what the steps do.
package flow

import (
	"context"
	"time"
)

// Step is one piece of work. The list of steps is the only description of a
// run: plan prints it, up runs it, down walks it backwards.
type Step struct {
	// Name is "phase/step", for example "provision/network".
	Name string
	// DependsOn lists other steps' names; steps that do not depend on each
	// other run side by side.
	DependsOn []string
	// Describe says in one line what Run would do.
	Describe func() string
	// Check says whether the world is already as Run would leave it. It is asked
	// on every run, and a step that is so is not run. Nil means: always run.
	Check func(context.Context) (bool, error)
	// Run does the work. It ends when ctx does.
	Run func(context.Context, *Log) error
	// Undo takes Run's effect back; nil where there is nothing to undo.
	Undo func(context.Context, *Log) error
	// Budget is the step's share of the run's budget: passing it is reported.
	Budget time.Duration
	// Deadline ends Check and Run together, or Undo; zero means
	// DefaultDeadline. Waiting for a person (Log.Pause) does not count.
	Deadline time.Duration
}

// DefaultDeadline ends a step that names no deadline of its own.
const DefaultDeadline = 10 * time.Minute

// Status is how a run, phase or step ended.
type Status string

// The statuses of the contract.
const (
	Passed      Status = "passed"
	Failed      Status = "failed"
	Skipped     Status = "skipped"
	Interrupted Status = "interrupted"
)

// Result is what a run did, in the contract's JSON form (pocctl.run/v1).
type Result struct {
	Run           string        `json:"run"` // ULID
	Env           string        `json:"env"`
	Command       string        `json:"command"` // "up", "down", …
	Status        Status        `json:"status"`
	Started       time.Time     `json:"started"`
	Seconds       float64       `json:"seconds"` // waiting for a person is left out
	BudgetSeconds float64       `json:"budgetSeconds"`
	WithinBudget  bool          `json:"withinBudget"`
	Phases        []PhaseResult `json:"phases"`
	CriticalPath  []string      `json:"criticalPath"` // step names, first to last
}

// PhaseResult sums up the steps of one phase.
type PhaseResult struct {
	Name          string       `json:"name"`
	Status        Status       `json:"status"`
	Seconds       float64      `json:"seconds"` // from the first step's start to the last one's end
	BudgetSeconds float64      `json:"budgetSeconds"`
	Steps         []StepResult `json:"steps"`
}

// StepResult is one step's outcome.
type StepResult struct {
	Name          string  `json:"name"`
	Status        Status  `json:"status"`
	StartSeconds  float64 `json:"startSeconds"` // since the run's start
	Seconds       float64 `json:"seconds"`
	BudgetSeconds float64 `json:"budgetSeconds"`
	Detail        string  `json:"detail,omitempty"`
}

// EventKind says what an Event reports.
type EventKind string

// The kinds of events, in the order in which a run can emit them.
const (
	RunStarted   EventKind = "run-started"
	StepStarted  EventKind = "step-started"
	StepWaiting  EventKind = "step-waiting" // Message: what is being waited for
	StepInfo     EventKind = "step-info"    // Message: a line worth reading
	StepPaused   EventKind = "step-paused"  // Message: the question put to a person
	StepResumed  EventKind = "step-resumed" // the person has answered
	StepEnded    EventKind = "step-ended"   // Status, Seconds; Message: the step's detail or error
	BudgetAtRisk EventKind = "budget-at-risk"
	BudgetPassed EventKind = "budget-passed" // Step: a step or a phase; none: the whole run
	RunEnded     EventKind = "run-ended"     // Status, Seconds; Message: the error
)

// Event is one thing that happened in a run: shown by the terminal, kept by the journal.
type Event struct {
	Time    time.Time `json:"time"`
	Kind    EventKind `json:"kind"`
	Run     string    `json:"run"`
	Env     string    `json:"env,omitempty"`     // of RunStarted
	Command string    `json:"command,omitempty"` // of RunStarted
	Elapsed float64   `json:"elapsedSeconds"`    // the run's clock: waiting for a person is left out
	Step    string    `json:"step,omitempty"`
	Status  Status    `json:"status,omitempty"`
	Seconds float64   `json:"seconds,omitempty"`
	Message string    `json:"message,omitempty"`
	Steps   []Planned `json:"steps,omitempty"` // of RunStarted: what the run will do
	Budget  float64   `json:"budgetSeconds,omitempty"`
}

// Planned is a step as a plan shows it, before it runs.
type Planned struct {
	Name          string   `json:"name"`
	DependsOn     []string `json:"dependsOn,omitempty"`
	Describe      string   `json:"describe"`
	BudgetSeconds float64  `json:"budgetSeconds"`
	Skip          string   `json:"skip,omitempty"` // why the selection leaves it out
}

// Observer is told of every event, one at a time, in order.
type Observer interface {
	Observe(Event)
}
