package load

// Products is the load of an online shop's catalog: mostly reads of a few
// favourites, some searches, enough writes to keep the cache honest, and orders,
// which move the stock of the favourites. Its paths begin at the API's base, for
// example /api/v1. Orders stay when their products are removed.
func Products() Scenario {
	const (
		sku  = `load-{run}-{number}`
		body = `{"sku":"` + sku + `","name":"Load test {term} {number}","description":"Made by a load test, and removed after it",` +
			`"price_minor":1999,"currency":"EUR","stock":1000000}` // more than any run orders
	)
	return Scenario{
		Operations: []Operation{
			{Name: "read", Weight: 70, Method: "GET", Path: "/products/{target}", Cached: true},
			{Name: "search", Weight: 15, Method: "GET", Path: "/products/search?q={term}&limit=10"},
			{Name: "update", Weight: 4, Method: "PUT", Path: "/products/{target}", Body: body},
			{Name: "create", Weight: 3, Method: "POST", Path: "/products", Body: body, Makes: true},
			{Name: "delete", Weight: 3, Method: "DELETE", Path: "/products/{made}"},
			{
				Name: "order", Weight: 5, Method: "POST", Path: "/orders",
				Body:    `{"lines":[{"product_id":"{target}","quantity":1}]}`,
				Headers: map[string]string{"Idempotency-Key": "{run}-{number}"},
			},
		},
		Targets: Targets{
			Count:  100,
			Skew:   1.1,
			Create: Operation{Name: "prepare", Method: "POST", Path: "/products", Body: body},
			Delete: Operation{Name: "remove", Method: "DELETE", Path: "/products/{target}"},
		},
		Variables: []Variable{{Name: "term", Values: []string{
			"anchor", "barrel", "candle", "drawer", "easel", "funnel", "garnet", "hammer", "inkwell", "jigsaw",
			"kettle", "lantern", "mallet", "needle", "oilcan", "pulley", "quiver", "ratchet", "spindle", "trowel",
		}}},
	}
}
