package api

import (
	"embed"
	"io/fs"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:embed docs
var docsFiles embed.FS

// docsPolicy lets the page load what comes from here, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

// documents serves the OpenAPI document and the page that shows it.
func (s *server) documents(engine *gin.Engine) {
	document := sync.OnceValues(func() ([]byte, error) {
		return json.Marshal(s.huma.OpenAPI(), jsontext.WithIndent("  "))
	})
	read(engine, "/openapi.json", func(c *gin.Context) {
		text, err := document()
		if err != nil {
			s.refuse(c, err)
			return
		}
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, "application/json", text)
	})
	files, err := fs.Sub(docsFiles, "docs")
	if err != nil {
		panic(err) // the folder is built in
	}
	read(engine, "/docs", func(c *gin.Context) {
		c.Header("Content-Security-Policy", docsPolicy)
		c.Header("Cache-Control", "no-cache")
		c.FileFromFS("page.html", http.FS(files))
	})
	read(engine, "/docs/:file", func(c *gin.Context) {
		c.Header("Cache-Control", "max-age=3600")
		c.FileFromFS(c.Param("file"), http.FS(files))
	})
}
