package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// optional is a whole number of the query that may be left out.
type optional struct {
	value int64
	given bool
}

// Schema says that it is a number not below zero.
func (optional) Schema(huma.Registry) *huma.Schema {
	least := 0.0
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: &least}
}

// Receiver is where huma puts the number.
func (o *optional) Receiver() reflect.Value { return reflect.ValueOf(&o.value).Elem() }

// OnParamSet is told whether there was one.
func (o *optional) OnParamSet(given bool, _ any) { o.given = given }

func (o optional) pointer() *int64 {
	if !o.given {
		return nil
	}
	return &o.value
}
