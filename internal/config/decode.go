package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pocctl/pocctl/internal/suggest"
)

// fill sets *target, a pointer, from node; key is where node stands in the file.
func (d *document) fill(node *yaml.Node, key string, target any) error {
	return d.set(node, key, reflect.ValueOf(target).Elem())
}

func (d *document) set(node *yaml.Node, key string, target reflect.Value) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	d.lines[key] = node.Line
	switch {
	case node.ShortTag() == "!!null":
		return nil // a key with nothing after it keeps its default
	case target.Type() == reflect.TypeFor[time.Duration]():
		return d.duration(node, key, target)
	}
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		return d.set(node, key, target.Elem())
	case reflect.Struct:
		return d.structure(node, key, target)
	case reflect.Map:
		if target.Type().Elem().Kind() == reflect.Interface {
			return d.free(node, key, target)
		}
		return d.mapping(node, key, target)
	case reflect.Slice:
		return d.list(node, key, target)
	default:
		return d.scalar(node, key, target)
	}
}

func (d *document) structure(node *yaml.Node, key string, target reflect.Value) error {
	fields := map[string]reflect.Value{}
	var names []string // in the order of the type, so that suggestions are stable
	for i := range target.NumField() {
		name, _, _ := strings.Cut(target.Type().Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" {
			fields[name], names = target.Field(i), append(names, name)
		}
	}
	return d.entries(node, key, func(name string, line int, value *yaml.Node) error {
		field, known := fields[name]
		if !known {
			return d.unknown(line, key, name, names)
		}
		return d.set(value, join(key, name), field)
	})
}

func (d *document) unknown(line int, key, name string, names []string) error {
	fix := "remove it; the keys known here are " + strings.Join(names, ", ")
	if near := suggest.Closest(name, names); near != "" {
		fix = fmt.Sprintf("did you mean %q? The keys known here are %s", near, strings.Join(names, ", "))
	}
	return d.invalidAt(line, join(key, name), fix, "is not a known key")
}

func (d *document) mapping(node *yaml.Node, key string, target reflect.Value) error {
	filled := reflect.MakeMap(target.Type())
	err := d.entries(node, key, func(name string, _ int, value *yaml.Node) error {
		element := reflect.New(target.Type().Elem()).Elem()
		if err := d.set(value, join(key, name), element); err != nil {
			return err
		}
		filled.SetMapIndex(reflect.ValueOf(name), element)
		return nil
	})
	if err == nil {
		target.Set(filled)
	}
	return err
}

// entries calls each for every key of a mapping, and refuses a key given twice.
func (d *document) entries(node *yaml.Node, key string, each func(name string, line int, value *yaml.Node) error) error {
	if node.Kind != yaml.MappingNode {
		return d.wrongType(node, key, "keys and values", "indent `name: value` lines under it")
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name := node.Content[i]
		if name.Kind != yaml.ScalarNode {
			return d.invalidAt(name.Line, key, "use plain text for the key", "has a key that is not text")
		}
		if line, twice := seen[name.Value]; twice {
			return d.invalidAt(name.Line, join(key, name.Value), "keep one of the two", "is given twice, first in line %d", line)
		}
		seen[name.Value] = name.Line
		if err := each(name.Value, name.Line, node.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) list(node *yaml.Node, key string, target reflect.Value) error {
	if node.Kind != yaml.SequenceNode {
		return d.wrongType(node, key, "a list", "write it as a list: [a, b], or one `- ` line for each")
	}
	filled := reflect.MakeSlice(target.Type(), len(node.Content), len(node.Content))
	for i, item := range node.Content {
		if err := d.set(item, fmt.Sprintf("%s[%d]", key, i), filled.Index(i)); err != nil {
			return err
		}
	}
	target.Set(filled)
	return nil
}

// free takes any mapping, such as a chart's values, whose shape the chart checks.
func (d *document) free(node *yaml.Node, key string, target reflect.Value) error {
	if node.Kind != yaml.MappingNode {
		return d.wrongType(node, key, "keys and values", "indent `name: value` lines under it")
	}
	values := map[string]any{}
	if err := node.Decode(&values); err != nil {
		return d.invalid(key, "mend the YAML there; every key has to be text", "does not read: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if bad, found := textKeys(values, key); found {
		return d.invalid(key, "put the key in quotes", "has a key that is not text under %s", bad)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		d.lines[join(key, node.Content[i].Value)] = node.Content[i].Line
	}
	target.Set(reflect.ValueOf(values))
	return nil
}

// textKeys finds a mapping that JSON, and so Helm, could not hold.
func textKeys(value any, key string) (where string, found bool) {
	switch value := value.(type) {
	case map[any]any:
		return key, true
	case map[string]any:
		for name, inner := range value {
			if where, found = textKeys(inner, join(key, name)); found {
				return where, true
			}
		}
	case []any:
		for i, inner := range value {
			if where, found = textKeys(inner, fmt.Sprintf("%s[%d]", key, i)); found {
				return where, true
			}
		}
	}
	return "", false
}
