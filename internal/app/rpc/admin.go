package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// adminService is what admins do. Flags and the audit log have files of their own.
type adminService struct {
	pocctlv1.UnimplementedAdminServiceServer
	*Options
}

func (s *adminService) ListDeadLetters(ctx context.Context, request *pocctlv1.ListDeadLettersRequest) (*pocctlv1.ListDeadLettersResponse, error) {
	size := int(request.GetPageSize())
	switch {
	case size == 0:
		size = catalog.DefaultPage
	case size < 0 || size > catalog.MaxPage:
		return nil, badParameter("page_size", "must be from 1 to 100, or 0 for 20")
	}
	found, err := s.DeadLetters.ListDeadLetters(ctx, size)
	if err != nil {
		return nil, err
	}
	response := &pocctlv1.ListDeadLettersResponse{}
	for _, letter := range found {
		response.DeadLetters = append(response.DeadLetters, &pocctlv1.DeadLetter{
			Id: letter.ID, Kind: letter.Kind, OrderId: letter.OrderID, Attempts: int32(letter.Attempts),
			Error: letter.Error, FailedAt: timestamppb.New(letter.FailedAt),
		})
	}
	return response, nil
}

func (s *adminService) RequeueDeadLetter(ctx context.Context, request *pocctlv1.RequeueDeadLetterRequest) (*pocctlv1.RequeueDeadLetterResponse, error) {
	if request.GetId() == "" {
		return nil, badParameter("id", "is missing")
	}
	err := s.audited(ctx, request.GetId(), nil, func(ctx context.Context) error {
		return s.DeadLetters.Requeue(ctx, request.GetId())
	})
	if err != nil {
		return nil, err
	}
	return &pocctlv1.RequeueDeadLetterResponse{}, nil
}
