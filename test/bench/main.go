//go:build linux

// Command bench measures pocctl's speed and size on this machine, prints a table
// and writes the figures as JSON. It exits 1 if one misses its goal.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/pocctl/pocctl/internal/terminal"
)

// figure is one measured number and its goal.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Goal  float64 `json:"goal"` // at most
	Unit  string  `json:"unit"`
	Met   bool    `json:"met"`
}

func atMost(name string, value, goal float64, unit string) figure {
	return figure{Name: name, Value: value, Goal: goal, Unit: unit, Met: value <= goal}
}

// part is one group of figures, measured by itself.
type part struct {
	name    string
	measure func(context.Context) ([]figure, error)
}

// shown is a figure without a goal.
func shown(name string, value float64, unit string) figure {
	return figure{Name: name, Value: value, Goal: value, Unit: unit, Met: true}
}

func main() {
	var b bench
	flag.StringVar(&b.binary, "binary", "bin/pocctl", "the pocctl to measure")
	flag.StringVar(&b.loadbench, "loadbench", "bin/loadbench", "the load generator's own bench")
	flag.StringVar(&b.vegeta, "vegeta", "bin/vegetabench", "what the load generator is compared with")
	flag.StringVar(&b.service, "servicebench", "bin/servicebench", "the bench of the service")
	flag.StringVar(&b.local, "environment", "config/environments/local.yaml", "the environment that is measured")
	flag.DurationVar(&b.settle, "settle", time.Minute, "how long after up memory is measured")
	flag.DurationVar(&b.soak, "soak", 10*time.Minute, "how long the load generator's memory is watched")
	output := flag.String("json", "bin/bench.json", "where to write the figures")
	only := flag.String("only", "", "parts to measure, by comma: all if empty")
	flag.Parse()
	if err := run(b.parts(), *only, *output); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// bench is what is measured, and how.
type bench struct {
	binary, loadbench, vegeta, service, local string
	settle, soak                              time.Duration
}

// parts are in an order that shows what people wait for first.
func (b bench) parts() []part {
	return []part{
		{"version", b.version}, {"environment", b.environment}, {"added", b.added}, {"canary", b.canary},
		{"generator", b.generator}, {"service", b.backend}, {"soak", b.long},
	}
}

// run measures part by part, and keeps what it has: the whole takes most of an hour.
func run(parts []part, only, output string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 75*time.Minute)
	defer cancel()
	wanted := strings.Split(only, ",")
	var names []string
	for _, one := range parts {
		names = append(names, one.name)
	}
	if only != "" {
		for _, name := range wanted {
			if !slices.Contains(names, name) {
				return fmt.Errorf("there is no part %q: there are %s", name, strings.Join(names, ", "))
			}
		}
	}
	var figures []figure
	var failed error
	for _, one := range parts {
		if only != "" && !slices.Contains(wanted, one.name) {
			continue
		}
		began := time.Now()
		fmt.Fprintf(os.Stderr, "── %s\n", one.name)
		measured, err := one.measure(ctx)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", one.name, err)
			failed = errors.Join(failed, fmt.Errorf("%s: %w", one.name, err))
		}
		for _, f := range measured {
			fmt.Fprintf(os.Stderr, "%s: %.4g %s (%.4g)\n", f.Name, f.Value, f.Unit, f.Goal)
		}
		fmt.Fprintf(os.Stderr, "%s took %s\n", one.name, time.Since(began).Round(time.Second))
		figures = append(figures, measured...)
		if err := write(figures, output); err != nil {
			return err
		}
	}
	return errors.Join(show(figures), failed)
}

func write(figures []figure, output string) error {
	data, err := json.MarshalIndent(struct {
		Schema  string    `json:"schema"`
		Cores   int       `json:"cores"`
		At      time.Time `json:"at"`
		Figures []figure  `json:"figures"`
	}{"pocctl.bench/v1", runtime.NumCPU(), time.Now().UTC(), figures}, "", "  ")
	if err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	if err := os.WriteFile(output, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	return nil
}

func show(figures []figure) error {
	styles := terminal.StylesFor(os.Stdout, false, os.Getenv)
	table := terminal.Table{Columns: []terminal.Column{
		{}, {Title: "FIGURE", Give: true}, {Title: "MEASURED", Right: true}, {Title: "AT MOST", Right: true},
	}}
	missed := 0
	for _, f := range figures {
		glyph := styles.Good(terminal.GlyphPassed)
		if !f.Met {
			glyph, missed = styles.Bad(terminal.GlyphFailed), missed+1
		}
		table.Rows = append(table.Rows, []string{
			glyph, f.Name, fmt.Sprintf("%.4g %s", f.Value, f.Unit), fmt.Sprintf("%.4g %s", f.Goal, f.Unit),
		})
	}
	fmt.Print(table.Render(terminal.WidthOf(os.Stdout), styles))
	if missed > 0 {
		return errors.New("not every goal was met")
	}
	return nil
}
