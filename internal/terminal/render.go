package terminal

import (
	"fmt"
	"math"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/pocctl/pocctl/internal/flow"
)

// canvas is what a frame is drawn for.
type canvas struct {
	width  int // columns
	height int // lines; zero means as many as it takes
	now    float64
	styles Styles
}

// detail says how much of a run a frame shows.
type detail struct {
	hidePassed  bool // passed steps of a phase at work
	hidePending bool // steps to come, and phases to come
	hideDone    bool // phases that have ended well
}

// render draws a run as lines no wider and no more than the canvas has room for.
func render(s *state, c canvas) []string {
	c.width = min(c.width-1, MaxWidth) // a full last column would wrap
	var lines []string
	for _, less := range []detail{{}, {hidePassed: true}, {hidePassed: true, hidePending: true}, {true, true, true}} {
		lines = c.frame(s, less)
		if c.height <= 0 || len(lines) <= c.height {
			return lines
		}
	}
	shown := max(0, c.height-1)
	return append(lines[:shown:shown], c.fit(c.styles.Dim(fmt.Sprintf("  … %d lines more", len(lines)-shown))))
}

func (c canvas) frame(s *state, less detail) []string {
	lines := c.header(s)
	if !s.ended {
		lines = append(lines, c.bar(s))
	}
	if s.warning != "" && !s.ended {
		for i, line := range Wrap(s.warning, c.width-2) {
			lead := "  "
			if i == 0 {
				lead = GlyphWarning + " "
			}
			lines = append(lines, c.styles.Warn(lead+line))
		}
	}
	lines = append(lines, "")
	var done, later int
	for _, phase := range s.phases(c.now) {
		switch {
		case less.hideDone && (phase.status == flow.Passed || phase.status == flow.Skipped):
			done++
		case less.hidePending && !s.ended && phase.status == "" && !phase.running:
			later++
		default:
			lines = append(lines, c.phase(phase, s.ended, less)...)
		}
	}
	if done > 0 {
		lines = append(lines, c.styles.Dim(fmt.Sprintf("%s %d done", GlyphPassed, done)))
	}
	if later > 0 {
		lines = append(lines, c.styles.Dim(fmt.Sprintf("%s %d to come", GlyphPending, later)))
	}
	for i := range lines {
		lines[i] = c.fit(lines[i])
	}
	return lines
}

func (c canvas) fit(line string) string { return ansi.Truncate(line, c.width, "…") }

func (c canvas) header(s *state) []string {
	name := strings.TrimSpace("pocctl " + s.command)
	left := c.styles.Bold(name)
	if s.env != "" {
		left += c.styles.Dim(" · ") + c.styles.Accent(s.env)
	}
	right := c.styles.Bold(Seconds(c.now))
	rest := s.budget - c.now
	switch {
	case s.budget <= 0:
	case rest < 0:
		right += c.styles.Dim(" · ") + c.styles.Bad(Seconds(-rest)+" over budget")
	case s.ended:
		right += c.styles.Dim(" of " + Budget(s.budget))
	default:
		right += c.styles.Dim(" · " + Seconds(math.Ceil(rest)) + " left")
	}
	if s.ended {
		left = c.styles.Glyph(s.status) + " " + left
		if s.status != flow.Passed {
			left += c.styles.Dim(" · ") + string(s.status)
		}
	}
	if ansi.StringWidth(left)+gap+ansi.StringWidth(right) > c.width {
		return []string{left, right}
	}
	return []string{spread(left, right, c.width)}
}

// bar shows how many of the steps have ended.
func (c canvas) bar(s *state) string {
	done, all := s.progress()
	count := fmt.Sprintf("%d of %d", done, all)
	room := max(0, c.width-gap-len(count))
	full := 0
	if all > 0 {
		full = room * done / all
	}
	return c.styles.Accent(strings.Repeat("━", full)) + c.styles.Dim(strings.Repeat("─", room-full)) + "  " + c.styles.Dim(count)
}

// timeWidth holds "59 m 59 s".
const timeWidth = 9

