package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/catalog/samples"
	"github.com/pocctl/pocctl/internal/app/store"
)

// many is the size of the large seed.
const many = 100_000

// large gives a database with the large seed.
func large(t testing.TB) (url string) {
	t.Helper()
	url = migratedURL(t)
	if _, err := store.Seed(context.Background(), options(url), many, samples.Product); err != nil {
		t.Fatalf("seed: %v", err)
	}
	return url
}

// searchTerms are what BenchmarkSearch looks for, by kind.
func searchTerms() map[string][]string {
	terms := map[string][]string{
		"one-letter":    strings.Split("s c l b m w a k 1 9", " "),
		"short-prefix":  strings.Split("la ch co st sa le ma nu 12 po sl fo", " "),
		"everywhere":    {"sample", "made", "number", "sample number", "made of", "a s", "sam num"},
		"exact-SKU":     {"SAMPLE-000001", "sample-077777", "SAMPLE-100000"},
		"SKU-prefix":    {"SAMPLE-", "sample-0", "SAMPLE-0123", "SAMPLE-09999"},
		"nothing":       {"zebra", "lantern zebra", "lantern kettle", "zz", "copper oak steel", "!!!"},
		"number":        {"4711", "99999", "sample number 4711", "lantern 4711"},
		"stem":          {"lanterns", "folded", "chairs", "made of coppers"},
		"long":          {strings.TrimSpace(strings.Repeat("copper lantern ", 13)), strings.TrimSpace(strings.Repeat("s ", 100)), "a b c d e f g h i j k l m n o p q r s t u v w x y z", "s m n o b"},
		"no-such-money": nil,
	}
	for _, words := range [][]string{samples.Finishes(), samples.Materials(), samples.Things()} {
		terms["one-word"] = append(terms["one-word"], words...)
	}
	for i, finish := range samples.Finishes() {
		material, thing := samples.Materials()[i], samples.Things()[9-i]
		terms["two-words"] = append(terms["two-words"], material+" "+thing, finish+" "+thing, thing+" "+material)
		terms["three-words"] = append(terms["three-words"], finish+" "+material+" "+thing)
		terms["two-prefixes"] = append(terms["two-prefixes"], material[:2]+" "+thing[:3])
	}
	return terms
}

func BenchmarkSearch(b *testing.B) {
	s := open(b, large(b))
	var all []catalog.Search
	for kind, texts := range searchTerms() {
		var searches []catalog.Search
		for _, text := range texts {
			searches = append(searches, catalog.Search{Text: text, Limit: catalog.DefaultPage + 1})
		}
		if kind == "no-such-money" {
			for _, text := range []string{"s", "sample", "lantern", "copper lantern"} {
				searches = append(searches, catalog.Search{Text: text, Limit: 21, Filter: catalog.Filter{Currency: "JPY"}})
			}
		} else {
			all = append(all, searches...)
		}
		b.Run(kind, func(b *testing.B) { measureSearches(b, s, searches, 1) })
	}
	slices.SortFunc(all, func(a, b catalog.Search) int { return strings.Compare(a.Text, b.Text) })
	b.Run("all", func(b *testing.B) { measureSearches(b, s, all, 1) })
	b.Run("all-by-two", func(b *testing.B) { measureSearches(b, s, all, 2) })
	for _, offset := range []int{100, 900} {
		deep := slices.Clone(all)
		for i := range deep {
			deep[i].Offset = offset
		}
		b.Run(fmt.Sprintf("all-from-%d", offset), func(b *testing.B) { measureSearches(b, s, deep, 1) })
	}
}

// measureSearches takes one search after another, each in turn, and reports
// how long one takes.
func measureSearches(b *testing.B, s *store.Store, searches []catalog.Search, workers int) {
	b.Helper()
	measure(b, workers, func(i int) error {
		_, err := s.Search(context.Background(), searches[i%len(searches)])
		return err
	})
}

// measure has workers do b.N things between them, and reports percentiles.
func measure(b *testing.B, workers int, do func(i int) error) {
	b.Helper()
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range workers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
				began := time.Now()
				if err := do(i); err != nil {
					b.Errorf("%d: %v", i, err)
				}
				took[i] = time.Since(began)
			}
		})
	}
	all.Wait()
	b.StopTimer()
	slices.Sort(took)
	for _, percent := range []int{50, 95, 99, 100} {
		b.ReportMetric(took[(len(took)-1)*percent/100].Seconds()*1000, fmt.Sprintf("p%d-ms", percent))
	}
}

// BenchmarkPool has 32 requests at once read and write: of 20, 14 read a product,
// 3 search, 1 lists and 2 write.
func BenchmarkPool(b *testing.B) {
	url := large(b)
	words := slices.Concat(samples.Finishes(), samples.Materials(), samples.Things())
	for _, size := range []int32{2, 5, 10, 20} {
		b.Run(fmt.Sprintf("%d-connections", size), func(b *testing.B) {
			pooled := options(url)
			pooled.MaxConnections, pooled.MinIdleConnections = size, 2
			s, err := store.New(context.Background(), pooled)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(s.Close)
			measure(b, 32, func(i int) (err error) {
				ctx, product := context.Background(), samples.Product(i*7919%many)
				switch i % 20 {
				case 0, 1:
					product.Stock = int64(i)
					_, err = s.Update(ctx, product, catalog.AnyVersion)
				case 2:
					_, err = s.List(ctx, catalog.Query{Sort: catalog.Sort{Field: catalog.SortPrice}, Limit: 21})
				case 3, 4, 5:
					_, err = s.Search(ctx, catalog.Search{Text: words[i%len(words)], Limit: 21})
				default:
					_, err = s.Get(ctx, product.ID)
				}
				return err
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
