// Package report is what a run answers: one JSON document for machines, and a
// summary for people.
//
// A command that runs steps ends like this:
//
//	result, err := flow.Run(ctx, steps, options)
//	document := report.New(result, err)
//	document.SLO, document.Endpoints = objectives, endpoints
//	if saveErr := document.Save(stateDir); saveErr != nil { … }
//	if jsonWanted {
//		return errors.Join(err, document.JSON(os.Stdout))
//	}
//	return errors.Join(err, document.Text(os.Stdout, report.Look{Width: width, Styles: styles}))
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/alerts"
	"github.com/pocctl/pocctl/internal/verify/canary"
	"github.com/pocctl/pocctl/internal/verify/dashboards"
	"github.com/pocctl/pocctl/internal/verify/load"
	"github.com/pocctl/pocctl/internal/verify/reconcile"
	"github.com/pocctl/pocctl/internal/verify/slo"
)

// Schema names the form of Document.
const Schema = "pocctl.run/v1"

// Document is the result of a run in the contract's form; its fields are in the
// contract's order.
type Document struct {
	Schema string `json:"schema"`
	flow.Result
	SLO    []slo.Result `json:"slo"`
	Canary *Canary      `json:"canary"`
	// Dashboards are the queries of `verify --dashboards`; left out if it wasn't asked.
	Dashboards []dashboards.Result `json:"dashboards,omitempty"`
	// Alerts are the exercises of `verify --alerts`; left out if it wasn't asked.
	Alerts []alerts.Outcome `json:"alerts,omitempty"`
	// Load is what the load generator measured; left out of runs without a load.
	Load *load.Result `json:"load,omitempty"`
	// Reconciliation is how the load compares with the service's own metrics; left out
	// where there are none.
	Reconciliation *reconcile.Result `json:"reconciliation,omitempty"`
	// By is what measured it; left out of runs without a load.
	By        *By               `json:"by,omitempty"`
	Endpoints map[string]string `json:"endpoints"`
	Error     *fault.Error      `json:"error"`
}

// By says which pocctl on what machine sent the load.
type By struct {
	Version string `json:"version"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Cores   int    `json:"cores"` // that it may use
}

// Canary is how a progressive delivery ended.
type Canary struct {
	From    string `json:"from"` // the stable version when it began
	To      string `json:"to"`
	Verdict string `json:"verdict"` // "promoted", "rolled-back", or "under-way" when it was left
	// Reason is the last judgement in one line, and Findings are its figures.
	Reason   string           `json:"reason"`
	Weight   int              `json:"weight"`   // the largest share of the requests that it got, in percent
	Requests int64            `json:"requests"` // that it answered while it was followed
	Seconds  float64          `json:"seconds"`
	Findings []canary.Finding `json:"findings"`
}

// finite copies it without numbers that JSON has no words for.
func (c *Canary) finite() *Canary {
	if c == nil {
		return nil
	}
	shown := *c
	shown.Findings = make([]canary.Finding, len(c.Findings))
	copy(shown.Findings, c.Findings)
	for i := range shown.Findings {
		one := &shown.Findings[i]
		for _, number := range []*float64{&one.Canary, &one.Stable, &one.Limit, &one.PValue} {
			if math.IsNaN(*number) || math.IsInf(*number, 0) {
				*number = 0
			}
		}
	}
	return &shown
}

// New makes the document of a run that ended with err, which may be nil.
func New(result flow.Result, err error) *Document {
	return &Document{Schema: Schema, Result: result, Error: fault.From(err)}
}

// MarshalJSON gives the contract's document: lists and maps are never null, and
// what was not observed is 0.
func (d *Document) MarshalJSON() ([]byte, error) {
	type plain Document // without this method
	shown := plain(*d)
	shown.SLO = make([]slo.Result, len(d.SLO))
	copy(shown.SLO, d.SLO)
	for i := range shown.SLO {
		if observed := shown.SLO[i].Observed; math.IsNaN(observed) || math.IsInf(observed, 0) {
			shown.SLO[i].Observed = 0 // JSON has no such number
		}
	}
	shown.Canary = d.Canary.finite()
	if shown.Endpoints == nil {
		shown.Endpoints = map[string]string{}
	}
	if shown.Phases == nil {
		shown.Phases = []flow.PhaseResult{}
	}
	if shown.CriticalPath == nil {
		shown.CriticalPath = []string{}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // "<300ms" stays what it is
	if err := encoder.Encode(shown); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// JSON writes the document, indented, with a newline at its end.
func (d *Document) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
