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
	values := &blanks{target: "T", made: "M", term: "W", number: "1", run: "R"}
	for text, want := range map[string]string{
		"":                            "",
		"/products":                   "/products",
		"/products/{target}":          "/products/T",
		`{"sku":"a-{run}-{number}"}`:  `{"sku":"a-R-1"}`,
		"{term}{term}{unknown}{made}": "WW{unknown}M",
		"{{run}}":                     "{R}",
	} {
		if got := parseTemplate(text).fill(values); got != want {
			t.Errorf("%q is filled in as %q, want %q", text, got, want)
		}
	}
}
