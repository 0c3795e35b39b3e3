package ingress

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// hangsUp takes requests and closes the connection without an answer.
func hangsUp(t testing.TB) (netip.AddrPort, func() int) {
	var mu sync.Mutex
	count := 0
	address := pod(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		count++
		mu.Unlock()
		panic(http.ErrAbortHandler)
	})
	return address, func() int { mu.Lock(); defer mu.Unlock(); return count }
}

func TestAnotherPodIsTried(t *testing.T) {
	large := strings.Repeat("x", 500_000)
	f := serve(t, made("it", rule("", "/", prefix, "web")))
	live := pod(t, func(w http.ResponseWriter, r *http.Request) {
		size, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, size)
	})
	gone := dead(t)
	tests := map[string]struct {
		method, body string
		first        func() (netip.AddrPort, func() int)
		want         int
	}{
		"refused, GET":               {"GET", "", func() (netip.AddrPort, func() int) { return gone, nil }, 200},
		"refused, POST":              {"POST", "hello", func() (netip.AddrPort, func() int) { return gone, nil }, 200},
		"refused, large POST":        {"POST", large, func() (netip.AddrPort, func() int) { return gone, nil }, 200},
		"hung up, GET":               {"GET", "", func() (netip.AddrPort, func() int) { return hangsUp(t) }, 200},
		"hung up, PUT":               {"PUT", "hello", func() (netip.AddrPort, func() int) { return hangsUp(t) }, 200},
		"hung up, POST: never twice": {"POST", "hello", func() (netip.AddrPort, func() int) { return hangsUp(t) }, 502},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bad, count := test.first()
			f.backends.put("web", bad, live)
			seen := map[int]int{}
			for range 2 { // the bad one is first in one of two turns
				status, body := send(t, test.method, f.url, test.body, nil)
				seen[status]++
				if status == 200 && body != fmt.Sprint(len(test.body)) {
					t.Errorf("the pod read %s bytes, want %d", body, len(test.body))
				}
			}
			if test.want == 200 && seen[200] != 2 || test.want != 200 && seen[test.want] != 1 {
				t.Errorf("statuses %v, want %d", seen, test.want)
			}
			if count != nil && count() != 1 {
				t.Errorf("the pod that hangs up was asked %d times, want once", count())
			}
		})
	}
}

// A restart takes one pod away after another while clients go on.
func TestRollingRestartLosesNothing(t *testing.T) {
	f := serve(t, made("it", rule("", "/", prefix, "web")))
	old := []*httptest.Server{httptest.NewServer(named("old")), httptest.NewServer(named("old"))}
	f.backends.put("web", addressOf(old[0]), addressOf(old[1]))
	stop := make(chan struct{})
	var clients sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				status, _ := send(t, "GET", f.url, "", nil)
				mu.Lock()
				statuses[status]++
				mu.Unlock()
			}
		})
	}
	served := func() int { mu.Lock(); defer mu.Unlock(); return statuses[200] }
	more := func() {
		for until, deadline := served()+200, time.Now().Add(patience); served() < until; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited %s for 200 more requests", patience)
			}
		}
	}
	more()
	for i := range old {
		old[i].CloseClientConnections() // the index does not know yet
		old[i].Close()
		more()
		if i == 0 {
			f.backends.put("web", addressOf(old[1]), pod(t, named("new")))
			more()
		}
	}
	close(stop)
	clients.Wait()
	if len(statuses) != 1 {
		t.Errorf("statuses %v, want 200 alone", statuses)
	}
}
