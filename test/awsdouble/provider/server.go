// Package provider is a Terraform provider that has the schema of AWS' and no
// cloud behind it: its resources are files. It plans what the real one plans
// with unknowns where that computes, gives plausible values, and fails, waits
// and drifts as the account's control file says.
package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
	"github.com/pocctl/pocctl/test/awsdouble/schema"
)

// Server answers Terraform.
type Server struct {
	schema     *schema.Schema
	account    *cloud.Account
	behaviours map[string]behaviour
	rules      map[string]map[string]string // what values AWS takes, by type and path

	mutex       sync.Mutex
	configured  configuration
	making      sync.Mutex // one resource at a time gets its identifier
	stopped     chan struct{}
	stopOnce    sync.Once
	environment func(string) string
}

// configuration is what the provider block says.
type configuration struct {
	region string
	tags   map[string]any // default_tags
	ignore ignored        // ignore_tags
}

type ignored struct{ keys, prefixes []string }

// New makes a server of a schema over an account. With none it tells its schema
// and does nothing else.
func New(of *schema.Schema, account *cloud.Account) (*Server, error) {
	all, err := behaviours()
	if err != nil {
		return nil, err
	}
	values, err := readRules()
	if err != nil {
		return nil, err
	}
	return &Server{schema: of, account: account, behaviours: all, rules: values, stopped: make(chan struct{}), environment: os.Getenv}, nil
}

func capabilities() *tfprotov5.ServerCapabilities {
	return &tfprotov5.ServerCapabilities{GetProviderSchemaOptional: true, PlanDestroy: true, MoveResourceState: true}
}

// GetMetadata names the types.
func (s *Server) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	answer := &tfprotov5.GetMetadataResponse{ServerCapabilities: capabilities()}
	for kind := range s.schema.Resources {
		answer.Resources = append(answer.Resources, tfprotov5.ResourceMetadata{TypeName: kind})
	}
	for kind := range s.schema.Data {
		answer.DataSources = append(answer.DataSources, tfprotov5.DataSourceMetadata{TypeName: kind})
	}
	return answer, nil
}

// GetProviderSchema gives the whole schema.
func (s *Server) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	configuration, err := s.schema.Configuration()
	if err != nil {
		return nil, err
	}
	answer := &tfprotov5.GetProviderSchemaResponse{
		ServerCapabilities: capabilities(),
		Provider:           &tfprotov5.Schema{Block: configuration.Proto()},
		ResourceSchemas:    make(map[string]*tfprotov5.Schema, len(s.schema.Resources)),
		DataSourceSchemas:  make(map[string]*tfprotov5.Schema, len(s.schema.Data)),
	}
	for kind := range s.schema.Resources {
		block, err := s.schema.Resource(kind)
		if err != nil {
			return nil, err
		}
		answer.ResourceSchemas[kind] = &tfprotov5.Schema{Block: block.Proto()}
	}
	for kind := range s.schema.Data {
		block, err := s.schema.DataSource(kind)
		if err != nil {
			return nil, err
		}
		answer.DataSourceSchemas[kind] = &tfprotov5.Schema{Block: block.Proto()}
	}
	return answer, nil
}

// PrepareProviderConfig changes nothing.
func (s *Server) PrepareProviderConfig(_ context.Context, request *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: request.Config}, nil
}

// ConfigureProvider reads the provider block, and looks whose account this is.
func (s *Server) ConfigureProvider(_ context.Context, request *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	block, err := s.schema.Configuration()
	if err != nil {
		return nil, err
	}
	value, err := fromProto(request.Config, block.Type())
	if err != nil {
		return nil, err
	}
	if s.account == nil {
		return nil, errors.New("the AWS double has no account: set " + cloud.Environment + " to a directory")
	}
	control, err := s.account.Control()
	if err != nil {
		return nil, err
	}
	config, _ := value.(map[string]any)
	if problem := credentials(control, config); problem != nil {
		return &tfprotov5.ConfigureProviderResponse{Diagnostics: []*tfprotov5.Diagnostic{problem}}, nil
	}
	configured := configuration{region: control.Region}
	for _, region := range []any{config["region"], s.environment("AWS_REGION"), s.environment("AWS_DEFAULT_REGION")} {
		if text, ok := region.(string); ok && text != "" {
			configured.region = text
			break
		}
	}
	if tags := object(first(config["default_tags"]))["tags"]; wholly(tags) {
		configured.tags = object(tags)
	}
	ignore := object(first(config["ignore_tags"]))
	configured.ignore = ignored{keys: texts(ignore["keys"]), prefixes: texts(ignore["key_prefixes"])}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.configured = configured
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

// credentials are looked at as the real provider does with STS.
func credentials(control cloud.Control, config map[string]any) *tfprotov5.Diagnostic {
	failed := func(summary, detail string) *tfprotov5.Diagnostic {
		return &tfprotov5.Diagnostic{Severity: tfprotov5.DiagnosticSeverityError, Summary: summary, Detail: detail}
	}
	asked := "Retrieving AWS account details: validating provider credentials: retrieving caller identity from STS: " +
		"operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: " + requestID() + ", api error "
	switch control.Credentials {
	case "expired":
		return failed(asked+"ExpiredToken: The security token included in the request is expired", "")
	case "invalid":
		return failed(asked+"InvalidClientTokenId: The security token included in the request is invalid.", "")
	case "missing":
		return failed("No valid credential sources found", "Please see https://registry.terraform.io/providers/hashicorp/aws\n"+
			"for more information about providing credentials.\n\nError: failed to refresh cached credentials, no EC2 IMDS role found")
	}
	allowed, forbidden := texts(config["allowed_account_ids"]), texts(config["forbidden_account_ids"])
	if len(allowed) > 0 && !slices.Contains(allowed, control.Account) || slices.Contains(forbidden, control.Account) {
		return failed("AWS account ID not allowed: "+control.Account, "")
	}
	return nil
}

// StopProvider ends what waits.
func (s *Server) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	s.stopOnce.Do(func() { close(s.stopped) })
	return &tfprotov5.StopProviderResponse{}, nil
}

