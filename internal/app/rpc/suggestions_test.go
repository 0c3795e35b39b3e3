package rpc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

func TestSuggestionsAreForThoseInTheExperiment(t *testing.T) {
	s := full(t)
	lantern := must(s.catalog.CreateProduct(s.editor(), &pocctlv1.CreateProductRequest{Product: draft("LANTERN-1")}))(t).GetProduct()
	must(s.catalog.CreateProduct(s.editor(), &pocctlv1.CreateProductRequest{Product: draft("SHADE-1")}))(t)
	_, err := s.catalog.SuggestProducts(s.viewer(), &pocctlv1.SuggestProductsRequest{Query: "lantern-1"})
	refused(t, err, codes.NotFound, "experiment-off")

	got := must(s.catalog.SuggestProducts(s.admin(), &pocctlv1.SuggestProductsRequest{Query: "lantern-1"}))(t)
	want := &pocctlv1.SuggestProductsResponse{Suggestions: []*pocctlv1.Suggestion{{Id: lantern.GetId(), Sku: "LANTERN-1", Name: lantern.GetName()}}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("suggestions of an admin (-want +got):\n%s", diff)
	}
	for _, limit := range []int32{-1, 21} {
		_, err = s.catalog.SuggestProducts(s.admin(), &pocctlv1.SuggestProductsRequest{Query: "lantern-1", Limit: limit})
		refused(t, err, codes.InvalidArgument, "invalid-parameter", "limit")
	}
}
