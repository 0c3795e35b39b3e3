package ingress

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

// statusClientGone is nginx's status for a client that did not wait; it is only
// counted, never sent.
const statusClientGone = 499

var errReadTimeout = errors.New("the pod sent nothing within the read timeout")

// handler routes each request to a ready pod.
type handler struct {
	table    atomic.Pointer[table]
	services Services
	metrics  *metrics
	random   func(int) int
	now      func() time.Time
	proxy    *httputil.ReverseProxy
}

// exchange is one request on its way; it travels in the request's context.
type exchange struct {
	location  *location
	backend   backend
	canary    bool
	endpoints []netip.AddrPort
	idle      *time.Timer // ends the request when the pod has been silent too long
	status    int
}

type exchangeKey struct{}

func exchangeOf(request *http.Request) *exchange {
	return request.Context().Value(exchangeKey{}).(*exchange)
}

func newHandler(services Services, measured *metrics, random func(int) int, logger *slog.Logger) *handler {
	h := &handler{services: services, metrics: measured, random: random, now: time.Now}
	h.proxy = &httputil.ReverseProxy{
		Rewrite:    outgoing,
		Transport:  newForwarder(),
		BufferPool: newBuffers(),
		ErrorLog:   slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		ModifyResponse: func(response *http.Response) error {
			exchangeOf(response.Request).status = response.StatusCode
			return nil
		},
		ErrorHandler: refuse,
	}
	return h
}

// ServeHTTP counts every request, also one whose client or pod went away.
func (h *handler) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	e := &exchange{}
	started := h.now()
	defer func() { h.metrics.observe(request, e, h.now().Sub(started)) }()
	routes := h.table.Load()
	if routes == nil {
		e.reply(w, http.StatusServiceUnavailable, "the ingress is starting")
		return
	}
	host := hostOf(request.Host)
	e.location = routes.match(host, request.URL.Path)
	if e.location == nil {
		e.reply(w, http.StatusNotFound, fmt.Sprintf("no Ingress has a path for %q at host %q", request.URL.Path, host))
		return
	}
	if e.location.appRoot != "" && request.URL.Path == "/" {
		e.status = http.StatusFound
		http.Redirect(w, request, e.location.appRoot, http.StatusFound)
		return
	}
	if limit := e.location.bodyLimit; limit > 0 {
		if request.ContentLength > limit {
			e.reply(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", limit))
			return
		}
		if request.ContentLength < 0 {
			request.Body = http.MaxBytesReader(w, request.Body, limit)
		}
	}
	h.choose(e, request)
	if len(e.endpoints) == 0 {
		e.reply(w, http.StatusServiceUnavailable, fmt.Sprintf("Service %s has no ready pod", e.backend.service))
		return
	}
	ctx, cancel := context.WithCancelCause(context.WithValue(request.Context(), exchangeKey{}, e))
	defer cancel(nil)
	e.idle = time.AfterFunc(e.location.readTimeout, func() { cancel(errReadTimeout) })
	defer e.idle.Stop()
	h.proxy.ServeHTTP(w, request.WithContext(ctx))
}

// choose takes the canary if its policy says so and it has a ready pod.
func (h *handler) choose(e *exchange, request *http.Request) {
	if c := e.location.canary; c != nil && c.policy.takes(request, h.random) {
		if ready := h.ready(c.backend); len(ready) > 0 {
			e.backend, e.canary, e.endpoints = c.backend, true, ready
			return
		}
	}
	e.backend, e.endpoints = e.location.backend, h.ready(e.location.backend)
}

func (h *handler) ready(backend backend) []netip.AddrPort {
	service := h.services.Get(backend.service)
	if service == nil {
		return nil
	}
	for _, port := range service.Ports {
		if backend.name != "" && port.Name == backend.name || backend.name == "" && int32(port.Number) == backend.number {
			return port.Backends
		}
	}
	return nil
}

// outgoing makes the pod's request: the client's own, with the headers that
// ingress-nginx sets. What a client claims in them is not believed.
func outgoing(request *httputil.ProxyRequest) {
	in, out := request.In, request.Out
	e := exchangeOf(in)
	out.URL.Scheme = "http"
	out.URL.RawQuery = in.URL.RawQuery // ReverseProxy would drop what it cannot read
	if rewritten, is := e.location.rewritten(in.URL.Path); is {
		out.URL.Path, out.URL.RawPath = rewritten, ""
	}
	if e.location.upstreamHost != "" {
		out.Host = e.location.upstreamHost
	}
	request.SetXForwarded()
	client, _, _ := net.SplitHostPort(in.RemoteAddr)
	out.Header.Set("X-Real-IP", client)
	out.Header.Set("X-Scheme", "http")
	out.Header.Set("X-Forwarded-Scheme", "http")
	if local, is := in.Context().Value(http.LocalAddrContextKey).(net.Addr); is {
		_, port, _ := net.SplitHostPort(local.String())
		out.Header.Set("X-Forwarded-Port", port)
	}
	if earlier := in.Header.Get("X-Forwarded-For"); earlier != "" {
		out.Header.Set("X-Original-Forwarded-For", earlier)
	}
	if in.Header.Get("X-Request-ID") == "" {
		out.Header.Set("X-Request-ID", requestID())
	}
}

// refuse answers a request that no pod has answered.
func refuse(w http.ResponseWriter, request *http.Request, err error) {
	e := exchangeOf(request)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		e.reply(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", tooLarge.Limit))
	case errors.Is(context.Cause(request.Context()), errReadTimeout):
		e.reply(w, http.StatusGatewayTimeout, fmt.Sprintf("a pod of Service %s sent nothing for %s", e.backend.service, e.location.readTimeout))
	case request.Context().Err() != nil:
		e.status = statusClientGone
	case errors.Is(err, errClientBody):
		e.reply(w, http.StatusBadRequest, "the body ended early")
	case isTimeout(err):
		e.reply(w, http.StatusGatewayTimeout, fmt.Sprintf("no pod of Service %s could be reached in time", e.backend.service))
	default:
		e.reply(w, http.StatusBadGateway, fmt.Sprintf("no pod of Service %s answered", e.backend.service))
	}
}

func (e *exchange) reply(w http.ResponseWriter, status int, message string) {
	e.status = status
	http.Error(w, fmt.Sprintf("%d %s: %s", status, http.StatusText(status), message), status)
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

func hostOf(header string) string {
	host := header
	if bare, _, err := net.SplitHostPort(header); err == nil {
		host = bare
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

func requestID() string {
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	return hex.EncodeToString(id[:])
}

// Services is what the ingress needs of the endpoint index.
type Services interface {
	Get(endpoints.Key) *endpoints.Service
}
