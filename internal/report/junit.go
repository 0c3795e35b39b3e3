package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/pocctl/pocctl/internal/flow"
	"github.com/pocctl/pocctl/internal/verify/slo"
)

// junitSuites is the document of JUnit's reports as CI systems read them: the schemas of
// Jenkins (junit-10.xsd) and of Ant (JUnit.xsd), which is the stricter.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	ID         int             `xml:"id,attr"`
	Package    string          `xml:"package,attr"`
	Name       string          `xml:"name,attr"`
	Hostname   string          `xml:"hostname,attr"`
	Timestamp  string          `xml:"timestamp,attr"` // UTC, without a zone
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"` // seconds
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out"`
	Err        string          `xml:"system-err"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Time    string       `xml:"time,attr"`
	Skipped *junitSkip   `xml:"skipped,omitempty"`
	Error   *junitReason `xml:"error,omitempty"`
	Failure *junitReason `xml:"failure,omitempty"`
}

type junitSkip struct{}

type junitReason struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the report for CI systems: a suite of phases, one of objectives, and one of
// exercises of alerts, each of which is a test case. A violated objective and one without enough data are failures;
// one whose measurement is void, and an interrupted phase, are errors.
func (d *Document) JUnit(w io.Writer) error {
	written := junitSuites{Suites: []junitSuite{d.junitPhases()}}
	if len(d.SLO) > 0 {
		written.Suites = append(written.Suites, d.junitObjectives())
	}
	if len(d.Alerts) > 0 {
		written.Suites = append(written.Suites, d.junitAlerts())
	}
	for i := range written.Suites {
		written.Suites[i].ID = i
		written.Suites[i].sum()
	}
	text, err := xml.MarshalIndent(written, "", "  ")
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s%s\n", xml.Header, text); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (d *Document) junitSuite(name string, seconds float64) junitSuite {
	return junitSuite{
		Package: "pocctl." + d.Command, Name: name, Hostname: d.Env, Timestamp: d.Started.UTC().Format("2006-01-02T15:04:05"),
		Time:       junitSeconds(seconds),
		Properties: []junitProperty{{"run", d.Run}, {"environment", d.Env}, {"status", string(d.Status)}},
	}
}

func (d *Document) junitPhases() junitSuite {
	suite := d.junitSuite("phases", d.Seconds)
	for _, phase := range d.Phases {
		one := junitCase{Class: "pocctl." + d.Command + ".phases", Name: phase.Name, Time: junitSeconds(phase.Seconds)}
		switch phase.Status {
		case flow.Skipped:
			one.Skipped = &junitSkip{}
		case flow.Interrupted:
			one.Error = d.junitReason("interrupted", phase)
		case flow.Failed:
			one.Failure = d.junitReason("failed", phase)
		case flow.Passed:
		}
		suite.Cases = append(suite.Cases, one)
	}
	if len(suite.Cases) == 0 { // refused before it began
		one := junitCase{Class: "pocctl." + d.Command, Name: "begin", Time: junitSeconds(0)}
		if d.Error != nil {
			one.Error = &junitReason{Type: string(d.Error.Code), Message: d.Error.Message, Text: d.Error.Fix}
		}
		suite.Cases = append(suite.Cases, one)
	}
	return suite
}

func (d *Document) junitReason(kind string, phase flow.PhaseResult) *junitReason {
	reason := &junitReason{Type: kind, Message: phase.Name + " " + kind}
	var lines []string
	for _, step := range phase.Steps {
		if step.Status == phase.Status {
			lines = append(lines, strings.TrimSpace(step.Name+" "+string(step.Status)+" "+step.Detail))
		}
	}
	if d.Error != nil {
		reason.Type, reason.Message = string(d.Error.Code), d.Error.Message
		lines = append(lines, d.Error.Fix)
	}
	reason.Text = strings.Join(lines, "\n")
	return reason
}

func (d *Document) junitObjectives() junitSuite {
	seconds := 0.0
	if d.Load != nil {
		seconds = d.Load.Total.Seconds
	}
	suite := d.junitSuite("objectives", seconds)
	void := d.Load != nil && d.Load.Void != ""
	var lines []string
	for _, result := range d.SLO {
		one := junitCase{Class: "pocctl." + d.Command + ".objectives", Name: result.Name + " " + result.Objective, Time: junitSeconds(0)}
		line := fmt.Sprintf("%s %s: observed %s of %s samples, %s", result.Name, result.Objective, observed(result), count(result.Samples), result.Verdict)
		if result.Reason != "" {
			line += ": " + result.Reason
		}
		if result.Budget != nil {
			left, lasts := budgetWords(*result.Budget)
			line += "; error budget: " + left + ". " + lasts
		}
		switch reason := (&junitReason{Type: string(result.Verdict), Message: line}); {
		case result.Void != "":
			one.Error = &junitReason{Type: "void", Message: "void: " + result.Void, Text: line}
		case void:
			one.Error = &junitReason{Type: "void", Message: "the measurement is void: " + d.Load.Void, Text: line}
		case result.Verdict != slo.Met:
			one.Failure = reason
		}
		suite.Cases, lines = append(suite.Cases, one), append(lines, line)
	}
	suite.Out = strings.Join(lines, "\n")
	return suite
}

// sum counts the cases.
func (s *junitSuite) sum() {
	s.Tests = len(s.Cases)
	for _, one := range s.Cases {
		switch {
		case one.Failure != nil:
			s.Failures++
		case one.Error != nil:
			s.Errors++
		case one.Skipped != nil:
			s.Skipped++
		}
	}
}

func junitSeconds(seconds float64) string { return fmt.Sprintf("%.3f", seconds) }
