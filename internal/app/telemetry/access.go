package telemetry

import (
	"encoding/hex"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/pocctl/pocctl/internal/app/flags"
)

// access is the line that the log has of a request or call. Text that comes from
// the client has to have gone through Redact.
type access struct {
	level     zapcore.Level
	message   string
	span      trace.SpanContext
	requestID string
	user      string
	flags     flags.Snapshot
	method    string
	path      string
	route     string
	status    int
	code      string
	reason    string
	bytes     int
	took      time.Duration
	address   string
	cache     string
	err       error
}

// accessLog writes access lines. There is one a request, so it puts them
// together itself, in a third of zap's time.
type accessLog struct {
	logger *zap.Logger
	fast   *lines // nil if the logger isn't one of NewLogger's, as it is
	pool   sync.Pool
}

func newAccessLog(logger *zap.Logger) *accessLog {
	fast, _ := logger.Core().(*lines)
	if fast != nil && (fast.with || logger.Name() != "") {
		fast = nil
	}
	return &accessLog{logger: logger, fast: fast, pool: sync.Pool{New: func() any { return new([]byte) }}}
}

// largestKept bounds the memory that is kept for the next line, in bytes.
const largestKept = 4 << 10

// write writes the line if its level is wanted. There is nobody to tell of an
// error but the log itself.
func (a *accessLog) write(line *access) {
	if a.fast == nil {
		if entry := a.logger.Check(line.level, line.message); entry != nil {
			entry.Write(line.fields()...)
		}
		return
	}
	if !a.fast.Enabled(line.level) {
		return
	}
	buffer, _ := a.pool.Get().(*[]byte)
	*buffer = line.appendTo((*buffer)[:0], time.Now())
	_ = a.fast.to.write(*buffer, line.level >= zapcore.ErrorLevel)
	if cap(*buffer) <= largestKept {
		a.pool.Put(buffer)
	}
}

// fields are those of the line for zap, in the same order.
func (a *access) fields() []zap.Field {
	fields := make([]zap.Field, 0, 18)
	text := func(key, value string) {
		if value != "" {
			fields = append(fields, zap.String(key, value))
		}
	}
	if a.span.IsValid() {
		text("trace_id", a.span.TraceID().String())
		text("span_id", a.span.SpanID().String())
	}
	text("request_id", a.requestID)
	text("user_id", a.user)
	text(flags.LogField, a.flags.String())
	text("method", a.method)
	text("path", a.path)
	text("route", a.route)
	if a.status != 0 {
		fields = append(fields, zap.Int("status", a.status), zap.Int("bytes", a.bytes))
	}
	text("code", a.code)
	text("reason", a.reason)
	fields = append(fields, zap.Duration("seconds", a.took))
	text("address", a.address)
	text("cache", a.cache)
	if a.err != nil {
		text("error", Redact(a.err.Error()))
	}
	return fields
}

func (a *access) appendTo(line []byte, now time.Time) []byte {
	line = append(line, `{"level":"`...)
	line = append(line, a.level.String()...)
	line = append(line, `","time":"`...)
	line = now.AppendFormat(line, time.RFC3339Nano)
	line = append(line, `","message":"`...)
	line = append(line, a.message...)
	if a.span.IsValid() {
		id, span := a.span.TraceID(), a.span.SpanID()
		line = append(line, `","trace_id":"`...)
		line = hex.AppendEncode(line, id[:])
		line = append(line, `","span_id":"`...)
		line = hex.AppendEncode(line, span[:])
	}
	line = append(line, '"')
	line = appendText(line, `,"request_id":"`, a.requestID)
	line = appendText(line, `,"user_id":"`, a.user)
	line = appendText(line, `,"`+flags.LogField+`":"`, a.flags.String())
	line = appendText(line, `,"method":"`, a.method)
	line = appendText(line, `,"path":"`, a.path)
	line = appendText(line, `,"route":"`, a.route)
	if a.status != 0 {
		line = append(line, `,"status":`...)
		line = strconv.AppendInt(line, int64(a.status), 10)
		line = append(line, `,"bytes":`...)
		line = strconv.AppendInt(line, int64(a.bytes), 10)
	}
	line = appendText(line, `,"code":"`, a.code)
	line = appendText(line, `,"reason":"`, a.reason)
	line = append(line, `,"seconds":`...)
	line = appendSeconds(line, a.took)
	line = appendText(line, `,"address":"`, a.address)
	line = appendText(line, `,"cache":"`, a.cache)
	if a.err != nil {
		line = appendText(line, `,"error":"`, Redact(a.err.Error()))
	}
	return append(line, "}\n"...)
}

// appendSeconds writes a duration in seconds, to the microsecond.
func appendSeconds(line []byte, took time.Duration) []byte {
	micros := max(0, took.Microseconds())
	line = strconv.AppendInt(line, micros/1e6, 10)
	if micros %= 1e6; micros == 0 {
		return line
	}
	line = append(line, '.')
	for unit := int64(1e5); micros > 0; unit /= 10 {
		line = append(line, byte('0'+micros/unit))
		micros %= unit
	}
	return line
}

// appendText writes a key, as it is, and a value if there is one.
func appendText(line []byte, key, value string) []byte {
	if value == "" {
		return line
	}
	line = append(line, key...)
	plain := 0
	for plain < len(value) && isPlain(value[plain]) {
		plain++
	}
	line = append(line, value[:plain]...)
	if plain < len(value) {
		line = appendEscaped(line, value[plain:])
	}
	return append(line, '"')
}

func isPlain(c byte) bool { return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' }

func appendEscaped(line []byte, value string) []byte {
	const digits = "0123456789abcdef"
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			line = append(line, '\\', byte(r))
		case r == '\n':
			line = append(line, `\n`...)
		case r < ' ':
			line = append(line, '\\', 'u', '0', '0', digits[r>>4], digits[r&0xf])
		default:
			line = utf8.AppendRune(line, r) // U+FFFD for what isn't UTF-8
		}
	}
	return line
}
