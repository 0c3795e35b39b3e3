package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
	"github.com/pocctl/pocctl/test/awsdouble/schema"
)

// ReadDataSource finds what there is: a resource of the account where one fits,
// else values made of what is asked for.
func (s *Server) ReadDataSource(_ context.Context, request *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	block, err := s.schema.DataSource(request.TypeName)
	if err != nil {
		return nil, err
	}
	kind := block.Type()
	value, err := fromProto(request.Config, kind)
	if err != nil {
		return nil, err
	}
	config := object(value)
	control, err := s.account.Control()
	if err != nil {
		return nil, err
	}
	if fault, err := s.account.Fault(control, "data", request.TypeName, config, false); err != nil {
		return nil, err
	} else if fault != nil {
		return &tfprotov5.ReadDataSourceResponse{Diagnostics: []*tfprotov5.Diagnostic{s.failure("reading", request.TypeName, *fault)}}, nil
	}

	made := s.maker(control, "data."+request.TypeName, seeded("data", request.TypeName, config), plan(block, config, nil))
	if err := s.find(request.TypeName, block, config, made, control); err != nil { //nolint:nilerr // Terraform shows it as a diagnostic
		return &tfprotov5.ReadDataSourceResponse{Diagnostics: []*tfprotov5.Diagnostic{{
			Severity: tfprotov5.DiagnosticSeverityError, Summary: err.Error(),
		}}}, nil
	}
	made.kind = request.TypeName
	made.fill(block, nil)
	state, err := toProto(made.values, kind)
	return &tfprotov5.ReadDataSourceResponse{State: state}, err
}

// find gives values to a data source.
func (s *Server) find(kind string, block schema.Block, config map[string]any, made *maker, control cloud.Control) error {
	made.fill(schema.Block{}, control.Values["data."+kind])
	switch kind {
	case "aws_iam_policy_document":
		return policyDocument(made.values)
	case "aws_ec2_instance_type_offerings":
		return offerings(config, made)
	case "aws_default_tags":
		s.mutex.Lock()
		defer s.mutex.Unlock()
		made.values["tags"] = allTags(s.configured, nil)
		return nil
	case "aws_secretsmanager_random_password":
		made.seed = requestID() // another one at every read, as the real one
		made.values["random_password"] = made.draw("abcdefghijkmnopqrstuvwxyz23456789", length(config["password_length"]))
		return nil
	}
	resource, found, err := s.match(kind, block, config)
	if err != nil {
		return err
	}
	if found {
		take(made.values, block, resource, config)
	}
	made.fill(schema.Block{}, s.behaviours["data."+kind].Values)
	return nil
}

// take fills what is not known from a resource.
func take(values map[string]any, block schema.Block, resource cloud.Resource, config map[string]any) {
	for name, value := range resource.Attributes {
		if _, unknowable := values[name].(unknown); unknowable && value != nil {
			if _, has := block.Attributes[name]; has {
				values[name] = value
			}
		}
	}
	if tags, ok := resource.Attributes["tags_all"].(map[string]any); ok && config["tags"] == nil {
		values["tags"] = tags
	}
}

// length is a number that is asked for, 32 if none is.
func length(value any) int {
	number, ok := value.(json.Number)
	if !ok {
		return 32
	}
	asked, err := number.Int64()
	if err != nil {
		return 32
	}
	return int(asked)
}

// match is the resource of the same type that has all that is asked for.
func (s *Server) match(kind string, block schema.Block, config map[string]any) (cloud.Resource, bool, error) {
	all, err := s.account.List(kind)
	if err != nil {
		return cloud.Resource{}, false, err
	}
	want := map[string]string{}
	for name := range block.Attributes {
		if text, ok := config[name].(string); ok && name != "region" {
			want[name] = text
		}
	}
	for key, value := range object(config["tags"]) {
		want["tags."+key] = fmt.Sprint(value)
	}
	for _, resource := range all {
		if len(want) > 0 && cloud.Matches(resource.Attributes, want) {
			return resource, true, nil
		}
	}
	return cloud.Resource{}, false, nil
}

// offerings answers for the instance types that a filter asks for: every zone
// has them, but for a type that does not exist.
func offerings(config map[string]any, made *maker) error {
	families := []string{"t3", "t3a", "t4g", "m5", "m6i", "m6a", "m6g", "m7i", "m7g", "m7a", "c5", "c6i", "c6g", "c7i", "c7g", "r5", "r6i", "r6g", "r7g"}
	var kinds []any
	filters, _ := config["filter"].([]any)
	for _, filter := range filters {
		if object(filter)["name"] != "instance-type" {
			continue
		}
		for _, kind := range texts(object(filter)["values"]) {
			if family, _, _ := strings.Cut(kind, "."); slices.Contains(families, family) {
				kinds = append(kinds, kind)
			}
		}
	}
	places := []any{made.region}
	if config["location_type"] == "availability-zone" {
		places = []any{made.region + "a", made.region + "b", made.region + "c"}
	}
	var types, locations, located []any
	for _, kind := range kinds {
		for _, place := range places {
			types, locations = append(types, kind), append(locations, place)
		}
	}
	located = slices.Repeat([]any{config["location_type"]}, len(types))
	if config["location_type"] == nil {
		located = slices.Repeat([]any{"region"}, len(types))
	}
	made.values["instance_types"], made.values["locations"], made.values["location_types"] = orEmpty(types), orEmpty(locations), orEmpty(located)
	made.values["id"] = made.region
	return nil
}

func orEmpty(list []any) []any {
	if list == nil {
		return []any{}
	}
	return list
}
