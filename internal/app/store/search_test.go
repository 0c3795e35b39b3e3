package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

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

// plainSearch ranks every product there is: no shortcuts.
const plainSearch = `
	WITH asked AS MATERIALIZED (
		SELECT product_query($1) AS anywhere, plainto_tsquery('simple', product_words($1)) AS whole
	)
	SELECT sku FROM (
		SELECT p.sku, p.id, CASE
			WHEN lower(p.sku) = lower($1) THEN 0
			WHEN d.names @@ asked.whole AND d.document @@ asked.anywhere THEN 1
			WHEN d.names @@ asked.anywhere THEN 2
			WHEN d.document @@ asked.anywhere THEN 3
			WHEN starts_with(lower(p.sku), lower($1)) THEN 4
		END AS rank
		FROM products AS p JOIN product_documents AS d ON d.product_id = p.id, asked
		WHERE ($2 = '' OR p.currency = $2) AND p.price_minor BETWEEN $3 AND $4 AND p.stock >= $5
	) AS ranked
	WHERE rank IS NOT NULL
	ORDER BY rank, CASE WHEN rank = 4 THEN lower(sku) COLLATE "C" END, id
	LIMIT $6`

// A search takes shortcuts by how common words are; its answer must not show it.
func TestSearchIsAsARankingOfAll(t *testing.T) {
	url := migratedURL(t)
	seed(t, url, 3000)
	s := open(t, url)
	for i := range 200 { // words that only the newest have, and names of one word
		create(t, s, aProduct(fmt.Sprintf("lamp-%03d", i), fmt.Sprintf("Novel%d lantern", i%3)))
		create(t, s, aProduct(fmt.Sprintf("NEW-%03d", i), "Kettle"))
	}
	connection, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(context.Background())
	price := func(minor int64) *int64 { return &minor }
	filters := []catalog.Filter{
		{}, {Currency: "USD"}, {Currency: "JPY"}, {InStock: true, MaxPriceMinor: price(2000)},
		{Currency: "EUR", MinPriceMinor: price(1999), MaxPriceMinor: price(1999)}, {MinPriceMinor: price(50_000)},
	}
	pages := [][2]int{{0, 21}, {100, 101}, {900, 100}}
	terms := searchTerms()
	terms["here"] = []string{"novel", "novel1", "lan", "lamp-", "LAMP-199", "new-0", "kettle", "novel2 lantern", "no"}
	for _, texts := range terms {
		for _, text := range texts[:min(len(texts), 10)] {
			for _, filter := range filters {
				f := struct{ from, to, stock int64 }{0, catalog.MaxPriceMinor, 0}
				if filter.MinPriceMinor != nil {
					f.from = *filter.MinPriceMinor
				}
				if filter.MaxPriceMinor != nil {
					f.to = *filter.MaxPriceMinor
				}
				if filter.InStock {
					f.stock = 1
				}
				rows, err := connection.Query(t.Context(), plainSearch, text, filter.Currency, f.from, f.to, f.stock, catalog.MaxMatches)
				if err != nil {
					t.Fatal(err)
				}
				all, err := pgx.CollectRows(rows, pgx.RowTo[string])
				if err != nil {
					t.Fatal(err)
				}
				for _, page := range pages {
					want := all[min(page[0], len(all)):min(page[0]+page[1], len(all))]
					got := found(t, s, catalog.Search{Text: text, Filter: filter, Offset: page[0], Limit: page[1]})
					if !slices.Equal(want, got) {
						t.Fatalf("%q, %+v, %d from %d (-want +got):\n%s", text, filter, page[1], page[0], cmp.Diff(want, got))
					}
				}
			}
		}
	}
}
