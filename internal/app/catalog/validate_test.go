package catalog

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValidate(t *testing.T) {
	good := Draft{SKU: "A-1", Name: "Lamp", PriceMinor: 1, Currency: "EUR"}
	tests := map[string]struct {
		change func(*Draft)
		fields []string
	}{
		"good":                 {func(*Draft) {}, nil},
		"free, and none there": {func(d *Draft) { d.PriceMinor, d.Stock = 0, 0 }, nil},
		"longest":              {func(d *Draft) { d.Name, d.SKU = strings.Repeat("é", MaxName), strings.Repeat("x", MaxSKU) }, nil},
		"lines in description": {func(d *Draft) { d.Description = "one\n\ttwo\r\n" }, nil},
		"most":                 {func(d *Draft) { d.PriceMinor, d.Stock = MaxPriceMinor, MaxStock }, nil},
		"empty SKU":            {func(d *Draft) { d.SKU = "" }, []string{"sku"}},
		"SKU begins with dash": {func(d *Draft) { d.SKU = "-A" }, []string{"sku"}},
		"SKU with space":       {func(d *Draft) { d.SKU = "A 1" }, []string{"sku"}},
		"SKU with umlaut":      {func(d *Draft) { d.SKU = "Ä" }, []string{"sku"}},
		"long SKU":             {func(d *Draft) { d.SKU = strings.Repeat("x", MaxSKU+1) }, []string{"sku"}},
		"empty name":           {func(d *Draft) { d.Name = "" }, []string{"name"}},
		"blank name":           {func(d *Draft) { d.Name = "  " }, []string{"name"}},
		"space around name":    {func(d *Draft) { d.Name = " Lamp" }, []string{"name"}},
		"newline in name":      {func(d *Draft) { d.Name = "La\nmp" }, []string{"name"}},
		"NUL in name":          {func(d *Draft) { d.Name = "La\x00mp" }, []string{"name"}},
		"long name":            {func(d *Draft) { d.Name = strings.Repeat("é", MaxName+1) }, []string{"name"}},
		"NUL in description":   {func(d *Draft) { d.Description = "\x00" }, []string{"description"}},
		"invalid UTF-8":        {func(d *Draft) { d.Description = "\xff" }, []string{"description"}},
		"long description":     {func(d *Draft) { d.Description = strings.Repeat("x", MaxDescription+1) }, []string{"description"}},
		"negative price":       {func(d *Draft) { d.PriceMinor = -1 }, []string{"price_minor"}},
		"price beyond":         {func(d *Draft) { d.PriceMinor = MaxPriceMinor + 1 }, []string{"price_minor"}},
		"small currency":       {func(d *Draft) { d.Currency = "eur" }, []string{"currency"}},
		"long currency":        {func(d *Draft) { d.Currency = "EURO" }, []string{"currency"}},
		"negative stock":       {func(d *Draft) { d.Stock = -1 }, []string{"stock"}},
		"stock beyond":         {func(d *Draft) { d.Stock = MaxStock + 1 }, []string{"stock"}},
		"everything, in order": {func(d *Draft) { *d = Draft{PriceMinor: -1, Stock: -1, Description: "\x00"} }, []string{"sku", "name", "description", "price_minor", "currency", "stock"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			draft := good
			test.change(&draft)
			var fields []string
			var invalid Invalid
			if errors.As(draft.Validate(), &invalid) {
				for _, violation := range invalid {
					fields = append(fields, violation.Field)
				}
			}
			if diff := cmp.Diff(test.fields, fields); diff != "" {
				t.Errorf("broken (-want +got):\n%s", diff)
			}
		})
	}
}
