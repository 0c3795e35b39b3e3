package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// mostBody is more than any answer that a check reads.
const mostBody = 1 << 20

// answered is a request and what came back.
type answered struct {
	request string // "GET /api/v1/products/1"
	url     string
	header  http.Header
	body    []byte
	status  int
	token   bool // it was sent with a token
}

// asked is a request to the API, and the status that is expected of it.
type asked struct {
	method, path string
	body         string // JSON; empty for none
	key          string // Idempotency-Key; empty for none
	status       int
}

// item is a product or an order as the API answers it, as far as it matters here.
type item struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"` // of an order
	Reason string `json:"reason"`
}

// call sends a request to the API and expects a status. A transport error is a
// mismatch, too.
func (o Options) call(ctx context.Context, a asked) (answered, *mismatch) {
	got := answered{request: a.method + " " + o.Path + a.path, url: o.Root + o.Path + a.path, token: o.Token != nil}
	failed := func(err error) (answered, *mismatch) {
		found := got.instead(fmt.Sprintf("status %d", a.status))
		found.got = plain(err)
		return got, found
	}
	request, err := http.NewRequestWithContext(ctx, a.method, got.url, strings.NewReader(a.body))
	if err != nil {
		return failed(err)
	}
	if a.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if a.key != "" {
		request.Header.Set("Idempotency-Key", a.key)
	}
	if o.Token != nil {
		token, err := o.Token.Token()
		if err != nil {
			return failed(err)
		}
		token.SetAuthHeader(request)
	}
	response, err := o.Client.Do(request)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = response.Body.Close() }()
	if got.body, err = io.ReadAll(io.LimitReader(response.Body, mostBody)); err != nil {
		return failed(err)
	}
	got.status, got.header = response.StatusCode, response.Header
	if got.status != a.status {
		return got, got.instead(fmt.Sprintf("status %d", a.status))
	}
	return got, nil
}

// instead is the mismatch of an answer that is not what was expected.
func (a answered) instead(expected string) *mismatch {
	got := fmt.Sprintf("status %d", a.status)
	if text := beginning(a.body); text != "" {
		got += " with " + text
	}
	look := "curl -i "
	if a.token {
		look += `-H "Authorization: Bearer $(pocctl token)" `
	}
	return &mismatch{expected: expected + " from " + a.request, got: got, next: fmt.Sprintf("%s'%s', pocctl logs", look, a.url)}
}

// item gives an empty one if the answer holds none.
func (a answered) item() item {
	var read item
	_ = json.Unmarshal(a.body, &read)
	return read
}

func (a answered) items() []item {
	var read struct {
		Items []item `json:"items"`
	}
	_ = json.Unmarshal(a.body, &read)
	return read.Items
}

// beginning gives the first characters of an answer on one line.
func beginning(body []byte) string {
	const most = 200
	text := strings.Join(strings.Fields(string(bytes.ToValidUTF8(body[:min(2*most, len(body))], nil))), " ")
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most]) + "…"
	}
	return text
}

// plain takes method and URL off an error whose message names them elsewhere.
func plain(err error) string {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err.Error()
	}
	return err.Error()
}
