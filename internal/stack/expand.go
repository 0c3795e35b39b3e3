package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/config"
)

// expansion is what stands for the places in a release's values that are filled in.
type expansion struct {
	ingress string         // for config.IngressURL
	outputs map[string]any // Terraform's, nil before there are any
}

// errNoOutputs says that values name outputs, and Terraform has put out none yet.
var errNoOutputs = errors.New("nothing has been put out by Terraform yet")

// outputUnknown is an output that values name and Terraform does not put out.
type outputUnknown struct{ name string }

func (e outputUnknown) Error() string { return "there is no output " + e.name }

// values copies a release's values with their places filled in. Keys stay as they are.
// A text that is an output alone becomes what that is: a map, or a list.
func (x expansion) values(values map[string]any) (map[string]any, error) {
	if values == nil {
		return nil, nil
	}
	copied := make(map[string]any, len(values))
	for key, inner := range values {
		var err error
		if copied[key], err = x.value(inner); err != nil {
			return nil, err
		}
	}
	return copied, nil
}

func (x expansion) value(value any) (any, error) {
	switch value := value.(type) {
	case string:
		return x.text(value)
	case map[string]any:
		return x.values(value)
	case []any:
		copied := make([]any, len(value))
		for i, inner := range value {
			var err error
			if copied[i], err = x.value(inner); err != nil {
				return nil, err
			}
		}
		return copied, nil
	default:
		return value, nil
	}
}

func (x expansion) text(text string) (any, error) {
	text = strings.ReplaceAll(text, config.IngressURL, x.ingress)
	for _, match := range config.OutputReferences(text) {
		if x.outputs == nil {
			return nil, errNoOutputs
		}
		found, is := part(x.outputs, match[1])
		switch {
		case !is:
			return nil, outputUnknown{match[1]}
		case text == match[0]:
			return found, nil
		}
		shown, is := found.(string)
		if !is {
			encoded, err := json.Marshal(found)
			if err != nil {
				return nil, fmt.Errorf("write the output %s: %w", match[1], err)
			}
			shown = string(encoded)
		}
		text = strings.ReplaceAll(text, match[0], shown)
	}
	return text, nil
}

// part finds what a path of keys with dots between leads to. Keys may have dots too.
func part(within map[string]any, path string) (any, bool) {
	if found, is := within[path]; is {
		return found, true
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if inner, is := within[path[:i]].(map[string]any); is {
			if found, is := part(inner, path[i+1:]); is {
				return found, true
			}
		}
	}
	return nil, false
}

// names lists the outputs, in order.
func (x expansion) names() string {
	all := make([]string, 0, len(x.outputs))
	for name := range x.outputs {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
