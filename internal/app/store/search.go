package store

import (
	"context"
	"strings"
	"unicode"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/store/query"
)

// Search finds products by words, by the beginnings of words and by the
// beginning of the SKU. An exact SKU comes first, then by rank.
func (s *Store) Search(ctx context.Context, text string, limit int) ([]catalog.Product, error) {
	rows, err := s.queries.SearchProducts(ctx, query.SearchProductsParams{
		Prefixes:   prefixes(text),
		Words:      text,
		SkuPattern: likePrefix(strings.ToLower(text)),
		MaxItems:   int64(limit),
	})
	if err != nil {
		return nil, translate("search products", err)
	}
	products := make([]catalog.Product, len(rows))
	for i, row := range rows {
		products[i] = fromRow(row)
	}
	return products, nil
}

// prefixes makes a tsquery that asks for a word beginning with each word of
// text. Only letters and digits get through, so text can't carry operators.
func prefixes(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i := range words {
		words[i] += ":*"
	}
	return strings.Join(words, " & ")
}

func likePrefix(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}
