//go:build linux

package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// What the servers that do nothing answer: as much as the service would.
const (
	baselineProduct = `{"id":"019b76da-a800-7bfa-b17b-5d25d0769c66","sku":"SAMPLE-000001","name":"Polished ceramic notebook",` +
		`"description":"A notebook made of ceramic. Sample number 1.","price_minor":38469,"currency":"EUR","stock":225,"version":1,` +
		`"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}`
	baselineItems = 10
)

func serveBaseline(kind, address string) error {
	product := []byte(baselineProduct)
	page := []byte(`{"items":[` + strings.TrimSuffix(strings.Repeat(baselineProduct+",", baselineItems), ",") + `]}`)
	answer := func(method, path string) (status int, body []byte) {
		switch {
		case method == http.MethodDelete:
			return http.StatusNoContent, nil
		case method == http.MethodPost:
			return http.StatusCreated, product
		case strings.HasSuffix(path, "/search"):
			return http.StatusOK, page
		}
		return http.StatusOK, product
	}
	var handler http.Handler
	switch kind {
	case "net/http":
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status, body := answer(r.Method, r.URL.Path)
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Cache", "hit")
			w.WriteHeader(status)
			_, _ = w.Write(body) // the client may have gone
		})
	case "gin":
		gin.SetMode(gin.ReleaseMode)
		engine := gin.New()
		handle := func(c *gin.Context) {
			status, body := answer(c.Request.Method, c.Request.URL.Path)
			c.Header("X-Cache", "hit")
			c.Data(status, "application/json", body)
		}
		engine.GET("/", handle)
		engine.Any("/api/v1/products", handle)
		engine.Any("/api/v1/products/:id", handle)
		engine.Any("/api/v1/orders", handle)
		handler = engine
	default:
		return fmt.Errorf("there is no baseline %q", kind)
	}
	return (&http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}).ListenAndServe()
}
