package rpc

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

type catalogService struct {
	pocctlv1.UnimplementedCatalogServiceServer
	catalog Catalog
}

func (s *catalogService) CreateProduct(ctx context.Context, request *pocctlv1.CreateProductRequest) (*pocctlv1.CreateProductResponse, error) {
	draft, err := draftOf(request.GetProduct())
	if err != nil {
		return nil, err
	}
	created, err := s.catalog.Create(ctx, draft)
	if err != nil {
		return nil, renamed(err, "product.", nil)
	}
	return &pocctlv1.CreateProductResponse{Product: productOf(created)}, nil
}

func (s *catalogService) GetProduct(ctx context.Context, request *pocctlv1.GetProductRequest) (*pocctlv1.GetProductResponse, error) {
	id, err := parseID("id", request.GetId())
	if err != nil {
		return nil, err
	}
	found, err := s.catalog.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return &pocctlv1.GetProductResponse{Product: productOf(found)}, nil
}

func (s *catalogService) ListProducts(ctx context.Context, request *pocctlv1.ListProductsRequest) (*pocctlv1.ListProductsResponse, error) {
	field, err := sortFieldOf(request.GetSort())
	if err != nil {
		return nil, err
	}
	after, err := placeOf[catalog.Position](request)
	if err != nil {
		return nil, err
	}
	page, err := s.catalog.List(ctx, catalog.Query{
		Filter: filterOf(request.GetFilter()), Sort: catalog.Sort{Field: field, Descending: request.GetDescending()},
		After: after, Limit: pageSize(request),
	})
	if err != nil {
		return nil, renamed(err, "", listFields())
	}
	response := &pocctlv1.ListProductsResponse{Products: productsOf(page.Products)}
	if page.Next != nil {
		response.NextPageToken, err = nextToken(request, *page.Next)
	}
	return response, err
}

func (s *catalogService) SearchProducts(ctx context.Context, request *pocctlv1.SearchProductsRequest) (*pocctlv1.SearchProductsResponse, error) {
	search := catalog.Search{Text: request.GetQuery(), Filter: filterOf(request.GetFilter()), Limit: pageSize(request)}
	offset, err := placeOf[int](request)
	if err != nil {
		return nil, err
	}
	if offset != nil {
		search.Offset = *offset
	}
	found, err := s.catalog.Search(ctx, search)
	if err != nil {
		return nil, renamed(err, "", listFields())
	}
	response := &pocctlv1.SearchProductsResponse{Products: productsOf(found.Products)}
	if found.Next > 0 {
		response.NextPageToken, err = nextToken(request, found.Next)
	}
	return response, err
}

func (s *catalogService) ReplaceProduct(ctx context.Context, request *pocctlv1.ReplaceProductRequest) (*pocctlv1.ReplaceProductResponse, error) {
	id, err := parseIDAndVersion(request)
	if err != nil {
		return nil, err
	}
	draft, err := draftOf(request.GetProduct())
	if err != nil {
		return nil, err
	}
	replaced, err := s.catalog.Replace(ctx, id, draft, request.GetExpectedVersion())
	if err != nil {
		return nil, renamed(err, "product.", nil)
	}
	return &pocctlv1.ReplaceProductResponse{Product: productOf(replaced)}, nil
}

func (s *catalogService) DeleteProduct(ctx context.Context, request *pocctlv1.DeleteProductRequest) (*pocctlv1.DeleteProductResponse, error) {
	id, err := parseIDAndVersion(request)
	if err != nil {
		return nil, err
	}
	if err := s.catalog.Delete(ctx, id, request.GetExpectedVersion()); err != nil {
		return nil, err
	}
	return &pocctlv1.DeleteProductResponse{}, nil
}

func productOf(p catalog.Product) *pocctlv1.Product {
	return &pocctlv1.Product{
		Id: p.ID.String(), Sku: p.SKU, Name: p.Name, Description: p.Description,
		PriceMinor: p.PriceMinor, Currency: p.Currency, Stock: p.Stock, Version: p.Version,
		CreatedAt: timestamppb.New(p.CreatedAt), UpdatedAt: timestamppb.New(p.UpdatedAt),
	}
}

func productsOf(products []catalog.Product) []*pocctlv1.Product {
	all := make([]*pocctlv1.Product, len(products))
	for i, p := range products {
		all[i] = productOf(p)
	}
	return all
}

// draftOf refuses a draft without a price: protobuf alone would make it free.
func draftOf(given *pocctlv1.ProductDraft) (catalog.Draft, error) {
	switch {
	case given == nil:
		return catalog.Draft{}, catalog.Invalid{{Field: "product", Detail: "is missing"}}
	case given.PriceMinor == nil:
		return catalog.Draft{}, catalog.Invalid{{Field: "product.price_minor", Detail: "is missing"}}
	}
	return catalog.Draft{
		SKU: given.GetSku(), Name: given.GetName(), Description: given.GetDescription(),
		PriceMinor: given.GetPriceMinor(), Currency: given.GetCurrency(), Stock: given.GetStock(),
	}, nil
}

func filterOf(given *pocctlv1.ProductFilter) catalog.Filter {
	if given == nil {
		return catalog.Filter{}
	}
	return catalog.Filter{
		Currency: given.GetCurrency(), InStock: given.GetInStock(),
		MinPriceMinor: given.MinPriceMinor, MaxPriceMinor: given.MaxPriceMinor,
	}
}

func sortFieldOf(given pocctlv1.ProductSort) (catalog.SortField, error) {
	switch given {
	case pocctlv1.ProductSort_PRODUCT_SORT_UNSPECIFIED, pocctlv1.ProductSort_PRODUCT_SORT_CREATED:
		return catalog.SortCreated, nil
	case pocctlv1.ProductSort_PRODUCT_SORT_NAME:
		return catalog.SortName, nil
	case pocctlv1.ProductSort_PRODUCT_SORT_PRICE:
		return catalog.SortPrice, nil
	}
	return "", badParameter("sort", "must be a ProductSort")
}

// listFields are the catalog's names of what lists and searches take.
func listFields() map[string]string {
	return map[string]string{
		"limit": "page_size", "cursor": "page_token", "offset": "page_token", "q": "query",
		"currency": "filter.currency", "min_price": "filter.min_price_minor", "max_price": "filter.max_price_minor",
	}
}

func parseIDAndVersion(request interface {
	GetId() string
	GetExpectedVersion() int64
},
) (uuid.UUID, error) {
	if request.GetExpectedVersion() < 0 {
		return uuid.UUID{}, badParameter("expected_version", "must be a version, or 0 for any")
	}
	return parseID("id", request.GetId())
}

// parseID takes the usual form of a UUID alone; Parse knows others, too.
func parseID(field, text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return id, badParameter(field, "must be a UUID")
	}
	return id, nil
}
