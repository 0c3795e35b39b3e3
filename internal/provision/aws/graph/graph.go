// Package graph reads the order of resources that `terraform graph` gives.
package graph

import (
	"bufio"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Graph says what each block waits for.
type Graph struct {
	// Waits holds, by a block's address, the addresses of the blocks that have to be
	// there before it, in order and each once.
	Waits map[string][]string
}

var (
	edge = regexp.MustCompile(`^\s*"([^"]+)" -> "([^"]+)";$`)
	node = regexp.MustCompile(`^\s*"([^"]+)" \[label=`)
)

// Parse reads the DOT language as `terraform graph` (1.7 and later) writes it: one
// node or edge a line, resources and data sources alone. Output without a graph is
// an error.
func Parse(dot string) (Graph, error) {
	graph := Graph{Waits: map[string][]string{}}
	lines := bufio.NewScanner(strings.NewReader(dot))
	lines.Buffer(nil, 1<<20)
	begun, ended := false, false
	for lines.Scan() {
		line := lines.Text()
		begun = begun || strings.HasPrefix(line, "digraph ")
		ended = line == "}"
		if found := edge.FindStringSubmatch(line); found != nil {
			from, to := found[1], found[2]
			if !slices.Contains(graph.Waits[from], to) {
				graph.Waits[from] = append(graph.Waits[from], to)
			}
			graph.add(to)
		} else if found := node.FindStringSubmatch(line); found != nil {
			graph.add(found[1])
		}
	}
	if err := lines.Err(); err != nil {
		return Graph{}, fmt.Errorf("read graph: %w", err)
	}
	if !begun || !ended {
		return Graph{}, fmt.Errorf("read graph: it is no whole graph")
	}
	for _, waits := range graph.Waits {
		slices.Sort(waits)
	}
	return graph, nil
}

func (g Graph) add(block string) {
	if _, known := g.Waits[block]; !known {
		g.Waits[block] = nil
	}
}
