package terminal

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

func TestWrap(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		width int
		want  []string
	}{
		"nothing":         {"", 10, []string{""}},
		"fits":            {"ten signs.", 10, []string{"ten signs."}},
		"at spaces alone": {"see `pocctl up --log-level debug`", 15, []string{"see `pocctl up", "--log-level", "debug`"}},
		"a long word":     {"abcdefghijkl mn", 5, []string{"abcde", "fghij", "kl mn"}},
		"own lines":       {"a\n\nb\n", 5, []string{"a", "", "b"}},
		"wide signs":      {"日本語 日本", 6, []string{"日本語", "日本"}},
		"no room":         {"ab", 0, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Wrap(test.text, test.width)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHanging(t *testing.T) {
	for name, test := range map[string]struct {
		title, text string
		width       int
		want        []string
	}{
		"fits":               {"canary/backend", "10% of the requests", 80, []string{"canary/backend  10% of the requests"}},
		"goes on below":      {"canary", "one two three", 16, []string{"canary  one two", "        three"}},
		"a narrow terminal":  {"canary/backend", "one two three", 12, []string{"canary/backend", "  one two", "  three"}},
		"nothing to be said": {"canary", "", 80, []string{"canary  "}},
	} {
		if got := hanging(test.title, test.text, test.width, NewStyles(false)); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestTable(t *testing.T) {
	table := Table{
		Columns: []Column{{Title: "NAME"}, {Title: "RESTARTS", Right: true}, {Title: "STATUS", Give: true}},
		Rows: [][]string{
			{"postgres-0", "0", NewStyles(true).Good("Running")},
			{"backend-6d8f9-x2x4k", "12", "CrashLoopBackOff: back-off 40s restarting failed container"},
			{"short row"},
		},
		Indent: 2,
	}
	var text strings.Builder
	for _, width := range []int{100, 60, 40, 20} {
		rendered := ansi.Strip(table.Render(width, Styles{}))
		for line := range strings.Lines(rendered) {
			if got := ansi.StringWidth(strings.TrimRight(line, "\n")); got > width {
				t.Errorf("%d columns of %d: %s", got, width, line)
			}
		}
		fmt.Fprintf(&text, "-- %d\n%s", width, rendered)
	}
	golden(t, "table", text.String())
}

func TestErrorBlock(t *testing.T) {
	err := fault.New(fault.EnvironmentHeld, "env", "local", "holder", "pocctl up (process 42 of ada on box, since 10:04:05 UTC)")
	golden(t, "error", ErrorBlock(err, 80, Styles{})+"\n"+ErrorBlock(err, 40, Styles{}))
}
