package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/pocctl/pocctl/internal/terminal"
)

// Write shows the report: a line a check, and under what is not well, the fix.
func (r Report) Write(out io.Writer, styles terminal.Styles) error {
	width := 0
	for _, check := range r.Checks {
		width = max(width, len(check.Name))
	}
	var text strings.Builder
	for _, check := range r.Checks {
		fmt.Fprintf(&text, "%s %-*s  %s\n", mark(check.Status, styles), width, check.Name, check.Detail)
		if check.Fix != "" {
			fmt.Fprintf(&text, "  %-*s  %s\n", width, "", styles.Dim(check.Fix))
		}
	}
	fmt.Fprintf(&text, "\n%s\n", map[Status]string{
		OK:   "This machine can hold the environment.",
		Warn: "This machine can hold the environment, with the reservations above.",
		Fail: "This machine cannot hold the environment yet.",
	}[r.Status])
	if _, err := io.WriteString(out, text.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func mark(status Status, styles terminal.Styles) string {
	switch status {
	case OK:
		return styles.Good("✓")
	case Warn:
		return styles.Warn("!")
	default:
		return styles.Bad("✗")
	}
}
