// Package preflight looks, before anything is made in AWS, whether it can be: who we
// are, what we may, which quotas are free, whether the DNS zone is delegated. What
// cannot be found out is said to be unknown.
package preflight

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pocctl/pocctl/internal/fault"
)

// Status is what a check came to.
type Status string

// The statuses.
const (
	Good    Status = "good"
	Bad     Status = "bad"
	Unknown Status = "unknown" // it could not be found out; nothing is stopped
)

// Check is one look.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	err    error  // of a bad one
}

// Quota is what AWS allows an account, against what the plan needs.
type Quota struct {
	Name    string `json:"name"` // Elastic IP addresses
	Code    string `json:"code"` // L-0263D0A3
	Service string `json:"service"`
	Needed  int    `json:"needed"` // more than there is already
	// Limit, Used and Free are nil where they are unknown.
	Limit  *int   `json:"limit"`
	Used   *int   `json:"used"`
	Free   *int   `json:"free"`
	Status Status `json:"status"`
	Why    string `json:"why,omitempty"` // it is unknown
}

// Report is all that preflight found.
type Report struct {
	Account   string  `json:"account"`
	Principal string  `json:"principal"` // the caller's ARN
	Region    string  `json:"region"`
	Checks    []Check `json:"checks"`
	Quotas    []Quota `json:"quotas"`
}

// Err is nil if nothing stands in the way; else the faults of what does, joined.
func (r Report) Err() error {
	var problems []error
	for _, check := range r.Checks {
		if check.err != nil {
			problems = append(problems, check.err)
		}
	}
	var short []string
	for _, quota := range r.Quotas {
		if quota.Status == Bad {
			short = append(short, fmt.Sprintf("%s (%s): %d needed, %d of %d free", quota.Name, quota.Code, quota.Needed, *quota.Free, *quota.Limit))
		}
	}
	if len(short) > 0 {
		problems = append(problems, fault.New(fault.QuotaShort, "quotas", strings.Join(short, "; "), "region", r.Region))
	}
	if len(problems) == 1 {
		return problems[0]
	}
	return errors.Join(problems...)
}

func good(name, format string, values ...any) Check {
	return Check{Name: name, Status: Good, Detail: fmt.Sprintf(format, values...)}
}

func unknown(name, format string, values ...any) Check {
	return Check{Name: name, Status: Unknown, Detail: fmt.Sprintf(format, values...)}
}

func bad(name string, problem *fault.Error) Check {
	return Check{Name: name, Status: Bad, Detail: problem.Message, err: problem}
}
