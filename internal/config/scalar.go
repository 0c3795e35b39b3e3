package config

import (
	"reflect"
	"time"

	"go.yaml.in/yaml/v3"
)

// scalar sets text, truth values and numbers. YAML's own type has to agree: 8080
// is no text and "yes" is no truth value.
func (d *document) scalar(node *yaml.Node, key string, target reflect.Value) error {
	want := map[reflect.Kind]struct{ tag, name, fix string }{
		reflect.String:  {"!!str", "text", "put it in quotes"},
		reflect.Bool:    {"!!bool", "true or false", "write true or false"},
		reflect.Int:     {"!!int", "a whole number", "write it in digits, for example 300"},
		reflect.Int64:   {"!!int", "a whole number", "write it in digits, for example 300"},
		reflect.Float64: {"!!float", "a number", "write it in digits, for example 0.3"},
	}[target.Kind()]
	tag := node.ShortTag()
	if tag == "!!int" && target.Kind() == reflect.Float64 {
		tag = "!!float"
	}
	if node.Kind != yaml.ScalarNode || tag != want.tag {
		return d.wrongType(node, key, want.name, want.fix)
	}
	if err := node.Decode(target.Addr().Interface()); err != nil {
		return d.wrongType(node, key, want.name, want.fix)
	}
	return nil
}

// duration takes Go's notation ("90s", "60m"), never a bare number.
func (d *document) duration(node *yaml.Node, key string, target reflect.Value) error {
	const fix = "write a number and a unit, for example 90s, 15m or 1h30m"
	value, err := time.ParseDuration(node.Value)
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!str" || err != nil {
		return d.wrongType(node, key, "a duration", fix)
	}
	if value < 0 {
		return d.invalid(key, fix, "is %s; a duration is not negative", node.Value)
	}
	target.SetInt(int64(value))
	return nil
}

func (d *document) wrongType(node *yaml.Node, key, want, fix string) error {
	if key == "" {
		key = "the file"
	}
	return d.invalidAt(node.Line, key, fix, "is %s; %s is wanted", shown(node), want)
}

func shown(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	default:
		const most = 40
		if text := []rune(node.Value); len(text) > most {
			return `"` + string(text[:most]) + `…"`
		}
		return `"` + node.Value + `"`
	}
}
