package otlptest_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/pocctl/pocctl/internal/app/telemetry/otlptest"
)

func text(value string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}
}

func request(t *testing.T, names ...string) []byte {
	t.Helper()
	var spans []*tracepb.Span
	for _, name := range names {
		spans = append(spans, &tracepb.Span{Name: name, Attributes: []*commonpb.KeyValue{{Key: "of", Value: text(name)}}})
	}
	body, err := proto.Marshal(&collector.ExportTraceServiceRequest{
		ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: spans}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func post(t *testing.T, url string, body []byte, headers ...string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

const contentType, protobuf = "Content-Type", "application/x-protobuf"

func TestTheCollectorKeepsWhatIsSent(t *testing.T) {
	c := otlptest.New(t)
	zipped := &bytes.Buffer{}
	zip := gzip.NewWriter(zipped)
	_, _ = zip.Write(request(t, "b"))
	_ = zip.Close()
	if status := post(t, c.HTTP(), request(t, "a"), contentType, protobuf, "X-Key", "k"); status != http.StatusOK {
		t.Errorf("it answers %d", status)
	}
	if status := post(t, c.HTTP(), zipped.Bytes(), contentType, protobuf, "Content-Encoding", "gzip"); status != http.StatusOK {
		t.Errorf("it answers %d to gzip", status)
	}
	got := c.Await(t, 1, func(s *tracepb.Span) bool { return otlptest.Attribute(s, "of") == "b" })
	if len(got) != 1 || len(c.Spans()) != 2 || c.Headers()[0].Get("X-Key") != "k" {
		t.Errorf("it has %v, of them %v", c.Spans(), got)
	}
	if otlptest.Attribute(got[0], "none") != nil {
		t.Error("there is an attribute that isn't")
	}
	c.Reset()
	if len(c.Spans()) != 0 {
		t.Errorf("it has %v after Reset", c.Spans())
	}
}

func TestTheCollectorRefuses(t *testing.T) {
	c := otlptest.New(t)
	for name, status := range map[string]int{
		"no protobuf":     post(t, c.HTTP(), []byte("?"), contentType, protobuf),
		"no content type": post(t, c.HTTP(), request(t, "a")),
		"gzip that isn't": post(t, c.HTTP(), []byte("?"), contentType, protobuf, "Content-Encoding", "gzip"),
	} {
		if status != http.StatusBadRequest {
			t.Errorf("%s: it answers %d", name, status)
		}
	}
	c.Refuse(http.StatusTeapot)
	if status := post(t, c.HTTP(), request(t, "a"), contentType, protobuf); status != http.StatusTeapot || len(c.Spans()) != 0 {
		t.Errorf("it answers %d and has %v", status, c.Spans())
	}
}

func TestValues(t *testing.T) {
	for _, test := range []struct {
		value *commonpb.AnyValue
		want  any
	}{
		{nil, nil},
		{text("a"), "a"},
		{&commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}, true},
		{&commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 1}}, int64(1)},
		{&commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 1.5}}, 1.5},
		{&commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte("a")}}, []byte("a")},
		{&commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{text("a")}}}}, []any{"a"}},
		{&commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{
			Values: []*commonpb.KeyValue{{Key: "k", Value: text("a")}},
		}}}, map[string]any{"k": "a"}},
	} {
		if diff := cmp.Diff(test.want, otlptest.Value(test.value)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.value, diff)
		}
	}
}
