package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store"
)

func found(t testing.TB, s *store.Store, search catalog.Search) (skus []string) {
	t.Helper()
	products, err := s.Search(context.Background(), search)
	if err != nil {
		t.Fatalf("search %q: %v", search.Text, err)
	}
	for _, product := range products {
		skus = append(skus, product.SKU)
	}
	return skus
}

func TestSearch(t *testing.T) {
	s := migrated(t)
	for _, p := range [][2]string{ // in this order, since the oldest of one rank comes first
		{"LAN-100", "Copper lantern"}, {"LAN-200", "Steel lantern"}, {"CHAIR_1", "Folding chair"}, {"CHAIRX1", "Oak stool"},
		{"PCT-1", "100% wool blanket"}, {"CAFE", "Café table"}, {"SHADE", "Chairback shade"}, {"NET", "Wi-Fi router, 3.5mm jack"},
		{"HOST", "Guide to example.com and AT&T"}, {"MEN", "Men’s shoes"}, {"DE", "Größe überall"}, {"HI", "हिन्दी किताब"},
		{"ZH", "折叠椅"}, {"TAG", "The <b>bold</b> &amp; brave"}, {"LANTERN", "Nothing of the sort"},
	} {
		create(t, s, aProduct(p[0], p[1]))
	}
	described := aProduct("KEEP", "Shelf")
	described.Description = "It stands beside any chair. See www.shelf.example/keep."
	create(t, s, described)

	tests := []struct {
		text string
		want []string
	}{
		{"copper", []string{"LAN-100"}},
		{"Copper Lantern", []string{"LAN-100"}},
		{"lantern copper", []string{"LAN-100"}},                // in any order
		{"cop lan", []string{"LAN-100"}},                       // the beginnings of words
		{"lantern", []string{"LANTERN", "LAN-100", "LAN-200"}}, // the very SKU comes first
		{"lanterns", []string{"LAN-100", "LAN-200"}},           // by stem
		{"folded", []string{"CHAIR_1"}},
		{"folded cha", []string{"CHAIR_1"}},                        // one by stem, one by beginning
		{"the chair", []string{"CHAIR_1", "SHADE", "KEEP"}},        // common words don't count beside others
		{"chair", []string{"CHAIR_1", "SHADE", "KEEP", "CHAIRX1"}}, // whole in the name, begun in the name, in the description, SKU alone
		{"CHAIR_1", []string{"CHAIR_1"}},                           // the underscore is no wildcard
		{"lan-2", []string{"LAN-200"}},                             // the beginning of a SKU, in any case
		{"LAN-", []string{"LAN-100", "LAN-200"}},
		{"100%", []string{"PCT-1"}}, // nor is the percent sign
		{"%", nil},
		{"_", nil},
		{"caf", []string{"CAFE"}},
		{"café", []string{"CAFE"}},
		{"wi-fi", []string{"NET"}},
		{"Wi-Fi router, 3.5mm jack", []string{"NET"}},
		{"3.5mm", []string{"NET"}},
		{"example.com", []string{"HOST"}},
		{"AT&T", []string{"HOST"}},
		{"shelf.example", []string{"KEEP"}},
		{"men's", []string{"MEN"}},
		{"mens", []string{"MEN"}},
		{"größe", []string{"DE"}},
		{"über", []string{"DE"}},
		{"हिन्दी", []string{"HI"}},
		{"किताब", []string{"HI"}},
		{"折叠", []string{"ZH"}},
		{"bold brave", []string{"TAG"}},
		{"the", []string{"TAG", "LANTERN"}}, // unless there are no others
		{"nothing of the kind", nil},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			if diff := cmp.Diff(test.want, found(t, s, catalog.Search{Text: test.text, Limit: 10})); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

// Operators of tsquery, LIKE, SQL and COPY are not for callers: they part words
// like any other sign, and none makes a search fail or find all.
func TestSearchTextIsNoProgram(t *testing.T) {
	s := migrated(t)
	for i := range 30 {
		create(t, s, aProduct(fmt.Sprintf("SAFE-%02d", i), "Copper lantern"))
	}
	create(t, s, aProduct("OTHER", "Steel kettle"))
	tests := map[string]int{ // how many are found
		"!!! & | :* ( '":             0,
		":*":                         0,
		"*":                          0,
		"copper | kettle":            0, // both words, or nothing
		"copper & lantern":           30,
		"copper <-> lantern":         30,
		"copper !lantern":            30,
		"lantern -copper":            30,
		`"lantern copper"`:           30,
		"copper:D":                   0,
		"copper:*D":                  0,
		"'copper'":                   30,
		"''copper":                   30,
		`copper\`:                    30,
		`\'copper`:                   30,
		"copper') OR true --":        0,
		"'; DROP TABLE products; --": 0,
		"$1":                         0,
		"@wanted":                    0,
		"SAFE%":                      0,
		"safe-__":                    0,
		"SAFE-0":                     10,
		`safe-0\`:                    0,
		"\\x00":                      0,
		"copper\x00lantern":          0,
		"\x00":                       0,
		"\xff\xfe":                   0,
		"😀":                          0,
		"copper 😀":                   0,
		"copper\tlantern\nlantern":   30,
		"copper\u00a0lantern":        0,      // one word to the parser; the catalog refuses it
		"":                           30 + 1, // every SKU begins so; the catalog refuses it
		"\U0010FFFF":                 0,
		"İstanbul ﬁn ẞ":              0,
	}
	for text, want := range tests {
		if got := found(t, s, catalog.Search{Text: text, Limit: 100}); len(got) != want {
			t.Errorf("%q found %d, want %d: %v", text, len(got), want, got)
		}
	}
}
