package flags

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// at is a place in a file of flags.
type at struct {
	node *yaml.Node
	key  string // "" for the whole file
	line int    // where the key is
}

func (a at) wrong(format string, args ...any) error {
	return &FileError{Line: a.line, Key: a.key, Detail: fmt.Sprintf(format, args...)}
}

func (a at) is(kind yaml.Kind, tag, wanted string) error {
	switch {
	case a.node.Kind == yaml.AliasNode || a.node.Anchor != "":
		return a.wrong("is an anchor or an alias; write it out")
	case a.node.Kind != kind || a.node.ShortTag() != tag:
		return a.wrong("must be %s", wanted)
	}
	return nil
}

// entries calls each for every key of a mapping, and refuses a key given twice.
func (a at) entries(each func(name string, value at) error) error {
	if err := a.is(yaml.MappingNode, "!!map", "a mapping of keys to values"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(a.node.Content); i += 2 {
		name := at{a.node.Content[i], a.key, a.node.Content[i].Line}
		if err := name.is(yaml.ScalarNode, "!!str", "a mapping whose keys are all text"); err != nil {
			return err
		}
		name.key = strings.TrimPrefix(a.key+"."+name.node.Value, ".")
		if seen[name.node.Value] {
			return name.wrong("is given twice")
		}
		seen[name.node.Value] = true
		if err := each(name.node.Value, at{a.node.Content[i+1], name.key, name.line}); err != nil {
			return err
		}
	}
	return nil
}

// fields is entries for a mapping whose keys are known.
func (a at) fields(known map[string]func(at) error) error {
	return a.entries(func(name string, value at) error {
		if read := known[name]; read != nil {
			return read(value)
		}
		return value.wrong("is not a known key; those known here are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	})
}

func (a at) items(each func(at) error) error {
	if err := a.is(yaml.SequenceNode, "!!seq", "a list"); err != nil {
		return err
	}
	for i, item := range a.node.Content {
		if err := each(at{item, fmt.Sprintf("%s[%d]", a.key, i), item.Line}); err != nil {
			return err
		}
	}
	return nil
}

func (a at) text(target *string) error {
	if err := a.is(yaml.ScalarNode, "!!str", "text; if it is meant to be, put it in quotes"); err != nil {
		return err
	}
	*target = a.node.Value
	return nil
}

func (a at) texts(target *[]string, valid func(string) bool, wanted string) error {
	*target = []string{}
	err := a.items(func(item at) error {
		var text string
		if err := item.text(&text); err != nil {
			return err
		}
		if !valid(text) {
			return item.wrong("is %q; %s is wanted", text, wanted)
		}
		*target = append(*target, text)
		return nil
	})
	if err == nil && len(*target) == 0 {
		return a.wrong("is empty")
	}
	return err
}

func (a at) truth(target *bool) error {
	if err := a.is(yaml.ScalarNode, "!!bool", "true or false"); err != nil {
		return err
	}
	if err := a.node.Decode(target); err != nil {
		return a.wrong("must be true or false")
	}
	return nil
}

func (a at) number() (float64, error) {
	var number float64
	if err := a.node.Decode(&number); err != nil || math.IsInf(number, 0) || math.IsNaN(number) {
		return 0, a.wrong("must be a number")
	}
	const exact = 1 << 53
	if a.node.ShortTag() == "!!int" && math.Abs(number) >= exact {
		return 0, a.wrong("is more than a JSON number can hold exactly")
	}
	return number, nil
}

func (a at) percent(target **float64) error {
	value, err := a.value()
	if err != nil {
		return err
	}
	number, isNumber := value.(float64)
	if !isNumber || number < 0 || number > 100 {
		return a.wrong("must be a number from 0 to 100")
	}
	*target = &number
	return nil
}

// value gives anything that JSON can hold, as encoding/json has it.
func (a at) value() (any, error) {
	if a.node.Kind == yaml.AliasNode || a.node.Anchor != "" {
		return nil, a.wrong("is an anchor or an alias; write it out")
	}
	switch a.node.ShortTag() {
	case "!!map":
		object := map[string]any{}
		err := a.entries(func(name string, value at) error {
			parsed, err := value.value()
			object[name] = parsed
			return err
		})
		return object, err
	case "!!seq":
		list := []any{}
		err := a.items(func(item at) error {
			parsed, err := item.value()
			list = append(list, parsed)
			return err
		})
		return list, err
	case "!!str":
		var text string
		err := a.text(&text)
		return text, err
	case "!!bool":
		var truth bool
		err := a.truth(&truth)
		return truth, err
	case "!!int", "!!float":
		return a.number()
	case "!!null":
		return nil, nil
	}
	return nil, a.wrong("is %s, which JSON has not; put it in quotes", a.node.ShortTag())
}
