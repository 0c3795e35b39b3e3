package rpc_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// raw is a codec that sends bytes as they are, under protobuf's name.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// send calls a method with a message that may be anything.
func (s *service) send(ctx context.Context, method string, message []byte, options ...grpc.CallOption) error {
	var answer []byte
	return s.conn.Invoke(ctx, method, message, &answer, append(options, grpc.ForceCodecV2(raw{}))...)
}

var _ encoding.CodecV2 = raw{}

func TestAMessageThatCannotBeReadIsTheClientsFault(t *testing.T) {
	const method = pocctlv1.CatalogService_CreateProduct_FullMethodName
	s := start(t, nil)
	for name, message := range map[string]string{
		"no protobuf":   "\xff\xff\xff",
		"a cut message": "\x0a\x7f\x0a",
		"no UTF-8":      "\x0a\x03\x0a\x01\xff",
	} {
		t.Run(name, func(t *testing.T) {
			id := strings.ReplaceAll(name, " ", "-")
			refused(t, s.send(s.as("editor", "x-request-id", id), method, []byte(message)), codes.InvalidArgument, "malformed-body")
			if outcome, _ := s.watch.outcome(t, id); outcome.ServerFault || outcome.Reason != "malformed-body" || outcome.Method != method {
				t.Errorf("the observer is told %+v", outcome)
			}
			// Whoever may not call the method learns nothing of it.
			refused(t, s.send(s.viewer(), method, []byte(message)), codes.PermissionDenied, "forbidden")
			// Nor does a stream break.
			stream := must(s.conn.NewStream(s.as(""), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
				reflectionv1.ServerReflection_ServerReflectionInfo_FullMethodName, grpc.ForceCodecV2(raw{})))(t)
			if err := stream.SendMsg([]byte(message)); err != nil {
				t.Fatal(err)
			}
			var answer []byte
			refused(t, stream.RecvMsg(&answer), codes.InvalidArgument, "malformed-body")
		})
	}
}

func TestAMessageHasALimit(t *testing.T) {
	const method = pocctlv1.CatalogService_CreateProduct_FullMethodName
	text := func(size int) []byte {
		t.Helper()
		request := &pocctlv1.CreateProductRequest{Product: &pocctlv1.ProductDraft{Description: strings.Repeat("x", size)}}
		return must(proto.Marshal(request))(t)
	}
	s := start(t, nil)
	refused(t, s.send(s.editor(), method, text(63<<10)), codes.InvalidArgument, "invalid-value", "product.price_minor")
	for name, options := range map[string][]grpc.CallOption{
		"as it is":     nil,
		"a gzip bomb!": {grpc.UseCompressor(gzip.Name)},
	} {
		t.Run(name, func(t *testing.T) {
			id := strings.Trim(strings.ReplaceAll(name, " ", "-"), "!")
			var header metadata.MD
			err := s.send(s.as("editor", "x-request-id", id), method, text(1<<20), append(options, grpc.Header(&header))...)
			if status.Code(err) != codes.ResourceExhausted || len(header.Get("x-request-id")) != 1 {
				t.Errorf("a message of 1 MiB is answered with %v and %v", header, err)
			}
			outcome, _ := s.watch.outcome(t, id)
			if outcome.Code != "RESOURCE_EXHAUSTED" || outcome.Reason != "body-too-large" || outcome.ServerFault {
				t.Errorf("the observer is told %+v", outcome)
			}
		})
	}
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	s := start(t, nil)
	for _, method := range []string{"/pocctl.v1.CatalogService/Burn", "/pocctl.v2.CatalogService/GetProduct", "/x/y", "/grpc.health.v1.Health/Kill"} {
		refused(t, s.send(s.as("", "x-request-id", "lost"), method, nil), codes.Unimplemented, "no-such-method")
		outcome, _ := s.watch.outcome(t, "lost")
		if outcome.Method != rpc.UnknownMethod || outcome.ServerFault {
			t.Errorf("the observer is told %+v of %s", outcome, method)
		}
	}
}

func TestUnknownFieldsAreLetThrough(t *testing.T) {
	s := start(t, nil)
	request := must(proto.Marshal(&pocctlv1.GetProductRequest{Id: someID}))(t)
	later := append(request, 0xfa, 0x01, 0x01, 'x') // field 31, of a later version
	refused(t, s.send(s.as(""), pocctlv1.CatalogService_GetProduct_FullMethodName, later), codes.NotFound, "product-not-found")
}

