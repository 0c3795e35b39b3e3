package load

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func targets(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("id%d", i)
	}
	return list
}

func TestPickerKeepsTheMixAndTheSkew(t *testing.T) {
	made := &ids{}
	p := newPicker(Products(), "run", targets(100), made, 1)
	const draws = 100_000
	operations, keys := map[string]int{}, map[string]int{}
	for range draws {
		request := p.pick()
		operations[request.Name]++
		if request.Name == "create" {
			made.add("made")
		}
		if id, read := strings.CutPrefix(request.path, "/products/id"); read {
			keys[id]++
		}
	}
	for _, operation := range Products().Operations {
		want := draws * operation.Weight / 100
		if got := operations[operation.Name]; got < want*9/10 || got > want*11/10 {
			t.Errorf("%d of %s, want about %d", got, operation.Name, want)
		}
	}
	if keys["0"] < 5*keys["9"] {
		t.Errorf("the favourite came up %d times and the tenth %d times: no skew", keys["0"], keys["9"])
	}
	if len(keys) != 100 {
		t.Errorf("%d keys came up, want all 100", len(keys))
	}
}

func TestPickerIsFixedBySeed(t *testing.T) {
	draw := func(seed uint64) []string {
		p := newPicker(Products(), "run", targets(100), &ids{}, seed)
		var paths []string
		for range 200 {
			request := p.pick()
			paths = append(paths, request.Method+" "+request.path+" "+request.body)
		}
		return paths
	}
	if diff := cmp.Diff(draw(7), draw(7)); diff != "" {
		t.Errorf("equal seeds differ:\n%s", diff)
	}
	if cmp.Equal(draw(7), draw(8)) {
		t.Error("different seeds draw the same")
	}
}

func TestTemplate(t *testing.T) {
	values := &blanks{target: "T", made: "M", number: "1", run: "R", drawn: []int{0, 1}}
	feeds := newFeeds([]Variable{{Name: "term", Values: []string{"W"}}, {Name: "odd", Values: []string{"", `a "b"/c&d é`}}})
	for text, want := range map[string]string{
		"":                            "",
		"/products":                   "/products",
		"/products/{target}":          "/products/T",
		`{"sku":"a-{run}-{number}"}`:  `{"sku":"a-R-1"}`,
		"{term}{term}{unknown}{made}": "WW{unknown}M",
		"{{run}}":                     "{R}",
		"/{odd}?q={odd}&x={run}":      "/a%20%22b%22%2Fc&d%20%C3%A9?q=a+%22b%22%2Fc%26d+%C3%A9&x=R",
	} {
		if got := parseTemplate(text, inPath, feeds).fill(values); got != want {
			t.Errorf("%q is filled in as %q, want %q", text, got, want)
		}
	}
}

func TestVariablesFitTheirPlace(t *testing.T) {
	feeds := newFeeds([]Variable{{Name: "odd", Values: []string{"a \"b\"\\c\nd"}}})
	for where, want := range map[place]string{inBody: `{"x":"a \"b\"\\c\nd"}`, inHeader: "{\"x\":\"a \"b\"\\c\nd\"}"} {
		if got := parseTemplate(`{"x":"{odd}"}`, where, feeds).fill(&blanks{drawn: []int{0}}); got != want {
			t.Errorf("%q is filled in, want %q", got, want)
		}
	}
}

func TestVariablesInOrder(t *testing.T) {
	scenario := Scenario{
		Operations: []Operation{{Name: "get", Weight: 1, Method: "GET", Path: "/{page}/{word}"}},
		Variables:  []Variable{{Name: "page", Values: []string{"1", "2", "3"}, InOrder: true}, {Name: "word", Values: []string{"a", "b"}}},
	}
	p, words := newPicker(scenario, "run", nil, &ids{}, 1), map[string]int{}
	for i := range 300 {
		page, word, _ := strings.Cut(strings.TrimPrefix(p.pick().path, "/"), "/")
		if want := fmt.Sprint(i%3 + 1); page != want {
			t.Fatalf("request %d is for page %s, want %s", i, page, want)
		}
		words[word]++
	}
	if words["a"] < 100 || words["b"] < 100 || len(words) != 2 {
		t.Errorf("drawn: %v", words)
	}
}
