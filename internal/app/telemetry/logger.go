// Package telemetry holds the service's logger and metrics.
package telemetry

import (
	"context"
	"fmt"
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// NewLogger writes one JSON object a line to out. level is debug, info, warn
// or error. Errors: an unknown level.
func NewLogger(out io.Writer, level string) (*zap.Logger, error) {
	least, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("read the log level: %w", err)
	}
	form := zap.NewProductionEncoderConfig()
	form.TimeKey = "time"
	form.MessageKey = "message"
	form.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	form.EncodeDuration = zapcore.SecondsDurationEncoder
	core := zapcore.NewCore(zapcore.NewJSONEncoder(form), zapcore.Lock(zapcore.AddSync(out)), least)
	return zap.New(core), nil
}

// Printf is a logger for libraries that want a Printf: what they
// say is for debugging, as they say it again for every request.
type Printf struct{ Logger *zap.Logger }

// Printf logs one line.
func (p Printf) Printf(_ context.Context, format string, args ...any) {
	p.Logger.Debug(fmt.Sprintf(format, args...))
}
