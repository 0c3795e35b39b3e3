package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

type accountService struct {
	pocctlv1.UnimplementedAccountServiceServer
}

func (accountService) WhoAmI(ctx context.Context, _ *pocctlv1.WhoAmIRequest) (*pocctlv1.WhoAmIResponse, error) {
	who := auth.FromContext(ctx)
	return &pocctlv1.WhoAmIResponse{
		Subject: who.Subject, Name: who.Name, Client: who.Client, Role: roleOf(who.Role),
		ExpiresAt: timestamppb.New(who.Expires),
	}, nil
}

func roleOf(role auth.Role) pocctlv1.Role {
	switch role {
	case auth.Viewer:
		return pocctlv1.Role_ROLE_VIEWER
	case auth.Editor:
		return pocctlv1.Role_ROLE_EDITOR
	case auth.Admin:
		return pocctlv1.Role_ROLE_ADMIN
	}
	return pocctlv1.Role_ROLE_UNSPECIFIED
}
