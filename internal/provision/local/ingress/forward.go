package ingress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	connectTimeout = 5 * time.Second // ingress-nginx's default
	idleTimeout    = 60 * time.Second
	idlePerPod     = 320 // connections kept open, ingress-nginx's default
	keptBody       = 64 << 10
	copyBuffer     = 32 << 10
)

var errClientBody = errors.New("read the client's body")

// forwarder sends a request to the endpoints of its exchange, one after another
// until one answers, so that a rolling restart loses no request. It goes on to
// the next only where the request cannot have been carried out, or may be
// carried out twice, as nginx does.
type forwarder struct{ transport http.RoundTripper }

func newForwarder() forwarder {
	return forwarder{&http.Transport{
		Proxy:               nil, // pods are never behind the machine's proxy
		DialContext:         (&net.Dialer{Timeout: connectTimeout}).DialContext,
		MaxIdleConnsPerHost: idlePerPod,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true, // bodies pass as they are
	}}
}

// RoundTrip implements http.RoundTripper.
func (f forwarder) RoundTrip(request *http.Request) (*http.Response, error) {
	e := exchangeOf(request)
	body, err := replayable(request, e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errClientBody, err)
	}
	tries := len(e.endpoints)
	if most := e.location.tries; most > 0 && most < tries {
		tries = most
	}
	first := int(e.backend.turn.Add(1) % uint32(len(e.endpoints)))
	for n := range tries {
		endpoint := e.endpoints[(first+n)%len(e.endpoints)]
		attempt := request.WithContext(request.Context())
		target := *request.URL
		target.Host = endpoint.String()
		attempt.URL = &target
		body.attach(attempt)
		var response *http.Response
		response, err = f.transport.RoundTrip(attempt)
		if err == nil {
			if response.StatusCode == http.StatusSwitchingProtocols {
				e.idle.Stop() // an upgraded connection may be silent
			} else {
				response.Body = &watchedBody{response.Body, e}
			}
			return response, nil
		}
		if request.Context().Err() != nil || !mayRepeat(request, body, err) {
			break
		}
	}
	return nil, err
}

// mayRepeat says whether another endpoint may be tried.
func mayRepeat(request *http.Request, body *requestBody, err error) bool {
	if !body.again() {
		return false
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		return true // nothing was sent
	}
	switch request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// requestBody can be attached to several attempts: a small one because it is
// kept, a large one as long as no attempt has read of it.
type requestBody struct {
	kept     []byte
	streamed io.ReadCloser
	touched  atomic.Bool
	exchange *exchange
}

func replayable(request *http.Request, e *exchange) (*requestBody, error) {
	body := &requestBody{exchange: e}
	switch {
	case request.Body == nil || request.Body == http.NoBody:
	case request.ContentLength > 0 && request.ContentLength <= keptBody:
		e.idle.Stop() // it is the client's time
		body.kept = make([]byte, request.ContentLength)
		_, err := io.ReadFull(request.Body, body.kept)
		e.idle.Reset(e.location.readTimeout)
		return body, err
	default:
		body.streamed = request.Body
	}
	return body, nil
}

func (b *requestBody) attach(attempt *http.Request) {
	switch {
	case b.kept != nil:
		attempt.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.kept)), nil }
		attempt.Body, _ = attempt.GetBody()
	case b.streamed != nil:
		attempt.Body = b
	default:
		attempt.Body = nil
	}
}

func (b *requestBody) again() bool { return !b.touched.Load() }

// Read passes the client's body on; a client that uploads keeps the request alive.
func (b *requestBody) Read(into []byte) (int, error) {
	b.touched.Store(true)
	read, err := b.streamed.Read(into)
	b.exchange.idle.Reset(b.exchange.location.readTimeout)
	return read, err
}

// Close leaves the client's body to the server, since another attempt may want it.
func (b *requestBody) Close() error { return nil }

// watchedBody ends the request when a read from the pod takes too long; the time
// that the client takes is not counted.
type watchedBody struct {
	io.ReadCloser
	exchange *exchange
}

func (b *watchedBody) Read(into []byte) (int, error) {
	b.exchange.idle.Reset(b.exchange.location.readTimeout)
	read, err := b.ReadCloser.Read(into)
	b.exchange.idle.Stop()
	return read, err
}

// buffers lends the reverse proxy its copy buffers.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{sync.Pool{New: func() any { return new([copyBuffer]byte) }}}
}

func (b *buffers) Get() []byte       { return b.pool.Get().(*[copyBuffer]byte)[:] }
func (b *buffers) Put(buffer []byte) { b.pool.Put((*[copyBuffer]byte)(buffer)) }
