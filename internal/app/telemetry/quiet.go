package telemetry

import (
	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	"go.uber.org/zap"
)

// quieten has what OpenTelemetry says of itself go to the log: it would write
// plain text to stderr. That is one setting for the process; the last one counts.
func quieten(logger *zap.Logger) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		logger.Warn("OpenTelemetry reports an error", zap.Error(err))
	}))
	otel.SetLogger(funcr.New(func(_, said string) {
		logger.Debug("OpenTelemetry says", zap.String("said", said))
	}, funcr.Options{}))
}
