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

func main() {
	binary := flag.String("binary", "bin/pocctl", "the pocctl to measure")
	loadbench := flag.String("loadbench", "bin/loadbench", "the load generator's own bench")
	vegeta := flag.String("vegeta", "bin/vegetabench", "what the load generator is compared with")
	servicebench := flag.String("servicebench", "bin/servicebench", "the bench of the service")
	output := flag.String("json", "bin/bench.json", "where to write the figures")
	settle := flag.Duration("settle", time.Minute, "how long after up memory is measured")
	flag.Parse()
	if err := run(*binary, *loadbench, *vegeta, *servicebench, *output, *settle); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(binary, loadbench, vegeta, servicebench, output string, settle time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Minute)
	defer cancel()
	figures, err := environment(ctx, binary, settle)
	if err != nil {
		return err
	}
	version, err := version(ctx, binary)
	if err != nil {
		return err
	}
	figures = append(figures, version)
	generator, err := generator(ctx, loadbench, vegeta)
	if err != nil {
		return err
	}
	figures = append(figures, generator...)
	backend, err := backend(ctx, binary, servicebench)
	if err != nil {
		return err
	}
	figures = append(figures, backend...)
	if err := write(figures, output); err != nil {
		return err
	}
	return show(figures)
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
