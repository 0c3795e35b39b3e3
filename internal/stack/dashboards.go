package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/dashboards"
)

// Prometheus is the name of the endpoint that the dashboards ask.
const Prometheus = "prometheus"

// patience is how panels without data are asked again: what was deployed just now has
// to be scraped twice before it has a rate.
type patience struct{ most, between time.Duration }

// dashboardSteps asks the environment's Prometheus for every panel. It waits for the
// end of the load but not for its verdicts, so it doesn't depend on that step: who has
// missed an objective wants to see the page.
func (s *Stack) dashboardSteps() []flow.Step {
	wait := patience{30 * time.Second, 2 * time.Second}
	budget, deadline := wait.most+5*time.Second, wait.most+90*time.Second
	if s.loads() {
		for _, step := range s.loadSteps() {
			budget, deadline = budget+step.Budget, deadline+step.Deadline
		}
	}
	return []flow.Step{{
		Name: Verify + "/dashboards",
		Describe: func() string {
			boards, panels, queries := counts(dashboards.All(s.options.Objectives))
			return fmt.Sprintf("ask Prometheus for %d dashboards: %d panels, %d queries", boards, panels, queries)
		},
		Run:      func(ctx context.Context, log *flow.Log) error { return s.checkDashboards(ctx, wait, log) },
		Budget:   budget,
		Deadline: deadline,
	}}
}

func (s *Stack) checkDashboards(ctx context.Context, wait patience, log *flow.Log) error {
	defer s.endOfLook.Do(func() { close(s.looked) })
	if !s.Running(ctx) { // or whatever else has that port would be asked
		return fault.New(fault.NotUp, "env", s.options.Environment.Name)
	}
	if s.loads() {
		log.Waiting("the end of the load")
		select {
		case <-s.loaded:
		case <-ctx.Done():
			return fmt.Errorf("wait for the load: %w", context.Cause(ctx))
		}
	}
	address, err := s.reach(Prometheus)
	if err != nil {
		return err
	}
	options := dashboards.Options{
		Dashboards: dashboards.All(s.options.Objectives),
		URL:        address,
		Namespace:  regexp.QuoteMeta(s.options.Environment.Namespace),
	}
	log.Waiting("%s", options.URL)
	results, err := untilFull(ctx, options, wait, log)
	var away *dashboards.AwayError
	if errors.As(err, &away) {
		return fault.New(fault.PrometheusAway, "url", away.URL,
			"status", "pocctl status"+s.flag(), "logs", "pocctl logs"+s.flag()+" prometheus").Because(away.Cause)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.panels, s.asked = results, options
	s.mu.Unlock()
	log.Detail("%s", summary(options.Dashboards, results))
	if s.options.Page != "" && !s.loads() {
		if err := writePage(s.options.Page, results, options); err != nil {
			return err
		}
		log.Info("the page is %s", s.options.Page)
	}
	return s.judgeDashboards(options.Dashboards, results)
}

// untilFull checks the dashboards, again and again while panels lack data that they
// ought to have.
func untilFull(ctx context.Context, options dashboards.Options, wait patience, log *flow.Log) ([]dashboards.Result, error) {
	deadline := time.NewTimer(wait.most)
	defer deadline.Stop()
	for {
		results, err := dashboards.Check(ctx, options)
		if err != nil {
			return nil, err
		}
		var lacking []string
		for _, result := range results {
			if name := result.Dashboard + ", " + result.Panel; result.Wrong() && result.Verdict == dashboards.Empty && !slices.Contains(lacking, name) {
				lacking = append(lacking, name)
			}
		}
		if len(lacking) == 0 {
			return results, nil
		}
		log.Waiting("data of %d panels, for up to %s: %s …", len(lacking), wait.most, lacking[0])
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for data of the dashboards: %w", context.Cause(ctx))
		case <-deadline.C:
			return results, nil
		case <-time.After(wait.between):
		}
	}
}

// writePage draws the page in memory first: a file is whole, or is not written.
func writePage(file string, results []dashboards.Result, options dashboards.Options) error {
	var text bytes.Buffer
	if err := dashboards.Page(&text, results, options); err != nil {
		return err
	}
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil { //nolint:gosec // to be shown to others
		return fmt.Errorf("write the page of the dashboards: %w", err)
	}
	return nil
}

func counts(all []dashboards.Dashboard) (boards, panels, queries int) {
	for _, dashboard := range all {
		panels += len(dashboard.Panels)
		for _, panel := range dashboard.Panels {
			queries += len(panel.Queries)
		}
	}
	return len(all), panels, queries
}

// summary is one line of what the queries came to.
func summary(all []dashboards.Dashboard, results []dashboards.Result) string {
	var data, perhaps, empty, refused int
	for _, result := range results {
		switch {
		case result.Verdict == dashboards.OK:
			data++
		case !result.Wrong():
			perhaps++
		case result.Verdict == dashboards.Empty:
			empty++
		default:
			refused++
		}
	}
	boards, panels, queries := counts(all)
	text := fmt.Sprintf("%d dashboards, %d panels, %d queries: %d with data, %d may be empty", boards, panels, queries, data, perhaps)
	if empty > 0 {
		text += fmt.Sprintf(", %d without data", empty)
	}
	if refused > 0 {
		text += fmt.Sprintf(", %d refused", refused)
	}
	return text
}

// judgeDashboards gives a fault.DashboardsBroken that lists what is wrong, or nil.
func (s *Stack) judgeDashboards(all []dashboards.Dashboard, results []dashboards.Result) error {
	const named = 5
	var lines []string
	broken, failed := map[[2]string]bool{}, false
	for _, result := range results {
		if !result.Wrong() {
			continue
		}
		said := "no data"
		if result.Verdict == dashboards.Failed {
			said, failed = result.Error, true
		}
		broken[[2]string{result.Dashboard, result.Panel}] = true
		lines = append(lines, fmt.Sprintf("%s, %s: %s, asked for %s", result.Dashboard, result.Panel, said, result.Expr))
	}
	if lines == nil {
		return nil
	}
	if more := len(lines) - named; more > 0 {
		lines = append(lines[:named], fmt.Sprintf("and %d more queries", more))
	}
	fix := "see whether the service is scraped, and give the panels something to show: pocctl verify --slo --dashboards" + s.flag()
	if failed {
		fix = "correct the queries that Prometheus refuses; they are all in the result of: pocctl report -o json" + s.flag()
	}
	_, panels, _ := counts(all)
	return fault.New(fault.DashboardsBroken, "broken", len(broken), "panels", panels, "list", strings.Join(lines, "\n"), "fix", fix)
}
