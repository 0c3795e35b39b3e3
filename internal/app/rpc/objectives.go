package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pocctl/pocctl/internal/app/objectives"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

type objectivesService struct {
	pocctlv1.UnimplementedObjectivesServiceServer
	objectives Objectives
}

func (s *objectivesService) ListObjectives(ctx context.Context, _ *pocctlv1.ListObjectivesRequest) (*pocctlv1.ListObjectivesResponse, error) {
	found, err := s.objectives.List(ctx)
	if err != nil {
		return nil, err
	}
	response := &pocctlv1.ListObjectivesResponse{}
	for _, state := range found {
		response.Objectives = append(response.Objectives, &pocctlv1.Objective{
			Name: state.Name, Description: state.Description, Indicator: state.Indicator, Quantile: state.Quantile,
			Target: state.Target, Limit: &pocctlv1.ObjectiveLimit{Value: state.Limit.Value, Unit: state.Limit.Unit},
			Source: state.Source, Measured: measuredOf(state.Measured),
		})
	}
	return response, nil
}

func measuredOf(measured *objectives.Measured) *pocctlv1.ObjectiveMeasurement {
	if measured == nil {
		return nil
	}
	return &pocctlv1.ObjectiveMeasurement{
		Since: timestamppb.New(measured.Since), Events: int64(measured.Events), Bad: int64(measured.Bad),
		Ratio: measured.Ratio, Met: measured.Met,
	}
}
