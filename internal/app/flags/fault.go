package flags

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/pocctl/pocctl/internal/app/faults"
)

// faultSpec reads a value of the flag fault-injection: numbers error_percent,
// error_status, latency_ms, latency_jitter_ms and latency_percent, each of which may
// be left out.
func faultSpec(value any) (faults.Spec, error) {
	object, isObject := value.(map[string]any)
	if !isObject {
		return faults.Spec{}, errors.New("must be an object")
	}
	var spec faults.Spec
	for _, field := range slices.Sorted(maps.Keys(object)) {
		number, isNumber := object[field].(float64)
		if !isNumber {
			return faults.Spec{}, fmt.Errorf("must have a number as %q", field)
		}
		switch field {
		case "error_percent":
			spec.ErrorPercent = number
		case "error_status":
			if number != math.Trunc(number) || math.Abs(number) > 1000 {
				return faults.Spec{}, errors.New("must have an HTTP status as error_status")
			}
			spec.ErrorStatus = int(number)
		case "latency_ms":
			spec.Latency = milliseconds(number)
		case "latency_jitter_ms":
			spec.LatencyJitter = milliseconds(number)
		case "latency_percent":
			spec.LatencyPercent = number
		default:
			return faults.Spec{}, fmt.Errorf(
				"must have no fields but error_percent, error_status, latency_ms, latency_jitter_ms and latency_percent, not %q", field)
		}
	}
	var invalid *faults.Invalid
	if errors.As(spec.Validate(), &invalid) {
		names := map[string]string{
			"ErrorPercent": "error_percent", "ErrorStatus": "error_status",
			"Latency": "latency_ms", "LatencyJitter": "latency_jitter_ms", "LatencyPercent": "latency_percent",
		}
		return faults.Spec{}, fmt.Errorf("doesn't fit: %s %s", names[invalid.Field], invalid.Detail)
	}
	return spec, nil
}

// milliseconds gives what Validate refuses for what no duration can hold.
func milliseconds(number float64) time.Duration {
	if math.IsNaN(number) || math.Abs(number) > 1e9 {
		return -1
	}
	return time.Duration(number * float64(time.Millisecond))
}
