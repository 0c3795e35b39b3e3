package rpc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

func draft(sku string) *pocctlv1.ProductDraft {
	return &pocctlv1.ProductDraft{
		Sku: sku, Name: "Lamp " + sku, Description: "Fine.", PriceMinor: proto.Int64(1999), Currency: "EUR", Stock: 7,
	}
}

func (s *service) create(sku string, change ...func(*pocctlv1.ProductDraft)) *pocctlv1.Product {
	s.t.Helper()
	d := draft(sku)
	for _, c := range change {
		c(d)
	}
	return must(s.catalog.CreateProduct(s.editor(), &pocctlv1.CreateProductRequest{Product: d}))(s.t).GetProduct()
}

func TestProductsLiveAndDie(t *testing.T) {
	s := full(t)
	before := time.Now().Add(-time.Second)
	created := s.create("LAMP-1")
	want := &pocctlv1.Product{
		Sku: "LAMP-1", Name: "Lamp LAMP-1", Description: "Fine.", PriceMinor: 1999, Currency: "EUR", Stock: 7, Version: 1,
	}
	if diff := cmp.Diff(want, created, protocmp.Transform(), protocmp.IgnoreFields(want, "id", "created_at", "updated_at")); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if at := created.GetCreatedAt().AsTime(); at.Before(before) || !at.Equal(created.GetUpdatedAt().AsTime()) {
		t.Errorf("created at %s and updated at %s", at, created.GetUpdatedAt().AsTime())
	}

	read := must(s.catalog.GetProduct(s.as(""), &pocctlv1.GetProductRequest{Id: created.GetId()}))(t)
	if diff := cmp.Diff(created, read.GetProduct(), protocmp.Transform()); diff != "" {
		t.Errorf("read (-created +read):\n%s", diff)
	}

	next := draft("LAMP-2")
	next.PriceMinor, next.Stock = proto.Int64(0), 0
	replaced := must(s.catalog.ReplaceProduct(s.editor(), &pocctlv1.ReplaceProductRequest{
		Id: created.GetId(), Product: next, ExpectedVersion: 1,
	}))(t).GetProduct()
	if replaced.GetVersion() != 2 || replaced.GetSku() != "LAMP-2" || replaced.GetPriceMinor() != 0 || replaced.GetStock() != 0 {
		t.Errorf("replaced by %v", replaced)
	}

	must(s.catalog.DeleteProduct(s.editor(), &pocctlv1.DeleteProductRequest{Id: created.GetId(), ExpectedVersion: 2}))(t)
	_, err := s.catalog.GetProduct(s.as(""), &pocctlv1.GetProductRequest{Id: created.GetId()})
	refused(t, err, codes.NotFound, "product-not-found")
}

