package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// ReadResource tells what a resource has become; null if it is gone.
func (s *Server) ReadResource(_ context.Context, request *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	block, err := s.schema.Resource(request.TypeName)
	if err != nil {
		return nil, err
	}
	kind := block.Type()
	value, err := fromProto(request.CurrentState, kind)
	if err != nil {
		return nil, err
	}
	current := object(value)
	control, err := s.account.Control()
	if err != nil {
		return nil, err
	}
	if fault, err := s.account.Fault(control, "read", request.TypeName, current, false); err != nil {
		return nil, err
	} else if fault != nil {
		return &tfprotov5.ReadResourceResponse{
			NewState: request.CurrentState, Diagnostics: []*tfprotov5.Diagnostic{s.failure("reading", request.TypeName, *fault)},
		}, nil
	}
	resource, there, err := s.account.Get(request.TypeName, fmt.Sprint(current["id"]))
	if err != nil {
		return nil, err
	}
	if there {
		if resource, there, err = s.account.Drifts(control, resource); err != nil {
			return nil, err
		}
	}
	answer := &tfprotov5.ReadResourceResponse{}
	if !there {
		answer.NewState, err = toProto(nil, kind)
		return answer, err
	}
	answer.NewState, err = toProto(resource.Attributes, kind)
	return answer, err
}

// ImportResourceState finds a resource by its identifier, ARN or name.
func (s *Server) ImportResourceState(_ context.Context, request *tfprotov5.ImportResourceStateRequest) (*tfprotov5.ImportResourceStateResponse, error) {
	block, err := s.schema.Resource(request.TypeName)
	if err != nil {
		return nil, err
	}
	all, err := s.account.List(request.TypeName)
	if err != nil {
		return nil, err
	}
	for _, resource := range all {
		for _, name := range []string{"id", "arn", "name", "bucket", "identifier"} {
			if resource.Text(name) != request.ID || request.ID == "" {
				continue
			}
			state, err := toProto(resource.Attributes, block.Type())
			if err != nil {
				return nil, err
			}
			return &tfprotov5.ImportResourceStateResponse{
				ImportedResources: []*tfprotov5.ImportedResource{{TypeName: request.TypeName, State: state}},
			}, nil
		}
	}
	return &tfprotov5.ImportResourceStateResponse{Diagnostics: []*tfprotov5.Diagnostic{s.failure("reading", request.TypeName, cloud.Fault{
		Code: "ResourceNotFoundException", Message: request.ID + " not found", Status: 404,
	})}}, nil
}
