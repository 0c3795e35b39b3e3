package rpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pocctl/pocctl/internal/app/objectives"
	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// heldTo are objectives of both kinds, or why there are none. Package objectives
// tests the real ones.
type heldTo struct{ err error }

func (h heldTo) List(context.Context) ([]objectives.State, error) {
	return []objectives.State{
		{
			Objective: objectives.Objective{
				Name: "latency-p95", Description: "quick", Indicator: objectives.Latency, Source: "load", Quantile: 0.95, Target: "<300ms",
				Limit: objectives.Limit{Operator: "<", Value: 300, Unit: "ms"},
			},
			Measured: &objectives.Measured{Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Events: 8, Bad: 2, Ratio: 0.25, Met: true},
		},
		{Objective: objectives.Objective{
			Name: "database-cpu", Description: "idle", Indicator: "database-cpu", Source: "metrics", Target: "<70%",
			Limit: objectives.Limit{Operator: "<", Value: 70, Unit: "%"},
		}},
	}, h.err
}

func (s *service) objectives() (*pocctlv1.ListObjectivesResponse, error) {
	return pocctlv1.NewObjectivesServiceClient(s.conn).ListObjectives(s.viewer(), &pocctlv1.ListObjectivesRequest{})
}

func TestObjectivesAreListed(t *testing.T) {
	got := must(start(t, nil).objectives())(t)
	want := &pocctlv1.ListObjectivesResponse{Objectives: []*pocctlv1.Objective{
		{
			Name: "latency-p95", Description: "quick", Indicator: "latency", Source: "load", Quantile: 0.95, Target: "<300ms",
			Limit: &pocctlv1.ObjectiveLimit{Value: 300, Unit: "ms"},
			Measured: &pocctlv1.ObjectiveMeasurement{
				Since: timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Events: 8, Bad: 2, Ratio: 0.25, Met: true,
			},
		},
		{
			Name: "database-cpu", Description: "idle", Indicator: "database-cpu", Source: "metrics", Target: "<70%",
			Limit: &pocctlv1.ObjectiveLimit{Value: 70, Unit: "%"},
		},
	}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("objectives (-want +got):\n%s", diff)
	}
}

func TestWhyObjectivesAreNotThereIsKeptFromTheClient(t *testing.T) {
	s := start(t, func(o *rpc.Options) { o.Objectives = heldTo{errSecret} })
	_, err := s.objectives()
	refused(t, err, codes.Internal, "internal")
}
