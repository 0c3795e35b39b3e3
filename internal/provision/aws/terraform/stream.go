package terraform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Event is what Terraform says of one resource while it works.
type Event struct {
	Kind    EventKind
	Address string
	Type    string // aws_eks_cluster
	Action  string // create, update, delete
	Elapsed time.Duration
}

// EventKind says what happened.
type EventKind string

// The kinds of events, as Terraform's stream names them
// (https://developer.hashicorp.com/terraform/internals/machine-readable-ui).
const (
	Began   EventKind = "apply_start"
	GoesOn  EventKind = "apply_progress"
	Ended   EventKind = "apply_complete"
	Failed  EventKind = "apply_errored"
	Planned EventKind = "planned_change"
)

// Diagnostic is an error or a warning.
type Diagnostic struct {
	Severity string `json:"severity"` // error or warning
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"` // the resource's, where it is of one
	Range    *struct {
		Filename string `json:"filename"`
		Start    struct {
			Line int `json:"line"`
		} `json:"start"`
	} `json:"range"`
}

// text is the whole of a diagnostic in one line.
func (d Diagnostic) text() string {
	text := oneLine(d.Summary)
	if detail := oneLine(d.Detail); detail != "" {
		text += ": " + detail
	}
	switch {
	case d.Address != "":
		text = d.Address + ": " + text
	case d.Range != nil && d.Range.Filename != "":
		text += fmt.Sprintf(" (%s, line %d)", d.Range.Filename, d.Range.Start.Line)
	}
	return text
}

// line is one line of Terraform's stream.
type line struct {
	Type   string `json:"type"`
	Change struct {
		Resource resource `json:"resource"`
		Action   string   `json:"action"`
	} `json:"change"`
	Hook struct {
		Resource resource `json:"resource"`
		Action   string   `json:"action"`
		Elapsed  float64  `json:"elapsed_seconds"`
	} `json:"hook"`
	Diagnostic *Diagnostic `json:"diagnostic"`
}

type resource struct {
	Address string `json:"addr"`
	Type    string `json:"resource_type"`
}

// stream takes Terraform's output as it comes, line by line.
type stream struct {
	// each is told of every event; may be nil.
	each func(Event)

	rest        []byte
	diagnostics []Diagnostic
	// other is output that is no JSON: Terraform's last words when it cannot begin.
	other bytes.Buffer
}

const mostOther = 16 << 10

// Write never fails: what cannot be read is kept as other.
func (s *stream) Write(data []byte) (int, error) {
	s.rest = append(s.rest, data...)
	for {
		end := bytes.IndexByte(s.rest, '\n')
		if end < 0 {
			return len(data), nil
		}
		s.take(s.rest[:end])
		s.rest = s.rest[end+1:]
	}
}

func (s *stream) take(text []byte) {
	var said line
	if err := json.Unmarshal(text, &said); err != nil {
		if s.other.Len()+len(text) < mostOther {
			s.other.Write(text)
			s.other.WriteByte('\n')
		}
		return
	}
	if said.Diagnostic != nil && said.Diagnostic.Severity == "error" {
		s.diagnostics = append(s.diagnostics, *said.Diagnostic)
	}
	if s.each == nil {
		return
	}
	switch kind := EventKind(said.Type); kind {
	case Began, GoesOn, Ended, Failed:
		s.each(Event{
			Kind: kind, Address: said.Hook.Resource.Address, Type: said.Hook.Resource.Type, Action: said.Hook.Action,
			Elapsed: time.Duration(said.Hook.Elapsed * float64(time.Second)),
		})
	case Planned:
		s.each(Event{Kind: kind, Address: said.Change.Resource.Address, Type: said.Change.Resource.Type, Action: said.Change.Action})
	}
}

// oneLine joins the lines of text, without Terraform's frames around it.
func oneLine(text string) string {
	text = strings.NewReplacer("╷", " ", "│", " ", "╵", " ").Replace(text)
	return strings.Join(strings.Fields(text), " ")
}
