package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/catalog"
)

const productsPath = "/api/v1/products"

// product is a product as it is answered. Changing it takes a new number in
// the cache's key prefix.
type product struct {
	ID          string    `json:"id"`
	SKU         string    `json:"sku"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	PriceMinor  int64     `json:"price_minor"` // in the currency's minor unit
	Currency    string    `json:"currency"`    // ISO 4217
	Stock       int64     `json:"stock"`
	Version     int64     `json:"version"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

type page struct {
	Items      []product `json:"items"`
	NextCursor string    `json:"next_cursor,omitempty"` // absent on the last page
}

func present(p catalog.Product) product {
	return product{
		ID: p.ID.String(), SKU: p.SKU, Name: p.Name, Description: p.Description,
		PriceMinor: p.PriceMinor, Currency: p.Currency, Stock: p.Stock,
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

func (s *server) createProduct(c *gin.Context) {
	draft, err := readDraft(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	created, err := s.Catalog.Create(c.Request.Context(), draft)
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header("Location", productsPath+"/"+created.ID.String())
	c.Header("ETag", etag(created.Version))
	c.JSON(http.StatusCreated, present(created))
}

// getProduct is the hot path: on a hit it writes bytes as Redis has them.
func (s *server) getProduct(c *gin.Context) {
	id, err := productID(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	entry, result, err := s.Cache.Fetch(c.Request.Context(), id, func(ctx context.Context) (cache.Entry, error) {
		found, err := s.Catalog.Get(ctx, id)
		if err != nil {
			return cache.Entry{}, err
		}
		body, err := json.Marshal(present(found))
		return cache.Entry{Version: found.Version, Body: body}, err
	})
	if result == cache.Hit {
		c.Header(cacheHeader, "hit")
	} else {
		c.Header(cacheHeader, "miss")
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header("ETag", etag(entry.Version))
	c.Header("Cache-Control", "no-cache") // keep it, but ask whether it has changed
	if unchanged(c.GetHeader("If-None-Match"), entry.Version) {
		c.Status(http.StatusNotModified)
		return
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", entry.Body)
}

func (s *server) listProducts(c *gin.Context) {
	limit, err := pageLimit(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	after, err := decodeCursor(c.Query("cursor"))
	if err != nil {
		s.refuse(c, err)
		return
	}
	found, err := s.Catalog.List(c.Request.Context(), after, limit)
	if err != nil {
		s.refuse(c, err)
		return
	}
	answer := page{Items: presentAll(found.Products)}
	if found.More {
		answer.NextCursor = encodeCursor(found.Products[len(found.Products)-1].ID)
	}
	c.JSON(http.StatusOK, answer)
}

func (s *server) searchProducts(c *gin.Context) {
	limit, err := pageLimit(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	found, err := s.Catalog.Search(c.Request.Context(), c.Query("q"), limit)
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.JSON(http.StatusOK, page{Items: presentAll(found)})
}

func (s *server) replaceProduct(c *gin.Context) {
	id, expected, err := productAndVersion(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	draft, err := readDraft(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	replaced, err := s.Catalog.Replace(c.Request.Context(), id, draft, expected)
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header("ETag", etag(replaced.Version))
	c.JSON(http.StatusOK, present(replaced))
}

func (s *server) deleteProduct(c *gin.Context) {
	id, expected, err := productAndVersion(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	if err := s.Catalog.Delete(c.Request.Context(), id, expected); err != nil {
		s.refuse(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// readDraft takes a product from the body. sku, name, price_minor and currency
// must be there; description and stock may be left out.
func readDraft(c *gin.Context) (draft catalog.Draft, err error) {
	body, err := readBody(c.Writer, c.Request)
	if err != nil {
		return draft, err
	}
	return decodeDraft(body)
}

func decodeDraft(body []byte) (draft catalog.Draft, err error) {
	given, err := decodeObject(body, map[string]any{
		"sku": &draft.SKU, "name": &draft.Name, "description": &draft.Description,
		"price_minor": &draft.PriceMinor, "currency": &draft.Currency, "stock": &draft.Stock,
	})
	if err != nil {
		return draft, err
	}
	var missing catalog.Invalid
	for _, name := range []string{"sku", "name", "price_minor", "currency"} {
		if !given[name] {
			missing = append(missing, catalog.Violation{Field: name, Detail: "is missing"})
		}
	}
	if missing != nil {
		return draft, missing
	}
	return draft, nil
}

func productAndVersion(c *gin.Context) (id catalog.ID, expected int64, err error) {
	if id, err = productID(c); err != nil {
		return id, 0, err
	}
	expected, err = expectedVersion(c.GetHeader("If-Match"))
	return id, expected, err
}

func productID(c *gin.Context) (catalog.ID, error) {
	text := c.Param("id")
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 { // Parse knows other forms, too
		return id, newProblem(codeParameter, "id must be a UUID").about("id")
	}
	return id, nil
}

func pageLimit(c *gin.Context) (int, error) {
	text := c.Query("limit")
	if text == "" {
		return catalog.DefaultPage, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil {
		return 0, newProblem(codeParameter, "limit must be a whole number").about("limit")
	}
	return limit, nil
}
