package api

import (
	"context"
	"net/http"
	"time"
)

func (s *server) accountOperations() {
	register(s, operation{
		name: "whoAmI", method: http.MethodGet, path: "/api/v1/me", tag: "Account", success: http.StatusOK,
		summary: "See who you are to the service",
	}, s.whoAmI)
}

type whoAmIBody struct {
	Body struct {
		Subject   string    `json:"subject" doc:"Names you for good at the issuer"`
		Name      string    `json:"name,omitempty"`
		Client    string    `json:"client,omitempty" doc:"The program that asked for the token"`
		Role      string    `json:"role" enum:"viewer,editor,admin"`
		ExpiresAt time.Time `json:"expires_at" doc:"When the token ends"`
	}
}

func (s *server) whoAmI(ctx context.Context, _ *struct{}) (*whoAmIBody, error) {
	who := requestOf(ctx).principal
	var output whoAmIBody
	output.Body.Subject, output.Body.Name, output.Body.Client = who.Subject, who.Name, who.Client
	output.Body.Role, output.Body.ExpiresAt = string(who.Role), who.Expires.UTC()
	return &output, nil
}
