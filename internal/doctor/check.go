// Package doctor looks whether this machine can hold an environment, before
// anything is made.
package doctor

import (
	"context"

	"github.com/pocctl/pocctl/internal/fault"
)

// Status is what a check found.
type Status string

// What a check can find.
const (
	OK   Status = "ok"
	Warn Status = "warn" // works, but worse or slower
	Fail Status = "fail" // the environment cannot come up
)

// Result is what one check found.
type Result struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"` // of Warn and Fail: what to do about it

	problem *fault.Error // of Fail
}

// Check is one look at the machine; it changes nothing.
type Check struct {
	Name string
	Run  func(context.Context) Result
}

// Report is what all checks found, in their order.
type Report struct {
	Schema string   `json:"schema"`
	Env    string   `json:"env"`
	Status Status   `json:"status"` // the worst of the checks
	Checks []Result `json:"checks"`
	// Error is the first failure, nil if there is none.
	Error *fault.Error `json:"error"`
}

// Run makes every check, even after one fails.
func Run(ctx context.Context, environment string, checks []Check) Report {
	report := Report{Schema: "pocctl.doctor/v1", Env: environment, Status: OK, Checks: make([]Result, 0, len(checks))}
	for _, check := range checks {
		result := check.Run(ctx)
		result.Name = check.Name
		report.Checks = append(report.Checks, result)
		if result.Status == Fail {
			report.Status = Fail
			if report.Error == nil {
				report.Error = result.problem
			}
		}
		if result.Status == Warn && report.Status == OK {
			report.Status = Warn
		}
	}
	return report
}

// Err is the first failure of the report.
func (r Report) Err() error {
	if r.Error == nil {
		return nil // not a typed nil
	}
	return r.Error
}

func ok(detail string) Result { return Result{Status: OK, Detail: detail} }

func warn(detail, fix string) Result { return Result{Status: Warn, Detail: detail, Fix: fix} }

func fail(problem *fault.Error) Result {
	return Result{Status: Fail, Detail: problem.Error(), Fix: problem.Fix, problem: problem}
}
