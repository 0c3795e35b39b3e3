package telemetry

import (
	"context"
	"errors"
	"net"
	"os"
)

// Values of error_type, beside the codes that servers give.
const (
	errorTimeout    = "timeout"
	errorCanceled   = "canceled"
	errorConnection = "connection"
	errorRejected   = "rejected"
	errorOther      = "_OTHER" // the semantic conventions' word
)

// errorType sorts errors of calls to other programs. It is empty for none.
func errorType(err error) string {
	if err == nil {
		return ""
	}
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return errorTimeout
	case errors.Is(err, context.Canceled):
		return errorCanceled
	}
	var connection *net.OpError
	if errors.As(err, &connection) || errors.Is(err, net.ErrClosed) {
		return errorConnection
	}
	return errorOther
}
