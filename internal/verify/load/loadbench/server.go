//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// delay is what the handler of /known waits, at least.
const delay = 2 * time.Millisecond

// known keeps how long the handler really took, which is the truth that generators are
// held to.
type known struct {
	mu    sync.Mutex
	times []time.Duration
}

// truth is what the handler of /known took, by its own clock.
type truth struct {
	P50 float64 `json:"p50Milliseconds"`
	P99 float64 `json:"p99Milliseconds"`
}

// server serves until it is killed, and writes its URL first.
func server(out io.Writer) error {
	if err := useCore(1); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // takes no time
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "http://%s\n", listener.Addr()); err != nil {
		return err
	}
	var kept known
	// A server that costs little, so that the generator is what reaches its end first.
	return (&fasthttp.Server{Handler: func(c *fasthttp.RequestCtx) {
		switch string(c.Path()) {
		case "/known":
			kept.serve()
		case "/truth":
			_ = json.NewEncoder(c).Encode(kept.take())
			return
		}
		c.Response.Header.Set("X-Cache", "hit")
		c.SetContentType("application/json")
		c.SetBodyString(`{"id":"1","name":"lantern"}`)
	}}).Serve(listener)
}

func (k *known) serve() {
	begin := time.Now()
	<-time.After(delay)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.times = append(k.times, time.Since(begin))
}

// take gives what was kept, and begins anew.
func (k *known) take() truth {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.times) == 0 {
		return truth{}
	}
	slices.Sort(k.times)
	at := func(share float64) float64 {
		return float64(k.times[int(share*float64(len(k.times)-1))].Microseconds()) / 1000
	}
	found := truth{at(0.5), at(0.99)}
	k.times = nil
	return found
}
