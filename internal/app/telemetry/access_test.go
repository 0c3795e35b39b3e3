package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Lines are those that zap would write, secrets and all.
func TestAccessLinesAreThoseOfZap(t *testing.T) {
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0xab, 15: 1}, SpanID: trace.SpanID{7: 0xcd}})
	for name, line := range map[string]access{
		"nothing": {message: "request"},
		"a request": {
			level: zap.InfoLevel, message: "request", span: span, requestID: "r-1", user: "somebody", flags: snapshot(t), method: "GET",
			path: "/api/v1/products/1", route: "/api/v1/products/:id", status: 200, bytes: 321, took: 1234567 * time.Microsecond,
			address: "192.0.2.1", cache: "hit",
		},
		"a call": {
			level: zap.ErrorLevel, message: "call", span: span, requestID: "r-1", method: "/a.B/C", code: "INTERNAL", reason: "internal",
			took: time.Second, err: errors.New("a \"quoted\"\nerror\twith \\ and \x00"),
		},
		"text of all kinds": {message: "request", user: "žluťoučký \u2028 <&> \x7f", path: "/\xff\xfe", status: 404, err: errors.New("ünd\xff")},
		"secrets":           {message: "request", err: errors.New("password=hunter2"), status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			ours, zaps := &page{}, &page{}
			for _, into := range []*page{ours, zaps} {
				logger, flush, err := NewLogger(into, "debug")
				if err != nil {
					t.Fatal(err)
				}
				log := newAccessLog(logger)
				if into == zaps {
					log.fast = nil
				}
				log.write(&line)
				flush()
			}
			want, got := zaps.lines(t), ours.lines(t)
			delete(want[0], "time")
			delete(got[0], "time")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the line (-zap +ours):\n%s", diff)
			}
			if keys(t, zaps.text.Bytes()) != keys(t, ours.text.Bytes()) {
				t.Errorf("zap's fields are in the order %s, ours %s", keys(t, zaps.text.Bytes()), keys(t, ours.text.Bytes()))
			}
		})
	}
}

// keys gives the keys of a JSON object in their order.
func keys(t *testing.T, line []byte) string {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(line))
	all := ""
	for i := 0; ; i++ {
		token, err := decoder.Token()
		if err != nil || token == json.Delim('}') {
			return all
		}
		if i%2 == 1 {
			all += " " + token.(string)
		}
	}
}

func TestAccessLinesKeepToTheLevel(t *testing.T) {
	p, logger, flush := logging(t, "warn")
	log := newAccessLog(logger)
	for _, fast := range []*lines{log.fast, nil} {
		log.fast = fast
		for _, level := range []zapcore.Level{zap.DebugLevel, zap.InfoLevel, zap.ErrorLevel} {
			log.write(&access{level: level, message: level.String()})
		}
	}
	flush()
	if got := p.lines(t); len(got) != 2 || got[0]["message"] != "error" || got[1]["message"] != "error" {
		t.Errorf("the log has %v", got)
	}
}

func TestAccessLinesHaveWhatTheLoggerHas(t *testing.T) {
	p, logger, flush := logging(t, "info")
	newAccessLog(logger.With(zap.String("with", "a")).Named("part")).write(&access{message: "request"})
	flush()
	if got := p.lines(t); len(got) != 1 || got[0]["with"] != "a" || got[0]["logger"] != "part" {
		t.Errorf("the log has %v", got)
	}
}

func TestSecondsAreToTheMicrosecond(t *testing.T) {
	for took, want := range map[time.Duration]string{
		0: "0", -time.Second: "0", 1: "0", time.Microsecond: "0.000001", 120 * time.Microsecond: "0.00012", time.Second: "1",
		1500 * time.Millisecond: "1.5", 61*time.Second + 1: "61", math.MaxInt64: "9223372036.854775",
	} {
		if got := string(appendSeconds(nil, took)); got != want {
			t.Errorf("%s is %s, want %s", took, got, want)
		}
	}
}

func FuzzAccessLine(f *testing.F) {
	f.Add("/a", "somebody", "error")
	f.Add("\x00\"\\", "\xff\u2028", "\n")
	f.Fuzz(func(t *testing.T, path, user, failure string) {
		line := access{message: "request", path: path, user: user, status: 1, err: errors.New(failure)}
		var read map[string]any
		if err := json.Unmarshal(line.appendTo(nil, time.Now()), &read); err != nil {
			t.Fatalf("%q: %v", line.appendTo(nil, time.Now()), err)
		}
		for key, text := range map[string]string{"path": path, "user_id": user} {
			got, _ := read[key].(string)
			if diff := cmp.Diff(text, got); diff != "" && utf8.ValidString(text) {
				t.Errorf("%s (-want +got):\n%s", key, diff)
			}
		}
	})
}
