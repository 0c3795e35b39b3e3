package terminal

import (
	"image/color"

	"charm.land/lipgloss/v2"

	"github.com/pocctl/pocctl/internal/flow"
)

// Styles paint text in the terminal's own sixteen colors, so that every theme
// stays readable. The zero value leaves text plain.
type Styles struct{ color bool }

// NewStyles gives painting styles, or plain ones.
func NewStyles(painting bool) Styles { return Styles{color: painting} }

// Bold is for names that lead.
func (s Styles) Bold(text string) string { return s.paint(text, lipgloss.NewStyle().Bold(true)) }

// Dim is for what is read last.
func (s Styles) Dim(text string) string { return s.paint(text, lipgloss.NewStyle().Faint(true)) }

// Accent is for what is at work, and for addresses.
func (s Styles) Accent(text string) string { return s.paint(text, foreground(lipgloss.Cyan)) }

// Good is for what passed or was met.
func (s Styles) Good(text string) string { return s.paint(text, foreground(lipgloss.Green)) }

// Warn is for what needs a look.
func (s Styles) Warn(text string) string { return s.paint(text, foreground(lipgloss.Yellow)) }

// Bad is for what failed.
func (s Styles) Bad(text string) string { return s.paint(text, foreground(lipgloss.Red)) }

func (s Styles) paint(text string, style lipgloss.Style) string {
	if !s.color || text == "" {
		return text
	}
	return style.Inline(true).Render(text)
}

func foreground(c color.Color) lipgloss.Style { return lipgloss.NewStyle().Foreground(c) }

// The glyphs of a status, each one column wide.
const (
	GlyphPassed      = "✓"
	GlyphFailed      = "✗"
	GlyphInterrupted = "■"
	GlyphRunning     = "●"
	GlyphPending     = "○"
	GlyphSkipped     = "–"
	GlyphWarning     = "!"
)

// Glyph paints the sign of a status; no status is pending.
func (s Styles) Glyph(status flow.Status) string {
	switch status {
	case flow.Passed:
		return s.Good(GlyphPassed)
	case flow.Failed:
		return s.Bad(GlyphFailed)
	case flow.Interrupted:
		return s.Warn(GlyphInterrupted)
	case flow.Skipped:
		return s.Dim(GlyphSkipped)
	default:
		return s.Dim(GlyphPending)
	}
}
