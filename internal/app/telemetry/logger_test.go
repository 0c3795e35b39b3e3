package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// page is what a logger writes.
type page struct {
	mutex  sync.Mutex
	text   bytes.Buffer
	writes int
	err    error
}

func (p *page) Write(data []byte) (int, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.writes++
	if p.err != nil {
		return 0, p.err
	}
	return p.text.Write(data)
}

func (p *page) String() string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.text.String()
}

// lines gives the lines that have been written, as JSON.
func (p *page) lines(t testing.TB) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for _, line := range strings.Split(strings.TrimSuffix(p.String(), "\n"), "\n") {
		if line == "" {
			continue
		}
		var read map[string]any
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			t.Fatalf("the line %q: %v", line, err)
		}
		lines = append(lines, read)
	}
	return lines
}

func logging(t testing.TB, level string) (*page, *zap.Logger, func()) {
	t.Helper()
	p := &page{}
	logger, flush, err := NewLogger(p, level)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(flush)
	return p, logger, flush
}

func TestLinesAreJSON(t *testing.T) {
	p, logger, flush := logging(t, "info")
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}))
	logger.Debug("nobody wants this")
	logger.With(zap.String("with", "a")).Named("part").Info("said", zap.Duration("seconds", 1500*time.Millisecond), InTrace(ctx), InTrace(t.Context()))
	flush()
	got := p.lines(t)
	if len(got) != 1 {
		t.Fatalf("there are %d lines, want 1: %v", len(got), got)
	}
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got[0]["time"]))
	if err != nil || time.Since(at) > time.Minute {
		t.Errorf("the time is %v: %v", got[0]["time"], err)
	}
	delete(got[0], "time")
	want := map[string]any{
		"level": "info", "logger": "part", "message": "said", "with": "a", "seconds": 1.5,
		"trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000",
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("the line (-want +got):\n%s", diff)
	}
}

func TestNewLoggerRefusesLevelsThatAreNone(t *testing.T) {
	if _, _, err := NewLogger(&page{}, "loud"); err == nil || !strings.Contains(err.Error(), "read the log level") {
		t.Errorf("it gives %v", err)
	}
}

func TestLinesAreWrittenTogetherAndErrorsAtOnce(t *testing.T) {
	p, logger, flush := logging(t, "info")
	for range 10 {
		logger.Info("said")
	}
	if p.writes != 0 {
		t.Errorf("%d writes for lines that can wait", p.writes)
	}
	await(t, "the lines to be written", func() bool { return len(p.lines(t)) == 10 })
	logger.Info("said")
	logger.Error("failed")
	if got := len(p.lines(t)); got != 12 {
		t.Errorf("%d lines are there after an error, want 12", got)
	}
	logger.Info("said")
	if err := logger.Sync(); err != nil || len(p.lines(t)) != 13 {
		t.Errorf("%d lines are there after Sync, want 13: %v", len(p.lines(t)), err)
	}
	logger.Info("the last")
	flush()
	logger.Info("even later")
	if got := len(p.lines(t)); got != 15 {
		t.Errorf("%d lines are there after flush, want 15", got)
	}
}

func TestALogThatCantBeWrittenIsNoReasonToStop(t *testing.T) {
	p, logger, flush := logging(t, "info")
	p.err = errors.New("the disk is full")
	logger.Error("failed")
	logger.Info(strings.Repeat("x", 2*logBuffer))
	flush()
}

func TestPrintfSaysItAtDebug(t *testing.T) {
	p, logger, flush := logging(t, "debug")
	Printf{logger}.Printf(t.Context(), "%s %d", "redis", 1)
	flush()
	if got := p.lines(t); len(got) != 1 || got[0]["message"] != "redis 1" || got[0]["level"] != "debug" {
		t.Errorf("the log has %v", got)
	}
}

type credentials struct {
	User     string
	Password string
}

func (c credentials) MarshalLogObject(to zapcore.ObjectEncoder) error {
	to.AddString("user", c.User)
	to.AddString("password", c.Password)
	return nil
}

func (c credentials) String() string { return "password=" + c.Password }

// Whatever a line is made of, secrets don't get past the logger.
func TestSecretsAreNotLogged(t *testing.T) {
	const secret = "hunter2hunter2"
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.aHVudGVyMg"
	url := "postgres://app:" + secret + "@db:5432/app"
	header := http.Header{"Authorization": {"Bearer " + token}, "Cookie": {"session=" + secret}, "X-Fine": {"kept"}}
	err := fmt.Errorf("connect to %s: %w", url, errors.New("Authorization: Bearer "+token))
	p, logger, flush := logging(t, "debug")
	fields := []zap.Field{
		zap.String("url", url), zap.String("password", secret), zap.String("authorization", "Bearer "+token),
		zap.ByteString("body", []byte(`{"client_secret":"`+secret+`"}`)), zap.Binary("token", []byte(secret)),
		zap.Error(err), zap.Errors("errors", []error{err}), zap.Any("header", header), zap.Any("credentials", credentials{"a", secret}),
		zap.Object("object", credentials{"a", secret}), zap.Inline(credentials{"a", secret}), zap.Stringer("stringer", credentials{"a", secret}),
		zap.Reflect("pointer", &credentials{"a", secret}), zap.Strings("list", []string{url, "Bearer " + token, "-pwd=" + secret}),
		zap.Any("map", map[string]any{"a": map[string]string{"cookie": "session=" + secret}}), zap.Namespace("token"), zap.String("inner", secret),
	}
	for _, field := range fields[:len(fields)-2] {
		logger.Info("one", field)
		logger.With(field).Warn("with")
		logger.Named("part").Error("named", field)
	}
	logger.Info("all", fields[:len(fields)-2]...)
	logger.Info("namespace", fields[len(fields)-2:]...)
	logger.Info("connect to " + url + " as Bearer " + token)
	logger.Sugar().Infow("sugar", "password", secret, "url", url)
	logger.Sugar().Infof("sugar %s password=%s", url, secret)
	zap.NewStdLog(logger).Printf("http: panic serving: %v", err)
	Printf{logger}.Printf(t.Context(), "redis: %s", url)
	log := newAccessLog(logger)
	line := access{
		level: zap.ErrorLevel, message: "request", requestID: Redact(token), path: Redact("/" + token + "?password=" + secret), route: "/", err: err,
	}
	log.write(&line)
	log.fast = nil
	log.write(&line)
	flush()
	for _, line := range strings.Split(p.String(), "\n") {
		for _, leak := range []string{secret, token, "aHVudGVyMg", "aHVudGVyMmh1bnRlcjI="} {
			if strings.Contains(line, leak) {
				t.Errorf("%q is in the line %s", leak, line)
			}
		}
	}
	lines := p.lines(t) // they are still JSON
	if want := 3*(len(fields)-2) + 9; len(lines) != want {
		t.Errorf("there are %d lines, want %d", len(lines), want)
	}
	if !strings.Contains(p.String(), "kept") || !strings.Contains(p.String(), "postgres://"+redacted+"@db:5432/app") {
		t.Error("more is missing than the secrets")
	}
}
