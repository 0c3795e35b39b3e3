package dashboards

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pocctl/pocctl/internal/plot"
)

// Verdict is what a query came to.
type Verdict string

// The verdicts on queries.
const (
	OK     Verdict = "ok"    // there is data
	Empty  Verdict = "empty" // there is none, or nothing that is a number
	Failed Verdict = "error" // Prometheus refused it or took too long
)

// Result is what one query of a panel came to.
type Result struct {
	Dashboard string `json:"dashboard"` // its UID
	Panel     string `json:"panel"`     // its title
	// Query is its place among those of the panel, from 0.
	Query int `json:"query"`
	// Expr is what was asked, with all that was chosen put in.
	Expr    string  `json:"expr"`
	Verdict Verdict `json:"verdict"`
	// Series is how many have at least one number.
	Series int `json:"series"`
	// Error is why the verdict is Failed.
	Error string `json:"error,omitempty"`
	// PossiblyEmpty is why there may be no data; empty where there has to be some.
	PossiblyEmpty string `json:"possiblyEmpty,omitempty"`
	// At is the time that was asked for, or up to.
	At time.Time `json:"at"`
	// Data is what Page draws.
	Data []Series `json:"-"`
}

// Wrong says whether something has to be done: the query failed, or there is no data
// and no reason for that.
func (r Result) Wrong() bool {
	return r.Verdict == Failed || r.Verdict == Empty && r.PossiblyEmpty == ""
}

// Check asks Prometheus every query of the dashboards, four at once, all for the same
// time, and says what each came to, in the order of the dashboards. A query has
// Options.Deadline. The error is an *AwayError if Prometheus can't be asked at all, or ctx's;
// a query that is refused is a Result like any other.
func Check(ctx context.Context, o Options) ([]Result, error) {
	o = o.filled()
	at := o.Now().UTC()
	// What is slow here is not the query.
	if _, wrong, err := o.query(ctx, "vector(1)", true, at); err != nil {
		return nil, fmt.Errorf("check dashboards: %w", err)
	} else if wrong != "" {
		return nil, fmt.Errorf("check dashboards: %w", &AwayError{o.URL, errors.New("it can't say what vector(1) is: " + wrong)})
	}
	const atOnce = 4
	var results []Result
	var kinds []Kind
	for _, dashboard := range o.Dashboards {
		for _, panel := range dashboard.Panels {
			for i, query := range panel.Queries {
				results = append(results, Result{
					Dashboard: dashboard.UID, Panel: panel.Title, Query: i, Expr: o.expression(query), PossiblyEmpty: panel.PossiblyEmpty, At: at,
				})
				kinds = append(kinds, panel.Kind)
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range results {
		group.Go(func() error {
			result := &results[i]
			found, wrong, err := o.query(ctx, result.Expr, kinds[i].Instant(), at)
			result.judge(found, wrong)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("check dashboards: %w", err)
	}
	return results, nil
}

func (r *Result) judge(found []Series, wrong string) {
	r.Verdict, r.Data, r.Error = Empty, found, wrong
	for _, series := range found {
		if series.hasNumber() {
			r.Series++
		}
	}
	switch {
	case wrong != "":
		r.Verdict = Failed
	case r.Series > 0:
		r.Verdict = OK
	}
}

// hasNumber is false of series of NaN, which quantiles are where nothing happened.
func (s Series) hasNumber() bool {
	for _, point := range s.Points {
		if plot.Finite(point.Value) {
			return true
		}
	}
	return false
}