func TestListsGoPageByPage(t *testing.T) {
	s := full(t)
	for i, name := range []string{"cherry", "apple", "banana", "date"} {
		s.create("L-"+name, func(d *pocctlv1.ProductDraft) {
			d.Name, d.PriceMinor, d.Stock = name, proto.Int64(int64(i)*100), int64(i%2)
			if name == "date" {
				d.Currency = "USD"
			}
		})
	}
	tests := map[string]struct {
		request *pocctlv1.ListProductsRequest
		want    []string
	}{
		"by creation":    {&pocctlv1.ListProductsRequest{}, []string{"cherry", "apple", "banana", "date"}},
		"newest first":   {&pocctlv1.ListProductsRequest{Sort: pocctlv1.ProductSort_PRODUCT_SORT_CREATED, Descending: true}, []string{"date", "banana", "apple", "cherry"}},
		"by name":        {&pocctlv1.ListProductsRequest{Sort: pocctlv1.ProductSort_PRODUCT_SORT_NAME}, []string{"apple", "banana", "cherry", "date"}},
		"dearest first":  {&pocctlv1.ListProductsRequest{Sort: pocctlv1.ProductSort_PRODUCT_SORT_PRICE, Descending: true}, []string{"date", "banana", "apple", "cherry"}},
		"of a currency":  {&pocctlv1.ListProductsRequest{Filter: &pocctlv1.ProductFilter{Currency: "USD"}}, []string{"date"}},
		"within a price": {&pocctlv1.ListProductsRequest{Filter: &pocctlv1.ProductFilter{MinPriceMinor: proto.Int64(100), MaxPriceMinor: proto.Int64(200)}}, []string{"apple", "banana"}},
		"free ones":      {&pocctlv1.ListProductsRequest{Filter: &pocctlv1.ProductFilter{MaxPriceMinor: proto.Int64(0)}}, []string{"cherry"}},
		"at hand":        {&pocctlv1.ListProductsRequest{Filter: &pocctlv1.ProductFilter{InStock: true}}, []string{"apple", "date"}},
	}
	for name, test := range tests {
		for _, size := range []int32{0, 1, 2, 100} {
			t.Run(name, func(t *testing.T) {
				request := proto.CloneOf(test.request)
				request.PageSize = size
				var got []string
				for {
					page := must(s.catalog.ListProducts(s.as(""), request))(t)
					if size > 0 && len(page.GetProducts()) > int(size) {
						t.Errorf("a page has %d products, want at most %d", len(page.GetProducts()), size)
					}
					for _, p := range page.GetProducts() {
						got = append(got, p.GetName())
					}
					if page.GetNextPageToken() == "" {
						break
					}
					request.PageToken = page.GetNextPageToken()
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("in pages of %d (-want +got):\n%s", size, diff)
				}
			})
		}
	}
}

func TestSearchGoesPageByPage(t *testing.T) {
	s := full(t)
	want := map[string]bool{}
	for _, sku := range []string{"S-1", "S-2", "S-3"} {
		s.create(sku, func(d *pocctlv1.ProductDraft) { d.Name = "Green lantern " + sku })
		want[sku] = true
	}
	s.create("S-4", func(d *pocctlv1.ProductDraft) { d.Name, d.Stock = "Green lantern, gone", 0 })
	s.create("X-1")
	request := &pocctlv1.SearchProductsRequest{Query: "lanter", PageSize: 2, Filter: &pocctlv1.ProductFilter{InStock: true}}
	got := map[string]bool{}
	pages := 0
	for ; pages == 0 || request.GetPageToken() != ""; pages++ {
		page := must(s.catalog.SearchProducts(s.as(""), request))(t)
		for _, p := range page.GetProducts() {
			got[p.GetSku()] = true
		}
		request.PageToken = page.GetNextPageToken()
	}
	if diff := cmp.Diff(want, got); diff != "" || pages != 2 {
		t.Errorf("found in %d pages (-want +got):\n%s", pages, diff)
	}
}

func TestAPageTokenIsForOneQuestion(t *testing.T) {
	s := full(t)
	for _, sku := range []string{"P-1", "P-2", "P-3"} {
		s.create(sku)
	}
	asked := &pocctlv1.ListProductsRequest{PageSize: 1, Sort: pocctlv1.ProductSort_PRODUCT_SORT_NAME}
	token := must(s.catalog.ListProducts(s.as(""), asked))(t).GetNextPageToken()
	found := must(s.catalog.SearchProducts(s.as(""), &pocctlv1.SearchProductsRequest{Query: "Lamp", PageSize: 1}))(t).GetNextPageToken()
	if token == "" || found == "" {
		t.Fatalf("there is no second page: %q, %q", token, found)
	}
	lists := map[string]*pocctlv1.ListProductsRequest{
		"another order":  {Sort: pocctlv1.ProductSort_PRODUCT_SORT_PRICE, PageToken: token},
		"turned round":   {Sort: pocctlv1.ProductSort_PRODUCT_SORT_NAME, Descending: true, PageToken: token},
		"another filter": {Sort: pocctlv1.ProductSort_PRODUCT_SORT_NAME, Filter: &pocctlv1.ProductFilter{InStock: true}, PageToken: token},
		"of a search":    {Sort: pocctlv1.ProductSort_PRODUCT_SORT_NAME, PageToken: found},
		"made up":        {Sort: pocctlv1.ProductSort_PRODUCT_SORT_NAME, PageToken: "AAAA"},
		"no base64":      {Sort: pocctlv1.ProductSort_PRODUCT_SORT_NAME, PageToken: token + "="},
		"cut":            {Sort: pocctlv1.ProductSort_PRODUCT_SORT_NAME, PageToken: token[:len(token)-4]},
	}
	for name, request := range lists {
		t.Run(name, func(t *testing.T) {
			_, err := s.catalog.ListProducts(s.as(""), request)
			refused(t, err, codes.InvalidArgument, "invalid-parameter", "page_token")
		})
	}
	_, err := s.catalog.SearchProducts(s.as(""), &pocctlv1.SearchProductsRequest{Query: "Fine", PageToken: found})
	refused(t, err, codes.InvalidArgument, "invalid-parameter", "page_token")
	// The page's size may change.
	asked.PageSize, asked.PageToken = 50, token
	if rest := must(s.catalog.ListProducts(s.as(""), asked))(t); len(rest.GetProducts()) != 2 {
		t.Errorf("%d products follow, want 2", len(rest.GetProducts()))
	}
}