// ValidateDataSourceConfig leaves it to Terraform, which knows the schema.
func (s *Server) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

// UpgradeResourceState reads a state; there is one version of each.
func (s *Server) UpgradeResourceState(_ context.Context, request *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	block, err := s.schema.Resource(request.TypeName)
	if err != nil {
		return nil, err
	}
	kind := block.Type()
	value, err := request.RawState.UnmarshalWithOpts(kind, tfprotov5.UnmarshalOpts{
		ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true},
	})
	if err != nil {
		return nil, fmt.Errorf("state of %s: %w", request.TypeName, err)
	}
	dynamic, err := tfprotov5.NewDynamicValue(kind, value)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &dynamic}, err
}

// MoveResourceState moves nothing between types.
func (s *Server) MoveResourceState(context.Context, *tfprotov5.MoveResourceStateRequest) (*tfprotov5.MoveResourceStateResponse, error) {
	return nil, errors.New("the double moves no state between types")
}

// GetResourceIdentitySchemas has none: resources are known by their identifiers.
func (s *Server) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

// UpgradeResourceIdentity has none to upgrade.
func (s *Server) UpgradeResourceIdentity(context.Context, *tfprotov5.UpgradeResourceIdentityRequest) (*tfprotov5.UpgradeResourceIdentityResponse, error) {
	return nil, errors.New("the double has no identities")
}

// GenerateResourceConfig leaves it to Terraform.
func (s *Server) GenerateResourceConfig(context.Context, *tfprotov5.GenerateResourceConfigRequest) (*tfprotov5.GenerateResourceConfigResponse, error) {
	return nil, errors.New("the double generates no configuration")
}

// CallFunction has no function.
func (s *Server) CallFunction(context.Context, *tfprotov5.CallFunctionRequest) (*tfprotov5.CallFunctionResponse, error) {
	return nil, errors.New("the double has no functions")
}

// GetFunctions has none.
func (s *Server) GetFunctions(context.Context, *tfprotov5.GetFunctionsRequest) (*tfprotov5.GetFunctionsResponse, error) {
	return &tfprotov5.GetFunctionsResponse{}, nil
}

// The double has no ephemeral resources.

// ValidateEphemeralResourceConfig refuses.
func (s *Server) ValidateEphemeralResourceConfig(context.Context, *tfprotov5.ValidateEphemeralResourceConfigRequest) (*tfprotov5.ValidateEphemeralResourceConfigResponse, error) {
	return nil, errors.New("the double has no ephemeral resources")
}

// OpenEphemeralResource refuses.
func (s *Server) OpenEphemeralResource(context.Context, *tfprotov5.OpenEphemeralResourceRequest) (*tfprotov5.OpenEphemeralResourceResponse, error) {
	return nil, errors.New("the double has no ephemeral resources")
}

// RenewEphemeralResource refuses.
func (s *Server) RenewEphemeralResource(context.Context, *tfprotov5.RenewEphemeralResourceRequest) (*tfprotov5.RenewEphemeralResourceResponse, error) {
	return nil, errors.New("the double has no ephemeral resources")
}

// CloseEphemeralResource refuses.
func (s *Server) CloseEphemeralResource(context.Context, *tfprotov5.CloseEphemeralResourceRequest) (*tfprotov5.CloseEphemeralResourceResponse, error) {
	return nil, errors.New("the double has no ephemeral resources")
}

// object is a value as one, nil if it is none.
func object(value any) map[string]any {
	fields, _ := value.(map[string]any)
	return fields
}

// first is a list's first element, nil if there is none.
func first(value any) any {
	if list, ok := value.([]any); ok && len(list) > 0 {
		return list[0]
	}
	return nil
}

// texts are a list's elements that are text.
func texts(value any) []string {
	list, _ := value.([]any)
	var found []string
	for _, element := range list {
		if text, ok := element.(string); ok {
			found = append(found, text)
		}
	}
	return found
}
