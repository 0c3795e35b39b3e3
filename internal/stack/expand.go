package stack

import (
	"strings"

	"github.com/pocctl/pocctl/internal/config"
)

// expand copies a value of a release with config.IngressURL in its texts filled
// in. Keys stay as they are.
func expand(value any, ingress string) any {
	switch value := value.(type) {
	case string:
		return strings.ReplaceAll(value, config.IngressURL, ingress)
	case map[string]any:
		return expandMap(value, ingress)
	case []any:
		copied := make([]any, len(value))
		for i, inner := range value {
			copied[i] = expand(inner, ingress)
		}
		return copied
	default:
		return value
	}
}

func expandMap(values map[string]any, ingress string) map[string]any {
	if values == nil {
		return nil
	}
	copied := make(map[string]any, len(values))
	for key, inner := range values {
		copied[key] = expand(inner, ingress)
	}
	return copied
}