func TestWhatTheCatalogRefuses(t *testing.T) {
	s := full(t)
	there := s.create("TAKEN")
	other := s.create("OTHER")
	changed := func(change func(*pocctlv1.ProductDraft)) *pocctlv1.ProductDraft {
		d := draft("NEW")
		change(d)
		return d
	}
	create := func(d *pocctlv1.ProductDraft) func() error {
		return func() error {
			_, err := s.catalog.CreateProduct(s.editor(), &pocctlv1.CreateProductRequest{Product: d})
			return err
		}
	}
	get := func(id string) func() error {
		return func() error {
			_, err := s.catalog.GetProduct(s.as(""), &pocctlv1.GetProductRequest{Id: id})
			return err
		}
	}
	list := func(request *pocctlv1.ListProductsRequest) func() error {
		return func() error {
			_, err := s.catalog.ListProducts(s.as(""), request)
			return err
		}
	}
	search := func(request *pocctlv1.SearchProductsRequest) func() error {
		return func() error {
			_, err := s.catalog.SearchProducts(s.as(""), request)
			return err
		}
	}
	replace := func(request *pocctlv1.ReplaceProductRequest) func() error {
		return func() error {
			_, err := s.catalog.ReplaceProduct(s.editor(), request)
			return err
		}
	}
	remove := func(id string, version int64) func() error {
		return func() error {
			_, err := s.catalog.DeleteProduct(s.editor(), &pocctlv1.DeleteProductRequest{Id: id, ExpectedVersion: version})
			return err
		}
	}
	const invalid, parameter = "invalid-value", "invalid-parameter"
	tests := map[string]struct {
		call   func() error
		code   codes.Code
		reason string
		fields []string
	}{
		"create nothing":            {create(nil), codes.InvalidArgument, invalid, []string{"product"}},
		"create without a price":    {create(changed(func(d *pocctlv1.ProductDraft) { d.PriceMinor = nil })), codes.InvalidArgument, invalid, []string{"product.price_minor"}},
		"create with all wrong":     {create(&pocctlv1.ProductDraft{PriceMinor: proto.Int64(-1), Stock: -1}), codes.InvalidArgument, invalid, []string{"product.sku", "product.name", "product.price_minor", "product.currency", "product.stock"}},
		"create with a NUL":         {create(changed(func(d *pocctlv1.ProductDraft) { d.Description = "\x00" })), codes.InvalidArgument, invalid, []string{"product.description"}},
		"create a SKU that's there": {create(draft("taken")), codes.AlreadyExists, "sku-taken", []string{"product.sku"}},

		"get no ID":            {get(""), codes.InvalidArgument, parameter, []string{"id"}},
		"get a short ID":       {get(strings.ReplaceAll(someID, "-", "")), codes.InvalidArgument, parameter, []string{"id"}},
		"get what isn't there": {get(someID), codes.NotFound, "product-not-found", nil},

		"list too many":        {list(&pocctlv1.ListProductsRequest{PageSize: 101}), codes.InvalidArgument, parameter, []string{"page_size"}},
		"list less than none":  {list(&pocctlv1.ListProductsRequest{PageSize: -1}), codes.InvalidArgument, parameter, []string{"page_size"}},
		"list by an odd field": {list(&pocctlv1.ListProductsRequest{Sort: 99}), codes.InvalidArgument, parameter, []string{"sort"}},
		"list odd filters": {list(&pocctlv1.ListProductsRequest{Filter: &pocctlv1.ProductFilter{
			Currency: "euro", MinPriceMinor: proto.Int64(-1), MaxPriceMinor: proto.Int64(-2),
		}}), codes.InvalidArgument, parameter, []string{"filter.currency", "filter.min_price_minor", "filter.max_price_minor", "filter.max_price_minor"}},

		"search for nothing":   {search(&pocctlv1.SearchProductsRequest{}), codes.InvalidArgument, parameter, []string{"query"}},
		"search for a novel":   {search(&pocctlv1.SearchProductsRequest{Query: strings.Repeat("x", 201)}), codes.InvalidArgument, parameter, []string{"query"}},
		"search for too many":  {search(&pocctlv1.SearchProductsRequest{Query: "x", PageSize: 1000}), codes.InvalidArgument, parameter, []string{"page_size"}},
		"search for odd money": {search(&pocctlv1.SearchProductsRequest{Query: "x", Filter: &pocctlv1.ProductFilter{Currency: "E"}}), codes.InvalidArgument, parameter, []string{"filter.currency"}},

		"replace no ID":             {replace(&pocctlv1.ReplaceProductRequest{Product: draft("A")}), codes.InvalidArgument, parameter, []string{"id"}},
		"replace by nothing":        {replace(&pocctlv1.ReplaceProductRequest{Id: there.GetId()}), codes.InvalidArgument, invalid, []string{"product"}},
		"replace at less than none": {replace(&pocctlv1.ReplaceProductRequest{Id: there.GetId(), Product: draft("A"), ExpectedVersion: -1}), codes.InvalidArgument, parameter, []string{"expected_version"}},
		"replace what isn't there":  {replace(&pocctlv1.ReplaceProductRequest{Id: someID, Product: draft("A")}), codes.NotFound, "product-not-found", nil},
		"replace by a taken SKU":    {replace(&pocctlv1.ReplaceProductRequest{Id: other.GetId(), Product: draft("Taken")}), codes.AlreadyExists, "sku-taken", []string{"product.sku"}},
		"replace an old version":    {replace(&pocctlv1.ReplaceProductRequest{Id: there.GetId(), Product: draft("A"), ExpectedVersion: 9}), codes.Aborted, "version-mismatch", nil},
		"replace by an odd name":    {replace(&pocctlv1.ReplaceProductRequest{Id: there.GetId(), Product: changed(func(d *pocctlv1.ProductDraft) { d.Name = " " })}), codes.InvalidArgument, invalid, []string{"product.name"}},

		"delete no ID":             {remove("x", 0), codes.InvalidArgument, parameter, []string{"id"}},
		"delete at less than none": {remove(there.GetId(), -5), codes.InvalidArgument, parameter, []string{"expected_version"}},
		"delete what isn't there":  {remove(someID, 0), codes.NotFound, "product-not-found", nil},
		"delete an old version":    {remove(there.GetId(), 3), codes.Aborted, "version-mismatch", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			about := refused(t, test.call(), test.code, test.reason, test.fields...)
			if test.reason == "version-mismatch" && about["actual_version"] != "1" {
				t.Errorf("the version is said to be %q, want 1", about["actual_version"])
			}
		})
	}
	if left := must(s.catalog.ListProducts(s.as(""), &pocctlv1.ListProductsRequest{}))(t); len(left.GetProducts()) != 2 || left.GetProducts()[0].GetVersion() != 1 {
		t.Errorf("something was written: %v", left)
	}
}