func (c canvas) phase(p phaseState, ended bool, less detail) []string {
	spent := Seconds(p.seconds)
	switch {
	case p.running, p.status == flow.Failed, p.status == flow.Interrupted:
	case p.status == flow.Passed:
		return []string{spread(c.styles.Good(GlyphPassed)+" "+p.name, c.styles.Dim(spent), c.width)}
	case p.status == flow.Skipped:
		return []string{c.styles.Dim(GlyphSkipped + " " + p.name + "  " + p.skipReason())}
	default:
		return []string{c.styles.Dim(GlyphPending + " " + p.name)}
	}
	glyph := c.styles.Glyph(p.status)
	if p.running {
		glyph = c.spinner()
	}
	lines := []string{spread(glyph+" "+c.styles.Bold(p.name), spent, c.width)}
	name := 0
	for _, step := range p.steps {
		name = max(name, ansi.StringWidth(step.name))
	}
	if roomy := 60; c.width >= roomy {
		name = min(name, c.width/3)
	} else {
		name = max(1, min(name, c.width-4-gap-timeWidth))
	}
	var passed, pending int
	for _, step := range p.steps {
		switch {
		case step.status == flow.Passed && (less.hidePassed || ended):
			passed++
		case step.status == "" && !step.running && less.hidePending:
			pending++
		default:
			lines = append(lines, c.step(step, name)...)
		}
	}
	if note := counts(passed, pending); note != "" {
		lines = append(lines, c.styles.Dim("  "+note))
	}
	return lines
}

func counts(passed, pending int) string {
	var parts []string
	if passed > 0 {
		parts = append(parts, fmt.Sprintf("%s %d passed", GlyphPassed, passed))
	}
	if pending > 0 {
		parts = append(parts, fmt.Sprintf("%s %d to come", GlyphPending, pending))
	}
	return strings.Join(parts, "  ")
}

func (p *phaseState) skipReason() string {
	for _, step := range p.steps {
		if step.status == flow.Skipped {
			return step.message
		}
	}
	return ""
}

// reasonLines bounds how much of an error stands in the frame; the whole of it
// follows when the run has ended.
const reasonLines = 4

func (c canvas) step(step *stepState, nameWidth int) []string {
	name := ansi.Truncate(step.name, nameWidth, "…")
	name += strings.Repeat(" ", nameWidth-ansi.StringWidth(name))
	message := strings.ReplaceAll(strings.TrimSpace(step.message), "\n", "; ")
	switch {
	case step.running:
		spent := c.now - step.started
		time := Seconds(spent)
		if step.budget > 0 && spent > step.budget {
			time = c.styles.Warn(time)
		}
		if step.asking {
			return c.lay(c.styles.Warn("?")+" "+name, c.styles.Warn("waiting for your answer: "+message), time)
		}
		return c.lay(c.spinner()+" "+name, c.styles.Dim(message), time)
	case step.status == flow.Failed:
		lines := []string{spread("  "+c.styles.Bad(GlyphFailed)+" "+name, Seconds(step.seconds), c.width)}
		reason := Wrap(message, c.width-4)
		if len(reason) > reasonLines {
			reason = reason[:reasonLines]
			reason[reasonLines-1] = ansi.Truncate(reason[reasonLines-1]+" …", c.width-4, "…")
		}
		for _, line := range reason {
			lines = append(lines, "    "+c.styles.Bad(line))
		}
		return lines
	case step.status == flow.Interrupted:
		return c.lay(c.styles.Glyph(step.status)+" "+name, c.styles.Warn(message), Seconds(step.seconds))
	case step.status == flow.Passed:
		return []string{c.short(c.styles.Glyph(step.status)+" "+name, c.styles.Dim(message), c.styles.Dim(Seconds(step.seconds)))}
	default:
		if message == "" {
			name = strings.TrimRight(name, " ")
		}
		return []string{c.short(c.styles.Glyph(step.status)+" "+c.styles.Dim(name), c.styles.Dim(message), "")}
	}
}

// lay puts a step on one line, or on two where its message would find no room.
func (c canvas) lay(head, message, time string) []string {
	const least = 20
	room := c.width - 2 - ansi.StringWidth(head) - gap - gap - timeWidth
	if message == "" || room >= min(least, ansi.StringWidth(message)) {
		return []string{c.short(head, message, time)}
	}
	return []string{c.short(head, "", time), "    " + ansi.Truncate(message, c.width-4, "…")}
}

// short puts a step on one line; its message gives way.
func (c canvas) short(head, message, time string) string {
	left := "  " + head
	if message != "" {
		room := c.width - ansi.StringWidth(left) - gap
		if time != "" {
			room -= gap + timeWidth
		}
		if least := 8; room >= min(least, ansi.StringWidth(message)) {
			left += "  " + ansi.Truncate(message, room, "…")
		}
	}
	return spread(left, time, c.width)
}

// spinner turns ten times a second with the run's clock.
func (c canvas) spinner() string {
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	return c.styles.Accent(string(frames[int(c.now*10)%len(frames)]))
}
