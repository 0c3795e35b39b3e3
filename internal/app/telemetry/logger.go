// Package telemetry tells how the service does: logs, metrics and traces. It
// implements what other packages want to be observed by; they don't know it.
// Names follow OpenTelemetry's semantic conventions, and contract/contract.yaml
// lists every signal.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	logBuffer = 64 << 10
	logFlush  = 500 * time.Millisecond
)

// NewLogger writes one JSON object a line to out: within half a second, and at
// once if it is an error. level is debug, info, warn or error. What looks like a
// secret is replaced, whatever field it is in. flush writes what is left; from
// then on each line is written at once. Errors: an unknown level.
func NewLogger(out io.Writer, level string) (logger *zap.Logger, flush func(), err error) {
	least, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, nil, fmt.Errorf("read the log level: %w", err)
	}
	form := zap.NewProductionEncoderConfig()
	form.TimeKey = "time"
	form.MessageKey = "message"
	form.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	form.EncodeDuration = zapcore.SecondsDurationEncoder
	to := &sink{buffered: zapcore.BufferedWriteSyncer{WS: zapcore.AddSync(unsynced{out}), Size: logBuffer, FlushInterval: logFlush}}
	return zap.New(&lines{LevelEnabler: least, encoder: zapcore.NewJSONEncoder(form), to: to}), to.close, nil
}

// unsynced hides Sync: fsync of a file takes long, and spares no line that was
// written from anything but a crash of the whole machine.
type unsynced struct{ io.Writer }

// sink is where lines go.
type sink struct {
	buffered zapcore.BufferedWriteSyncer
	closed   atomic.Bool
}

// write takes a whole line; a prompt one doesn't stay in the buffer.
func (s *sink) write(line []byte, prompt bool) error {
	if _, err := s.buffered.Write(line); err != nil {
		return err
	}
	if prompt || s.closed.Load() {
		return s.buffered.Sync()
	}
	return nil
}

func (s *sink) close() {
	s.closed.Store(true)
	_ = s.buffered.Stop() // there is nowhere to say that it failed
}

// lines is the logger's core: it replaces secrets in the line as it is about to
// be written, so that no field can bring one past it.
type lines struct {
	zapcore.LevelEnabler
	encoder zapcore.Encoder
	to      *sink
	with    bool // the encoder has fields
}

// With implements zapcore.Core.
func (l *lines) With(fields []zapcore.Field) zapcore.Core {
	more := &lines{LevelEnabler: l.LevelEnabler, encoder: l.encoder.Clone(), to: l.to, with: true}
	for _, field := range fields {
		field.AddTo(more.encoder)
	}
	return more
}

// Check implements zapcore.Core.
func (l *lines) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if l.Enabled(entry.Level) {
		return checked.AddCore(entry, l)
	}
	return checked
}

// Write implements zapcore.Core.
func (l *lines) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	encoded, err := l.encoder.EncodeEntry(entry, fields)
	if err != nil {
		return err
	}
	defer encoded.Free()
	return l.to.write(redactJSON(encoded.Bytes()), entry.Level >= zapcore.ErrorLevel)
}

// Sync implements zapcore.Core.
func (l *lines) Sync() error { return l.to.buffered.Sync() }

// InTrace is a field with the IDs of the span under way: it puts a line of the
// log beside the trace. It is none if there is no span.
func InTrace(ctx context.Context) zap.Field {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return zap.Skip()
	}
	return zap.Inline(zapcore.ObjectMarshalerFunc(func(to zapcore.ObjectEncoder) error {
		to.AddString("trace_id", span.TraceID().String())
		to.AddString("span_id", span.SpanID().String())
		return nil
	}))
}

// Printf is a logger for libraries that want a Printf: what they
// say is for debugging, as they say it again for every request.
type Printf struct{ Logger *zap.Logger }

// Printf logs one line.
func (p Printf) Printf(_ context.Context, format string, args ...any) {
	p.Logger.Debug(fmt.Sprintf(format, args...))
}
