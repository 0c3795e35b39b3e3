package provider

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The double works on values as JSON has them: nil, string, bool, json.Number,
// []any and map[string]any; and on unknown for what is known after the apply.
type unknown struct{}

// fromProto reads a value of a type.
func fromProto(dynamic *tfprotov5.DynamicValue, kind tftypes.Type) (any, error) {
	if dynamic == nil {
		return nil, nil //nolint:nilnil // null is a value
	}
	value, err := dynamic.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	return fromTerraform(value)
}

func fromTerraform(value tftypes.Value) (any, error) {
	if value.IsNull() {
		return nil, nil //nolint:nilnil // null is a value
	}
	if !value.IsKnown() {
		return unknown{}, nil
	}
	switch kind := value.Type(); {
	case kind.Is(tftypes.String):
		var text string
		err := value.As(&text)
		return text, err
	case kind.Is(tftypes.Bool):
		var truth bool
		err := value.As(&truth)
		return truth, err
	case kind.Is(tftypes.Number):
		var number big.Float
		err := value.As(&number)
		return json.Number(number.Text('f', -1)), err
	case kind.Is(tftypes.List{}), kind.Is(tftypes.Set{}), kind.Is(tftypes.Tuple{}):
		var elements []tftypes.Value
		if err := value.As(&elements); err != nil {
			return nil, err
		}
		list := make([]any, len(elements))
		for i, element := range elements {
			var err error
			if list[i], err = fromTerraform(element); err != nil {
				return nil, err
			}
		}
		if kind.Is(tftypes.Set{}) {
			ordered(list)
		}
		return list, nil
	case kind.Is(tftypes.Map{}), kind.Is(tftypes.Object{}):
		var elements map[string]tftypes.Value
		if err := value.As(&elements); err != nil {
			return nil, err
		}
		object := make(map[string]any, len(elements))
		for name, element := range elements {
			var err error
			if object[name], err = fromTerraform(element); err != nil {
				return nil, err
			}
		}
		return object, nil
	default:
		return nil, fmt.Errorf("a value of type %s", kind)
	}
}

// ordered sorts a set's elements, so that two sets of the same compare equal.
func ordered(set []any) {
	slices.SortFunc(set, func(one, other any) int { return strings.Compare(written(one), written(other)) })
}

// written is a value as JSON, with what is unknown as a question mark.
func written(value any) string {
	text, _ := json.Marshal(plain(value)) // of such values there is JSON always
	return string(text)
}

// plain is a value that can be written as JSON.
func plain(value any) any {
	switch value := value.(type) {
	case unknown:
		return "?"
	case map[string]any:
		all := make(map[string]any, len(value))
		for name, element := range value {
			all[name] = plain(element)
		}
		return all
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = plain(element)
		}
		return list
	}
	return value
}

// canonical is a value as it is once Terraform had it: all fields there, sets in
// order.
func canonical(value any, kind tftypes.Type) (any, error) {
	typed, err := toTerraform(value, kind)
	if err != nil {
		return nil, err
	}
	return fromTerraform(typed)
}

// toProto gives a value to Terraform.
func toProto(value any, kind tftypes.Type) (*tfprotov5.DynamicValue, error) {
	typed, err := toTerraform(value, kind)
	if err != nil {
		return nil, err
	}
	dynamic, err := tfprotov5.NewDynamicValue(kind, typed)
	return &dynamic, err
}

// toTerraform makes a value of a type; what an object lacks is null in it.
func toTerraform(value any, kind tftypes.Type) (tftypes.Value, error) {
	switch value.(type) {
	case nil:
		return tftypes.NewValue(kind, nil), nil
	case unknown:
		return tftypes.NewValue(kind, tftypes.UnknownValue), nil
	}
	switch kind := kind.(type) {
	case tftypes.List:
		return collection(value, kind, kind.ElementType)
	case tftypes.Set:
		return collection(value, kind, kind.ElementType)
	case tftypes.Map:
		object, ok := value.(map[string]any)
		if !ok {
			return tftypes.Value{}, fmt.Errorf("%T is no map", value)
		}
		elements := make(map[string]tftypes.Value, len(object))
		for name, element := range object {
			var err error
			if elements[name], err = toTerraform(element, kind.ElementType); err != nil {
				return tftypes.Value{}, fmt.Errorf("%s: %w", name, err)
			}
		}
		return tftypes.NewValue(kind, elements), nil
	case tftypes.Object:
		object, ok := value.(map[string]any)
		if !ok {
			return tftypes.Value{}, fmt.Errorf("%T is no object", value)
		}
		elements := make(map[string]tftypes.Value, len(kind.AttributeTypes))
		for name, of := range kind.AttributeTypes {
			var err error
			if elements[name], err = toTerraform(object[name], of); err != nil {
				return tftypes.Value{}, fmt.Errorf("%s: %w", name, err)
			}
		}
		return tftypes.NewValue(kind, elements), nil
	}
	return primitive(value, kind)
}

func collection(value any, kind, element tftypes.Type) (tftypes.Value, error) {
	list, ok := value.([]any)
	if !ok {
		return tftypes.Value{}, fmt.Errorf("%T is no list", value)
	}
	elements := make([]tftypes.Value, len(list))
	for i, item := range list {
		var err error
		if elements[i], err = toTerraform(item, element); err != nil {
			return tftypes.Value{}, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return tftypes.NewValue(kind, elements), nil
}

// primitive makes a string, number or bool, of text too where it reads as one.
func primitive(value any, kind tftypes.Type) (tftypes.Value, error) {
	text := fmt.Sprint(value)
	switch {
	case kind.Is(tftypes.String):
		return tftypes.NewValue(kind, text), nil
	case kind.Is(tftypes.Bool):
		switch text {
		case "true":
			return tftypes.NewValue(kind, true), nil
		case "false", "":
			return tftypes.NewValue(kind, false), nil
		}
	case kind.Is(tftypes.Number):
		number, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
		if err == nil {
			return tftypes.NewValue(kind, number), nil
		}
	}
	return tftypes.Value{}, fmt.Errorf("%q is no %s", text, kind)
}

// wholly tells whether all of a value is known.
func wholly(value any) bool {
	switch value := value.(type) {
	case unknown:
		return false
	case []any:
		for _, element := range value {
			if !wholly(element) {
				return false
			}
		}
	case map[string]any:
		for _, element := range value {
			if !wholly(element) {
				return false
			}
		}
	}
	return true
}
