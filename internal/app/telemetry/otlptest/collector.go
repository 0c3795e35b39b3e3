// Package otlptest is a collector for tests: it takes spans by OTLP, over HTTP and
// gRPC, as the real one does, and keeps what came over the wire.
package otlptest

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Collector keeps spans. It is safe for concurrent use.
type Collector struct {
	http *httptest.Server
	grpc string

	mutex   sync.Mutex
	spans   []*tracepb.ResourceSpans
	headers []http.Header
	refuse  int
	changed chan struct{}
}

// New starts a collector on loopback; it stops when the test ends.
func New(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", c.takeHTTP)
	c.http = httptest.NewServer(mux)
	t.Cleanup(c.http.Close)

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for OTLP by gRPC: %v", err)
	}
	c.grpc = "http://" + listener.Addr().String()
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, service{c: c})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("serve OTLP by gRPC: %v", err)
		}
	})
	return c
}

// HTTP is the URL for OTLP by HTTP, GRPC that for OTLP by gRPC.
func (c *Collector) HTTP() string { return c.http.URL }

// GRPC is the URL for OTLP by gRPC.
func (c *Collector) GRPC() string { return c.grpc }

// Refuse answers with an HTTP status from now on, UNAVAILABLE or INVALID_ARGUMENT
// by gRPC for 503 or anything else; 0 takes spans again.
func (c *Collector) Refuse(code int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.refuse = code
}

func (c *Collector) takeHTTP(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	sent, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(sent, &request)
	}
	if err != nil || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "no traces in protobuf", http.StatusBadRequest)
		return
	}
	if refused := c.take(&request, r.Header); refused != 0 {
		http.Error(w, "refused by the test", refused)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	answer, _ := proto.Marshal(&collector.ExportTraceServiceResponse{}) // it has nothing that could fail
	_, _ = w.Write(answer)                                              // the sender may have gone
}

type service struct {
	collector.UnimplementedTraceServiceServer
	c *Collector
}

// Export takes spans by gRPC.
func (s service) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	switch s.c.take(request, nil) {
	case 0:
		return &collector.ExportTraceServiceResponse{}, nil
	case http.StatusServiceUnavailable:
		return nil, status.Error(codes.Unavailable, "refused by the test")
	}
	return nil, status.Error(codes.InvalidArgument, "refused by the test")
}

func (c *Collector) take(request *collector.ExportTraceServiceRequest, header http.Header) (refused int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.refuse != 0 {
		return c.refuse
	}
	c.spans = append(c.spans, request.GetResourceSpans()...)
	c.headers = append(c.headers, header)
	close(c.changed)
	c.changed = make(chan struct{})
	return 0
}

// Resources gives all that came, as it came.
func (c *Collector) Resources() []*tracepb.ResourceSpans {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.spans)
}

// Headers gives the headers of requests that were taken; nil for those by gRPC.
func (c *Collector) Headers() []http.Header {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.headers)
}

// Spans gives the spans that came.
func (c *Collector) Spans() []*tracepb.Span {
	var spans []*tracepb.Span
	for _, resource := range c.Resources() {
		for _, scope := range resource.GetScopeSpans() {
			spans = append(spans, scope.GetSpans()...)
		}
	}
	return spans
}

// Reset forgets what came.
func (c *Collector) Reset() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.spans, c.headers = nil, nil
}

// patience is how long Await waits.
const patience = 20 * time.Second

// Await waits until so many spans have come for which wanted is true, and gives
// them; nil wants any. It ends the test if they don't come.
func (c *Collector) Await(t testing.TB, count int, wanted func(*tracepb.Span) bool) []*tracepb.Span {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		c.mutex.Lock()
		changed := c.changed
		c.mutex.Unlock()
		all := c.Spans()
		spans := slices.DeleteFunc(slices.Clone(all), func(s *tracepb.Span) bool { return wanted != nil && !wanted(s) })
		if len(spans) >= count {
			return spans
		}
		select {
		case <-changed:
		case <-late.C:
			names := map[string]int{}
			for _, span := range all {
				names[span.GetName()]++
			}
			t.Fatalf("after %s the collector has %d of %d spans; in all: %v", patience, len(spans), count, names)
		}
	}
}

// Attribute gives a span's attribute as text, or as the number or bool it is; nil
// if there is none.
func Attribute(span *tracepb.Span, key string) any {
	for _, one := range span.GetAttributes() {
		if one.GetKey() == key {
			return Value(one.GetValue())
		}
	}
	return nil
}