func TestHeadersHaveALimit(t *testing.T) {
	s := start(t, nil)
	err := s.get(s.as("", "x-filler", strings.Repeat("x", 40<<10)))
	if code := status.Code(err); code != codes.Internal && code != codes.Unavailable && code != codes.ResourceExhausted {
		t.Errorf("40 KiB of metadata end with %v", err)
	}
	refused(t, s.get(s.as("", "x-filler", strings.Repeat("x", 20<<10))), codes.NotFound, "product-not-found")
}

// wire is a client that speaks HTTP/2 frame by frame.
type wire struct {
	t      *testing.T
	conn   net.Conn
	framer *http2.Framer
}

func (s *service) wire() *wire {
	s.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	w := &wire{t: s.t, conn: conn, framer: http2.NewFramer(conn, conn)}
	w.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		s.t.Fatal(err)
	}
	if err := w.framer.WriteSettings(); err != nil {
		s.t.Fatal(err)
	}
	return w
}

// call opens a stream, without a message yet.
func (w *wire) call(stream uint32, method string, headers ...hpack.HeaderField) {
	w.t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range append([]hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: method},
		{Name: ":authority", Value: "test"}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}, headers...) {
		if err := encoder.WriteField(field); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
		w.t.Fatal(err)
	}
}

// until reads frames until one is what is wanted.
func (w *wire) until(what string, wanted func(http2.Frame) bool) {
	w.t.Helper()
	for {
		frame, err := w.framer.ReadFrame()
		if err != nil {
			w.t.Fatalf("wait for %s: %v", what, err)
		}
		if wanted(frame) {
			return
		}
	}
}

func TestAConnectionIsToldItsLimits(t *testing.T) {
	w := start(t, nil).wire()
	limits := map[http2.SettingID]uint32{}
	w.until("settings", func(frame http2.Frame) bool {
		settings, is := frame.(*http2.SettingsFrame)
		if is {
			_ = settings.ForeachSetting(func(s http2.Setting) error { limits[s.ID] = s.Val; return nil })
		}
		return is
	})
	if got := limits[http2.SettingMaxConcurrentStreams]; got != 250 {
		t.Errorf("%d calls at once, want 250", got)
	}
	if got := limits[http2.SettingMaxHeaderListSize]; got != 32<<10 {
		t.Errorf("%d bytes of headers, want %d", got, 32<<10)
	}
}

func TestAClientThatPingsTooOftenIsSentAway(t *testing.T) {
	w := start(t, nil).wire()
	var why http2.ErrCode
	for i := range 10 {
		if err := w.framer.WritePing(false, [8]byte{byte(i)}); err != nil {
			break // it has gone away already
		}
	}
	w.until("GOAWAY", func(frame http2.Frame) bool {
		away, is := frame.(*http2.GoAwayFrame)
		if is {
			why = away.ErrCode
		}
		return is
	})
	if why != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("sent away with %s", why)
	}
}

func TestAMessageThatNeverComesIsNotWaitedFor(t *testing.T) {
	s := start(t, func(o *rpc.Options) { o.RequestTimeout = 50 * time.Millisecond })
	w := s.wire()
	w.call(1, pocctlv1.CatalogService_GetProduct_FullMethodName, hpack.HeaderField{Name: "x-request-id", Value: "slow"})
	outcome, _ := s.watch.outcome(t, "slow")
	if outcome.Code != "INVALID_ARGUMENT" || outcome.Reason != "malformed-body" || outcome.ServerFault {
		t.Errorf("the observer is told %+v", outcome)
	}
	w.until("the answer", func(frame http2.Frame) bool {
		headers, is := frame.(*http2.MetaHeadersFrame)
		if !is {
			return false
		}
		for _, field := range headers.Fields {
			if field.Name == "grpc-status" {
				if field.Value != "3" {
					t.Errorf("answered with %s, want 3", field.Value)
				}
				return true
			}
		}
		return false
	})
}

func TestAMessageThatIsNotSentIsTheClientsFault(t *testing.T) {
	s := start(t, nil)
	w := s.wire()
	w.call(1, pocctlv1.CatalogService_GetProduct_FullMethodName, hpack.HeaderField{Name: "x-request-id", Value: "empty"})
	if err := w.framer.WriteData(1, true, nil); err != nil {
		t.Fatal(err)
	}
	if outcome, _ := s.watch.outcome(t, "empty"); outcome.Code != "INVALID_ARGUMENT" || outcome.Reason != "malformed-body" {
		t.Errorf("the observer is told %+v", outcome)
	}
}
