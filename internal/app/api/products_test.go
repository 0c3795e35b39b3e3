package api_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProductGoesThroughItsLife(t *testing.T) {
	s := start(t, nil)
	created := s.create("LAMP-1", "Oak lamp")
	created.expect(t, 201, "Location", created.path(), "ETag", `"1"`)
	want := map[string]any{
		"id": created.id(), "sku": "LAMP-1", "name": "Oak lamp", "description": "Fine.",
		"price_minor": 1999.0, "currency": "EUR", "stock": 7.0, "version": 1.0,
		"created_at": created.body["created_at"], "updated_at": created.body["created_at"],
	}
	if diff := cmp.Diff(want, created.body); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}

	for _, cached := range []string{"miss", "hit"} {
		read := s.call("GET", created.path(), "")
		read.expect(t, 200, "X-Cache", cached, "ETag", `"1"`, "Cache-Control", "no-cache", "Content-Type", "application/json")
		if diff := cmp.Diff(want, read.body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", cached, diff)
		}
	}

	replaced := s.edit("PUT", created.path(), draft("LAMP-1", "Tall oak lamp"), "If-Match", `"1"`)
	replaced.expect(t, 200, "ETag", `"2"`)
	read := s.call("GET", created.path(), "")
	read.expect(t, 200, "X-Cache", "miss", "ETag", `"2"`)
	if diff := cmp.Diff(replaced.body, read.body); diff != "" || read.body["name"] != "Tall oak lamp" {
		t.Errorf("read after replace (-want +got):\n%s", diff)
	}

	s.edit("DELETE", created.path(), "").expect(t, 204)
	s.call("GET", created.path(), "").expectProblem(t, 404, "product-not-found", "id")
	s.edit("DELETE", created.path(), "").expectProblem(t, 404, "product-not-found", "id")
	s.edit("PUT", created.path(), draft("LAMP-1", "Gone")).expectProblem(t, 404, "product-not-found", "id")
}

func TestOnlyWhatMustBeGivenMust(t *testing.T) {
	s := start(t, nil)
	created := s.edit("POST", "/api/v1/products", `{"sku":"MIN","name":"Least","price_minor":0,"currency":"JPY"}`,
		"Content-Type", "application/json; charset=utf-8")
	created.expect(t, 201)
	if created.body["description"] != "" || created.body["stock"] != 0.0 {
		t.Errorf("defaults: %s", created.text)
	}
}

func TestConditionalRequests(t *testing.T) {
	s := start(t, nil)
	created := s.create("COND", "Conditional")
	for _, tags := range []string{`"1"`, `W/"1"`, `"7", "1"`, `*`} {
		answer := s.call("GET", created.path(), "", "If-None-Match", tags)
		answer.expect(t, 304, "ETag", `"1"`)
		if answer.text != "" {
			t.Errorf("304 with a body: %s", answer.text)
		}
	}
	s.call("GET", created.path(), "", "If-None-Match", `"2"`).expect(t, 200)

	body := draft("COND", "Changed")
	for _, tag := range []string{`"2"`, `"x"`, `1`, `W/"1"`, `"0"`, `"-1"`, `"01"`} {
		s.edit("PUT", created.path(), body, "If-Match", tag).expectProblem(t, 412, "version-mismatch", "If-Match")
		s.edit("DELETE", created.path(), "", "If-Match", tag).expectProblem(t, 412, "version-mismatch", "If-Match")
	}
	s.edit("PUT", created.path(), body, "If-Match", `"2"`).expect(t, 412, "ETag", `"1"`)
	s.edit("PUT", created.path(), body, "If-Match", `"1", "2"`).expectProblem(t, 400, "invalid-parameter", "If-Match")
	s.edit("PUT", created.path(), body, "If-Match", `*`).expect(t, 200, "ETag", `"2"`)
	s.edit("DELETE", created.path(), "", "If-Match", `"2"`).expect(t, 204)
}

func TestOneOfManyConditionalUpdatesWins(t *testing.T) {
	s := start(t, nil)
	created := s.create("RACE", "Contended")
	const writers = 10
	var won, lost atomic.Int64
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			switch answer := s.edit("PUT", created.path(), draft("RACE", fmt.Sprint("Writer ", i)), "If-Match", `"1"`); answer.status {
			case http.StatusOK:
				won.Add(1)
			case http.StatusPreconditionFailed:
				lost.Add(1)
			default:
				t.Errorf("status %d: %s", answer.status, answer.text)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != writers-1 {
		t.Errorf("%d won and %d lost, want 1 and %d", won.Load(), lost.Load(), writers-1)
	}
}

// A reader after a write sees it, however many others read and write.
func TestReadersNeverSeeTheTimeBeforeTheirWrite(t *testing.T) {
	s := start(t, nil)
	created := s.create("FRESH", "Fresh")
	var readers, writers sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.call("GET", created.path(), "").expect(t, 200)
				}
			}
		})
	}
	for range 2 {
		writers.Go(func() {
			for range 50 {
				written := s.edit("PUT", created.path(), draft("FRESH", "Fresh"))
				read := s.call("GET", created.path(), "")
				if read.body["version"].(float64) < written.body["version"].(float64) {
					t.Errorf("read version %v after writing %v", read.body["version"], written.body["version"])
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

func TestListGoesThroughAllPages(t *testing.T) {
	s := start(t, nil)
	var want, got []string
	for i := range 7 {
		sku := fmt.Sprintf("L-%d", i)
		s.create(sku, "Listed")
		want = append(want, sku)
	}
	path, pages := "/api/v1/products?limit=3", 0
	for path != "" {
		answer := s.call("GET", path, "")
		answer.expect(t, 200)
		for _, item := range answer.body["items"].([]any) {
			got = append(got, item.(map[string]any)["sku"].(string))
		}
		path = ""
		if cursor, more := answer.body["next_cursor"].(string); more {
			path = "/api/v1/products?limit=3&cursor=" + cursor
		}
		pages++
	}
	if diff := cmp.Diff(want, got); diff != "" || pages != 3 {
		t.Errorf("%d pages, want 3 (-want +got):\n%s", pages, diff)
	}
}

func TestAnEmptyListIsAList(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/api/v1/products", "/api/v1/products/search?q=nothing"} {
		if answer := s.call("GET", path, ""); answer.text != `{"items":[]}` {
			t.Errorf("%s: %s", path, answer.text)
		}
	}
}

func TestSearchFindsByBeginning(t *testing.T) {
	s := start(t, nil)
	s.create("LAN-1", "Copper lantern")
	s.create("BOWL", "Copper bowl")
	answer := s.call("GET", "/api/v1/products/search?q=lant&limit=5", "")
	answer.expect(t, 200)
	items := answer.body["items"].([]any)
	if len(items) != 1 || items[0].(map[string]any)["sku"] != "LAN-1" {
		t.Errorf("found %s", answer.text)
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	s := start(t, nil)
	created := s.create("HEAD", "Headed")
	answer := s.call("HEAD", created.path(), "")
	answer.expect(t, 200, "ETag", `"1"`)
	if answer.text != "" {
		t.Errorf("HEAD has a body: %s", answer.text)
	}
}
