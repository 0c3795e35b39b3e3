package api

import (
	"encoding/json"
	"fmt"
)

// prices is the Price List.
func prices() map[string]operation {
	return map[string]operation{"pricing:GetProducts": getProducts}
}

// hourly is what every instance costs here: no real price, so that it shows whose it is.
const hourly = "1.2500000000"

// getProducts has one product for each instance type that is asked for.
func getProducts(c *call) (any, error) {
	var asked struct {
		Filters []struct{ Field, Value string }
	}
	if err := json.Unmarshal(c.body, &asked); err != nil {
		return nil, err
	}
	for _, filter := range asked.Filters {
		if filter.Field == "instanceType" {
			return map[string]any{"FormatVersion": "aws_v1", "PriceList": []any{fmt.Sprintf(
				`{"product":{"attributes":{"instanceType":%q}},"terms":{"OnDemand":{"T":{"priceDimensions":{"T.D":{"unit":"Hrs","pricePerUnit":{"USD":%q}}}}}}}`,
				filter.Value, hourly)}}, nil
		}
	}
	return map[string]any{"FormatVersion": "aws_v1", "PriceList": []any{}}, nil
}
