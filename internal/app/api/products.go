package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/catalog"
)

const (
	productsPath = "/api/v1/products"
	tagProducts  = "Products"
)

func (s *server) productOperations() {
	register(s, operation{
		name: "listProducts", method: http.MethodGet, path: productsPath, tag: tagProducts, success: http.StatusOK,
		summary: "List products", detail: "A page of products, in the order of sort. next_cursor asks for the next one, with the same sort and filters.",
	}, s.listProducts)
	register(s, operation{
		name: "searchProducts", method: http.MethodGet, path: productsPath + "/search", tag: tagProducts, success: http.StatusOK,
		summary: "Search products", detail: "Products whose words, or whose SKU, begin with those of q. An exact SKU comes first, then the best match.",
	}, s.searchProducts)
	register(s, operation{
		name: "suggestProducts", method: http.MethodGet, path: productsPath + "/suggestions", tag: tagProducts, success: http.StatusOK,
		summary: "Suggest products while a query is typed", refusals: []int{http.StatusNotFound},
		detail: "The names of the best matches. Experimental: answered with 404 unless the flag experimental-search is on for the caller.",
	}, s.suggestProducts)
	register(s, operation{
		name: "getProduct", method: http.MethodGet, path: productsPath + "/{id}", tag: tagProducts, success: http.StatusOK,
		summary: "Read a product", refusals: []int{http.StatusNotFound}, raw: reflect.TypeFor[product](),
	}, s.getProduct)
	register(s, operation{
		name: "createProduct", method: http.MethodPost, path: productsPath, tag: tagProducts, success: http.StatusCreated,
		summary: "Add a product", refusals: []int{http.StatusConflict},
	}, s.createProduct)
	register(s, operation{
		name: "replaceProduct", method: http.MethodPut, path: productsPath + "/{id}", tag: tagProducts, success: http.StatusOK,
		summary: "Replace a product", detail: "With If-Match, only if it is still at that version.",
		refusals: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, s.replaceProduct)
	register(s, operation{
		name: "deleteProduct", method: http.MethodDelete, path: productsPath + "/{id}", tag: tagProducts, success: http.StatusNoContent,
		summary: "Remove a product", refusals: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, s.deleteProduct)
}

// product is a product as it is answered. Changing it takes a new number in
// the cache's key prefix.
type product struct {
	ID string `json:"id" format:"uuid"`
	Draft
	Version   int64     `json:"version" minimum:"1" doc:"Grows by one with every change; the ETag"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Draft is the part of a product that its owner writes.
type Draft struct {
	SKU         string `json:"sku" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" doc:"The owner's own name for it, unique whatever its case" example:"LAMP-1"`
	Name        string `json:"name" minLength:"1" maxLength:"200" example:"Oak lamp"`
	Description string `json:"description" required:"false" maxLength:"4000"`
	PriceMinor  int64  `json:"price_minor" minimum:"0" maximum:"1000000000000" doc:"In the currency's minor unit: cents, pence, yen" example:"1999"`
	Currency    string `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217" example:"EUR"`
	Stock       int64  `json:"stock" required:"false" minimum:"0" maximum:"1000000000" doc:"Pieces at hand"`
}

func (d Draft) domain() catalog.Draft { return catalog.Draft(d) }

func present(p catalog.Product) product {
	return product{
		ID: p.ID.String(), Draft: Draft(p.Draft),
		Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
}

func presentAll(products []catalog.Product) []product {
	items := make([]product, len(products))
	for i, p := range products {
		items[i] = present(p)
	}
	return items
}

// ProductKey names a product in the path.
type ProductKey struct {
	ID string `path:"id" format:"uuid" example:"019b76da-a800-7bfa-b17b-5d25d0769c66"`
}

func (p ProductKey) parse() (catalog.ID, error) { return parseID(p.ID) }

// parseID takes the usual form of a UUID alone; Parse knows others, too.
func parseID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return id, newProblem(codeParameter, "id must be a UUID").about("id")
	}
	return id, nil
}

type (
	productBody struct {
		ETag string `header:"ETag"`
		Body product
	}
	createdProduct struct {
		Location string `header:"Location"`
		ETag     string `header:"ETag"`
		Body     product
	}
	createProductInput struct{ Body Draft }
)

func (s *server) createProduct(ctx context.Context, input *createProductInput) (*createdProduct, error) {
	created, err := s.Catalog.Create(ctx, input.Body.domain())
	if err != nil {
		return nil, err
	}
	return &createdProduct{productsPath + "/" + created.ID.String(), etag(created.Version), present(created)}, nil
}

type getProductInput struct {
	ProductKey
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of what you have: 304 if it is still so"`
}

// rawProduct is a product as the cache has it, with no need to be read and
// written anew.
type rawProduct struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	ContentType  string `header:"Content-Type"`
	Cache        string `header:"X-Cache" enum:"hit,miss"`
	Body         []byte
}

