package rpc_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// ownMethods gives every method of the package pocctl.v1, as its descriptors
// have them: whatever a later version adds is among them.
func ownMethods(t *testing.T) []protoreflect.MethodDescriptor {
	t.Helper()
	var all []protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage("pocctl.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				all = append(all, methods.Get(j))
			}
		}
		return true
	})
	if len(all) == 0 {
		t.Fatal("found no method")
	}
	return all
}

func fullName(method protoreflect.MethodDescriptor) string {
	return "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
}

// operationOf is the naming rule: GetProduct is getProduct in REST and policy.
func operationOf(method protoreflect.MethodDescriptor) string {
	name := string(method.Name())
	return strings.ToLower(name[:1]) + name[1:]
}

// invoke calls any method with an empty request.
func (s *service) invoke(ctx context.Context, method protoreflect.MethodDescriptor) error {
	s.t.Helper()
	messages := [2]proto.Message{}
	for i, wanted := range []protoreflect.MessageDescriptor{method.Input(), method.Output()} {
		found, err := protoregistry.GlobalTypes.FindMessageByName(wanted.FullName())
		if err != nil {
			s.t.Fatalf("find %s: %v", wanted.FullName(), err)
		}
		messages[i] = found.New().Interface()
	}
	return s.conn.Invoke(ctx, fullName(method), messages[0], messages[1])
}

func TestEveryOperationHasItsMethod(t *testing.T) {
	operations := auth.Operations()
	for _, method := range ownMethods(t) {
		if _, known := operations[operationOf(method)]; !known {
			t.Errorf("the policy doesn't know %s", fullName(method))
		}
		delete(operations, operationOf(method))
	}
	for operation := range operations {
		t.Errorf("no method is the operation %s", operation)
	}
}

func TestNobodyDoesMoreThanTheirRoleAllows(t *testing.T) {
	s := full(t)
	operations := auth.Operations()
	for _, method := range ownMethods(t) {
		least := operations[operationOf(method)]
		for _, role := range []auth.Role{auth.Anonymous, auth.Viewer, auth.Editor, auth.Admin} {
			t.Run(fullName(method)+" as "+string(role), func(t *testing.T) {
				err := s.invoke(s.as(string(role)), method)
				switch {
				case role.Allows(least):
					if isRefusedByAuth(err) {
						t.Errorf("refused: %v", err)
					}
				case role == auth.Anonymous:
					refused(t, err, codes.Unauthenticated, "unauthenticated")
				default:
					if about := refused(t, err, codes.PermissionDenied, "forbidden"); about["needs"] != string(least) {
						t.Errorf("it is said to need %q, want %q", about["needs"], least)
					}
				}
			})
		}
		for token, wanted := range map[string]struct {
			code   codes.Code
			reason string
		}{
			expired:    {codes.Unauthenticated, "invalid-token"},
			"made.up.": {codes.Unauthenticated, "invalid-token"},
			unjudged:   {codes.Unavailable, "issuer-unavailable"},
		} {
			t.Run(fullName(method)+" with the token "+token, func(t *testing.T) {
				refused(t, s.invoke(s.as(token), method), wanted.code, wanted.reason)
			})
		}
	}
}

func isRefusedByAuth(err error) bool {
	code := status.Code(err)
	return code == codes.Unauthenticated || code == codes.PermissionDenied
}

func TestAuthorizationIsOneBearerToken(t *testing.T) {
	s := start(t, nil)
	tests := map[string]struct {
		values []string
		reason string
	}{
		"none":             {nil, "unauthenticated"},
		"empty":            {[]string{""}, "invalid-token"},
		"no token":         {[]string{"Bearer "}, "invalid-token"},
		"another scheme":   {[]string{"Basic dXNlcjpwYXNz"}, "invalid-token"},
		"the token alone":  {[]string{"viewer"}, "invalid-token"},
		"two in one":       {[]string{"Bearer viewer, Bearer admin"}, "invalid-token"},
		"two":              {[]string{"Bearer viewer", "Bearer viewer"}, "invalid-token"},
		"a good and a bad": {[]string{"Bearer viewer", "Basic x"}, "invalid-token"},
		"too long":         {[]string{"Bearer " + strings.Repeat("x", auth.MaxTokenBytes+1)}, "invalid-token"},
		"odd characters":   {[]string{"Bearer a b"}, "invalid-token"},
		"a small scheme":   {[]string{"bearer viewer"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": test.values})
			err := s.whoAmI(ctx)
			if test.reason == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			refused(t, err, codes.Unauthenticated, test.reason)
		})
	}
}

// A caller who shows a token that is no good is told so, whatever is asked.
func TestABadTokenIsRefusedWhereNoneIsNeeded(t *testing.T) {
	s := start(t, nil)
	about := refused(t, s.get(s.as(expired)), codes.Unauthenticated, "invalid-token")
	if about["token"] != "expired" {
		t.Errorf("the token is said to be %q, want expired", about["token"])
	}
	refused(t, s.get(s.as("")), codes.NotFound, "product-not-found")
}

func TestHealthAsksForNoToken(t *testing.T) {
	s := start(t, nil)
	for _, token := range []string{"", expired, unjudged, "viewer"} {
		if _, err := healthv1.NewHealthClient(s.conn).Check(s.as(token), &healthv1.HealthCheckRequest{}); err != nil {
			t.Errorf("with the token %q: %v", token, err)
		}
	}
}

func (s *service) whoAmI(ctx context.Context) error {
	_, err := s.account.WhoAmI(ctx, &pocctlv1.WhoAmIRequest{})
	return err
}

func TestWhoAmISaysWhatTheTokenDoes(t *testing.T) {
	s := start(t, nil)
	for role, want := range map[auth.Role]pocctlv1.Role{
		auth.Viewer: pocctlv1.Role_ROLE_VIEWER, auth.Editor: pocctlv1.Role_ROLE_EDITOR, auth.Admin: pocctlv1.Role_ROLE_ADMIN,
	} {
		got := must(s.account.WhoAmI(s.as(string(role)), &pocctlv1.WhoAmIRequest{}))(t)
		wanted := &pocctlv1.WhoAmIResponse{
			Subject: "subject-of-" + string(role), Name: "Some " + string(role), Client: "tests", Role: want,
			ExpiresAt: timestamppb.New(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)),
		}
		if diff := cmp.Diff(wanted, got, protocmp.Transform()); diff != "" {
			t.Errorf("who am I (-want +got):\n%s", diff)
		}
	}
}
