package api

import (
	"context"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// suggestion is as much of a product as a list below a search box shows.
type suggestion struct {
	ID   string `json:"id" format:"uuid"`
	SKU  string `json:"sku"`
	Name string `json:"name"`
}

type suggestions struct {
	Items []suggestion `json:"items" nullable:"false"`
}

type suggestionsBody struct{ Body suggestions }

type suggestProductsInput struct {
	Query string `query:"q" required:"true" minLength:"1" maxLength:"200" doc:"What has been typed so far" example:"lan"`
	Limit int    `query:"limit" minimum:"1" maximum:"20" default:"5" doc:"How many, at most"`
}

// suggestProducts is an experiment: who isn't in it is told that it isn't there.
func (s *server) suggestProducts(ctx context.Context, input *suggestProductsInput) (*suggestionsBody, error) {
	if !requestOf(ctx).flags.ExperimentalSearch {
		return nil, newProblem(codeExperimental, "the flag experimental-search is off for you")
	}
	found, err := s.Catalog.Search(ctx, catalog.Search{Text: input.Query, Limit: input.Limit})
	if err != nil {
		return nil, err
	}
	items := make([]suggestion, len(found.Products))
	for i, p := range found.Products {
		items[i] = suggestion{ID: p.ID.String(), SKU: p.SKU, Name: p.Name}
	}
	return &suggestionsBody{suggestions{items}}, nil
}