// getProduct is the hot path: on a hit it writes bytes as the cache has them.
func (s *server) getProduct(ctx context.Context, input *getProductInput) (*rawProduct, error) {
	id, err := input.parse()
	if err != nil {
		return nil, err
	}
	r := requestOf(ctx)
	fetch := s.Cache.Fetch
	if !r.flags.ProductCache {
		fetch = s.Cache.Bypass
	}
	entry, result, err := fetch(ctx, id, func(ctx context.Context) (cache.Entry, error) {
		found, err := s.Catalog.Get(ctx, id)
		if err != nil {
			return cache.Entry{}, err
		}
		body, err := json.Marshal(present(found))
		return cache.Entry{Version: found.Version, Body: body}, err
	})
	r.cache = "miss"
	if result == cache.Hit {
		r.cache = "hit"
	}
	if err != nil {
		r.header(cacheHeader, r.cache)
		return nil, err
	}
	output := &rawProduct{Status: http.StatusOK, ContentType: "application/json", Body: entry.Body}
	if unchanged(input.IfNoneMatch, entry.Version) {
		output.Status, output.ContentType, output.Body = http.StatusNotModified, "", nil
	}
	// The fields are for the document: this way the headers cost one allocation.
	values := []string{etag(entry.Version), "no-cache", r.cache} // keep it, but ask whether it has changed
	header := r.writer.Header()
	header["Etag"], header["Cache-Control"], header[cacheHeader] = values[0:1:1], values[1:2:2], values[2:3:3]
	return output, nil
}

type replaceProductInput struct {
	ProductKey
	IfMatch string `header:"If-Match" doc:"The ETag of the version that you have seen; without it, whatever is there"`
	Body    Draft
}

func (s *server) replaceProduct(ctx context.Context, input *replaceProductInput) (*productBody, error) {
	id, expected, err := idAndVersion(input.ID, input.IfMatch)
	if err != nil {
		return nil, err
	}
	replaced, err := s.Catalog.Replace(ctx, id, input.Body.domain(), expected)
	if err != nil {
		return nil, err
	}
	return &productBody{etag(replaced.Version), present(replaced)}, nil
}

type deleteProductInput struct {
	ProductKey
	IfMatch string `header:"If-Match" doc:"The ETag of the version that you have seen; without it, whatever is there"`
}

func (s *server) deleteProduct(ctx context.Context, input *deleteProductInput) (*struct{}, error) {
	id, expected, err := idAndVersion(input.ID, input.IfMatch)
	if err != nil {
		return nil, err
	}
	return nil, s.Catalog.Delete(ctx, id, expected)
}

func idAndVersion(text, ifMatch string) (id catalog.ID, expected int64, err error) {
	if id, err = parseID(text); err != nil {
		return id, 0, err
	}
	expected, err = expectedVersion(ifMatch)
	return id, expected, err
}
