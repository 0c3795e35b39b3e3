package rpc

import (
	"context"

	"google.golang.org/grpc/codes"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// The numbers of suggestions, as in REST.
const (
	usualSuggestions = 5
	mostSuggestions  = 20
)

// SuggestProducts is an experiment: who isn't in it is told that it isn't there.
func (s *catalogService) SuggestProducts(ctx context.Context, request *pocctlv1.SuggestProductsRequest) (*pocctlv1.SuggestProductsResponse, error) {
	if !flags.FromContext(ctx).ExperimentalSearch {
		return nil, refuse(codes.NotFound, reasonExperimental, "the flag experimental-search is off for you")
	}
	limit := int(request.GetLimit())
	switch {
	case limit == 0:
		limit = usualSuggestions
	case limit < 0 || limit > mostSuggestions:
		return nil, catalog.Invalid{{Field: "limit", Detail: "must be from 1 to 20"}}
	}
	found, err := s.catalog.Search(ctx, catalog.Search{Text: request.GetQuery(), Limit: limit})
	if err != nil {
		return nil, renamed(err, "", map[string]string{"q": "query"})
	}
	response := &pocctlv1.SuggestProductsResponse{}
	for _, p := range found.Products {
		response.Suggestions = append(response.Suggestions, &pocctlv1.Suggestion{Id: p.ID.String(), Sku: p.SKU, Name: p.Name})
	}
	return response, nil
}
