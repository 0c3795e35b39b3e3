package provider

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/pocctl/pocctl/test/awsdouble"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

type fields = map[string]any

// newServer is a configured server over an empty account.
func newServer(t *testing.T) *Server {
	t.Helper()
	account, err := cloud.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, err := New(awsdouble.Schema(t), account)
	if err != nil {
		t.Fatal(err)
	}
	block, err := server.schema.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	config, err := toProto(fields{
		"region":       "eu-west-1",
		"default_tags": []any{fields{"tags": fields{"environment": "staging", "team": "a"}}},
		"ignore_tags":  []any{fields{"key_prefixes": []any{"kubernetes.io/"}}},
	}, block.Type())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.ConfigureProvider(t.Context(), &tfprotov5.ConfigureProviderRequest{Config: config})
	if err != nil || len(answer.Diagnostics) > 0 {
		t.Fatal(err, answer.Diagnostics)
	}
	return server
}

// plan plans a change; before is nil for a new resource.
func (s *Server) planFor(t *testing.T, kind string, config, before any) (fields, []string) {
	t.Helper()
	block, err := s.schema.Resource(kind)
	if err != nil {
		t.Fatal(err)
	}
	complete := copied(object(config))
	for name, nested := range block.Blocks { // Terraform sends empty ones
		if complete[name] == nil && nested.Nesting != "single" {
			complete[name] = []any{}
		}
	}
	asked, err := toProto(complete, block.Type())
	if err != nil {
		t.Fatal(err)
	}
	prior, err := toProto(before, block.Type())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.PlanResourceChange(t.Context(), &tfprotov5.PlanResourceChangeRequest{TypeName: kind, Config: asked, ProposedNewState: asked, PriorState: prior})
	if err != nil || len(answer.Diagnostics) > 0 {
		t.Fatal(err, answer.Diagnostics)
	}
	planned, err := fromProto(answer.PlannedState, block.Type())
	if err != nil {
		t.Fatal(err)
	}
	var replaced []string
	for _, path := range answer.RequiresReplace {
		replaced = append(replaced, path.String())
	}
	return object(planned), replaced
}

// apply applies what is planned; planned is nil to delete.
func (s *Server) applyFor(t *testing.T, kind string, planned, before any) fields {
	t.Helper()
	block, err := s.schema.Resource(kind)
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := toProto(planned, block.Type())
	if err != nil {
		t.Fatal(err)
	}
	prior, err := toProto(before, block.Type())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.ApplyResourceChange(t.Context(), &tfprotov5.ApplyResourceChangeRequest{TypeName: kind, PlannedState: wanted, PriorState: prior})
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range answer.Diagnostics {
		t.Fatal(problem.Summary)
	}
	after, err := fromProto(answer.NewState, block.Type())
	if err != nil {
		t.Fatal(err)
	}
	return object(after)
}

func (s *Server) dataFor(t *testing.T, kind string, config any) fields {
	t.Helper()
	block, err := s.schema.DataSource(kind)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := toProto(config, block.Type())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.ReadDataSource(t.Context(), &tfprotov5.ReadDataSourceRequest{TypeName: kind, Config: asked})
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range answer.Diagnostics {
		t.Fatal(problem.Summary)
	}
	state, err := fromProto(answer.State, block.Type())
	if err != nil {
		t.Fatal(err)
	}
	return object(state)
}

func TestPlan(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	vpc := fields{"cidr_block": "10.0.0.0/16", "tags": fields{"team": "b", "kubernetes.io/x": "1"}}
	cluster := fields{"name": "staging", "role_arn": "arn:r", "vpc_config": []any{fields{"subnet_ids": []any{"s-2", "s-1"}}}}
	database := fields{"instance_class": "db.t4g.small", "identifier": "main", "password_wo": "geheim", "password_wo_version": json.Number("1")}

	for name, test := range map[string]struct {
		kind     string
		config   fields
		change   func(fields) // of the configuration, once it is applied; nil to look at the first plan
		want     fields       // of the plan, as far as it goes
		replaced []string
	}{
		"new": {
			kind: "aws_vpc", config: vpc,
			want: fields{
				"id": unknown{}, "arn": unknown{}, "region": "eu-west-1", "instance_tenancy": "default", "enable_dns_support": true,
				"tags_all": fields{"environment": "staging", "team": "b"},
			},
		},
		"new blocks": {
			kind: "aws_eks_cluster", config: cluster,
			want: fields{"endpoint": unknown{}, "vpc_config.0.vpc_id": unknown{}, "vpc_config.0.endpoint_public_access": true, "encryption_config": []any{}},
		},
		"unknown tags": {
			kind: "aws_vpc", config: fields{"cidr_block": unknown{}, "tags": unknown{}},
			want: fields{"cidr_block": unknown{}, "tags_all": unknown{}},
		},
		"secrets are not kept": {
			kind: "aws_db_instance", config: database,
			want: fields{"password_wo": nil, "password_wo_version": json.Number("1"), "publicly_accessible": false},
		},
		"nothing": {
			kind: "aws_vpc", config: vpc, change: func(fields) {},
			want: fields{"cidr_block": "10.0.0.0/16", "enable_dns_support": true},
		},
		"a set in another order": {
			kind: "aws_eks_cluster", config: cluster,
			change: func(config fields) {
				config["vpc_config"] = []any{fields{"subnet_ids": []any{"s-1", "s-2"}}}
			},
			want: fields{"name": "staging"},
		},
		"in place": {
			kind: "aws_vpc", config: vpc, change: func(config fields) { config["enable_dns_hostnames"] = true },
			want: fields{"enable_dns_hostnames": true},
		},
		"replaced": {
			kind: "aws_vpc", config: vpc, change: func(config fields) { config["cidr_block"] = "10.1.0.0/16" },
			want: fields{"cidr_block": "10.1.0.0/16"}, replaced: []string{`AttributeName("cidr_block")`},
		},
		"what is not known may be another": {
			kind: "aws_subnet", config: fields{"vpc_id": "vpc-1"}, change: func(config fields) { config["vpc_id"] = unknown{} },
			want: fields{"vpc_id": unknown{}}, replaced: []string{`AttributeName("vpc_id")`},
		},
		"replaced by a block": {
			kind: "aws_ecr_repository", config: fields{"name": "backend", "encryption_configuration": []any{fields{"encryption_type": "AES256"}}},
			change: func(config fields) {
				config["encryption_configuration"] = []any{fields{"encryption_type": "KMS"}}
			},
			want:     fields{"encryption_configuration.0.encryption_type": "KMS"},
			replaced: []string{`AttributeName("encryption_configuration").ElementKeyInt(0).AttributeName("encryption_type")`},
		},
		"a version that counts": {
			kind: "aws_launch_template", config: fields{"name": "nodes"}, change: func(config fields) { config["instance_type"] = "t3.large" },
			want: fields{"latest_version": unknown{}, "id": "lt-"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := copied(test.config)
			got, replaced := server.planFor(t, test.kind, config, nil)
			if test.change != nil {
				before := server.applyFor(t, test.kind, got, nil)
				test.change(config)
				got, replaced = server.planFor(t, test.kind, config, before)
				if changed := !cmp.Equal(before, got); changed && len(replaced) == 0 {
					after := server.applyFor(t, test.kind, got, before)
					if again, _ := server.planFor(t, test.kind, config, after); !cmp.Equal(after, again) {
						t.Errorf("what was applied is planned again: %s", cmp.Diff(after, again))
					}
				}
				if name == "nothing" || name == "a set in another order" {
					if diff := cmp.Diff(before, got); diff != "" {
						t.Errorf("a change is planned:\n%s", diff)
					}
				}
			}
			if diff := cmp.Diff(test.replaced, replaced); diff != "" {
				t.Error(diff)
			}
			for path, want := range test.want {
				value := at(got, path)
				if prefix, ok := want.(string); ok && path == "id" {
					if text, _ := value.(string); len(text) > len(prefix) && text[:len(prefix)] == prefix {
						continue
					}
				}
				if diff := cmp.Diff(want, value); diff != "" {
					t.Errorf("%s: %s", path, diff)
				}
			}
		})
	}
}

// TestAtOnce makes resources side by side, as Terraform does.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	identifiers := make([]string, 40)
	var group sync.WaitGroup
	for i := range identifiers {
		group.Go(func() {
			planned, _ := server.planFor(t, "aws_eip", fields{}, nil)
			identifiers[i] = fmt.Sprint(server.applyFor(t, "aws_eip", planned, nil)["id"])
		})
	}
	group.Wait()
	seen := map[string]bool{}
	for _, id := range identifiers {
		if seen[id] {
			t.Errorf("%s is there twice", id)
		}
		seen[id] = true
	}
}

// TestEveryType makes one of each type that the table has, of what it requires.
func TestEveryType(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	for kind := range server.behaviours {
		block, err := server.schema.Resource(kind)
		if err != nil {
			if _, err := server.schema.DataSource(kind[len("data."):]); err != nil {
				t.Error(err)
			}
			continue
		}
		for path := range server.behaviours[kind].Values {
			if !has(block.Type(), path) {
				t.Errorf("%s has no %s", kind, path)
			}
		}
		for path := range server.behaviours[kind].Defaults {
			if !has(block.Type(), path) {
				t.Errorf("%s has no %s", kind, path)
			}
		}
		for _, path := range append(server.behaviours[kind].Replace, server.behaviours[kind].Unique...) {
			if path != "*" && !has(block.Type(), path) {
				t.Errorf("%s has no %s", kind, path)
			}
		}
		config := fields{}
		for name, attribute := range block.Attributes {
			if attribute.Required {
				config[name] = sample(name, attribute.Type)
			}
		}
		if kind == "aws_db_instance" {
			config["skip_final_snapshot"] = true
		}
		planned, _ := server.planFor(t, kind, config, nil)
		made := server.applyFor(t, kind, planned, nil)
		if id, _ := made["id"].(string); id == "" && block.Attributes["id"].Type != nil {
			t.Errorf("%s has no identifier", kind)
		}
		if again, _ := server.planFor(t, kind, config, made); !cmp.Equal(made, again) {
			t.Errorf("%s is planned to change though it doesn't: %s", kind, cmp.Diff(made, again))
		}
		if left := server.applyFor(t, kind, nil, made); left != nil {
			t.Errorf("%s is still there: %v", kind, left)
		}
	}
}

// has tells whether a type has a path, without a list's indices.
func has(kind tftypes.Type, path string) bool {
	for part := range strings.SplitSeq(path, ".") {
		switch collection := kind.(type) {
		case tftypes.List:
			kind = collection.ElementType
		case tftypes.Set:
			kind = collection.ElementType
		}
		if part == "0" {
			continue
		}
		object, ok := kind.(tftypes.Object)
		if !ok {
			return false
		}
		if kind, ok = object.AttributeTypes[part]; !ok {
			return false
		}
	}
	return true
}

func sample(name string, kind tftypes.Type) any {
	switch {
	case kind.Is(tftypes.Bool):
		return true
	case kind.Is(tftypes.Number):
		return json.Number("7")
	case kind.Is(tftypes.Map{}):
		return fields{}
	case kind.Is(tftypes.List{}), kind.Is(tftypes.Set{}):
		return []any{}
	}
	return "a-" + name
}

func TestValidation(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	for kind, own := range server.rules {
		block, err := server.schema.Resource(kind)
		if err != nil {
			t.Error(err)
			continue
		}
		for path, rule := range own {
			if !has(block.Type(), path) {
				t.Errorf("%s has no %s", kind, path)
			}
			if fits(strings.Repeat("\x00", 2000), rule) {
				t.Errorf("%s.%s takes anything", kind, path)
			}
		}
	}
	long := strings.Repeat("a", 65)
	for name, test := range map[string]struct {
		kind   string
		config fields
		want   []string
	}{
		"good":  {"aws_iam_role", fields{"name": "staging-eks", "assume_role_policy": `{}`, "tags": fields{"pocctl:environment": "a b@c"}}, nil},
		"later": {"aws_iam_role", fields{"name": unknown{}, "assume_role_policy": unknown{}, "tags": fields{"a": unknown{}}}, nil},
		"long, and no JSON": {
			"aws_iam_role", fields{"name": long, "assume_role_policy": "{"},
			[]string{"invalid value for assume_role_policy", "invalid value for name"},
		},
		"a tag":         {"aws_vpc", fields{"cidr_block": "10.0.0.0/16", "tags": fields{"why?": "x"}}, []string{"invalid value for tags"}},
		"a range":       {"aws_vpc", fields{"cidr_block": "10.0.0.0/8"}, []string{"invalid value for cidr_block"}},
		"a host":        {"aws_subnet", fields{"vpc_id": "v", "cidr_block": "10.0.0.1/24"}, []string{"invalid value for cidr_block"}},
		"days":          {"aws_cloudwatch_log_group", fields{"retention_in_days": json.Number("15")}, []string{"invalid value for retention_in_days"}},
		"in a block":    {"aws_eks_cluster", fields{"access_config": []any{fields{"authentication_mode": "IAM"}}}, []string{"invalid value for access_config.authentication_mode"}},
		"of several":    {"aws_eks_cluster", fields{"enabled_cluster_log_types": []any{"api", "all"}}, []string{"invalid value for enabled_cluster_log_types"}},
		"without rules": {"aws_glue_job", fields{"name": long}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			block, err := server.schema.Resource(test.kind)
			if err != nil {
				t.Fatal(err)
			}
			config, err := toProto(test.config, block.Type())
			if err != nil {
				t.Fatal(err)
			}
			answer, err := server.ValidateResourceTypeConfig(t.Context(), &tfprotov5.ValidateResourceTypeConfigRequest{TypeName: test.kind, Config: config})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, problem := range answer.Diagnostics {
				got = append(got, problem.Summary)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDataSources(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	planned, _ := server.planFor(t, "aws_vpc", fields{"cidr_block": "10.0.0.0/16", "tags": fields{"Name": "one"}}, nil)
	vpc := server.applyFor(t, "aws_vpc", planned, nil)
	if err := server.account.Add(cloud.Resource{Type: "aws_route53_zone", ID: "Z1", Attributes: fields{
		"id": "Z1", "zone_id": "Z1", "name": "example.com", "name_servers": []any{"ns-1"},
	}}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		kind   string
		config fields
		want   fields
	}{
		"a zone that there is": {
			"aws_route53_zone", fields{"name": "example.com"}, fields{"zone_id": "Z1", "name_servers": []any{"ns-1"}},
		},
		"a zone that there is not": {
			"aws_route53_zone", fields{"name": "example.org"}, fields{"primary_name_server": "ns-1.awsdns-01.org"},
		},
		"caller":           {"aws_caller_identity", nil, fields{"account_id": "123456789012", "arn": "arn:aws:iam::123456789012:user/tester"}},
		"region":           {"aws_region", nil, fields{"region": "eu-west-1"}},
		"partition":        {"aws_partition", nil, fields{"dns_suffix": "amazonaws.com"}},
		"zones":            {"aws_availability_zones", nil, fields{"names": []any{"eu-west-1a", "eu-west-1b", "eu-west-1c"}}},
		"tags":             {"aws_default_tags", nil, fields{"tags": fields{"environment": "staging", "team": "a"}}},
		"a resource by id": {"aws_vpc", fields{"id": vpc["id"]}, fields{"arn": vpc["arn"], "cidr_block": "10.0.0.0/16"}},
		"a resource by tag": {
			"aws_vpc", fields{"tags": fields{"Name": "one"}}, fields{"id": vpc["id"]},
		},
		"offerings": {
			"aws_ec2_instance_type_offerings",
			fields{"filter": []any{fields{"name": "instance-type", "values": []any{"t3.large", "x9.huge"}}}, "location_type": "region"},
			fields{"instance_types": []any{"t3.large"}, "locations": []any{"eu-west-1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := any(test.config)
			if test.config == nil {
				config = fields{}
			}
			got := server.dataFor(t, test.kind, config)
			for path, want := range test.want {
				if diff := cmp.Diff(want, at(got, path)); diff != "" {
					t.Errorf("%s: %s", path, diff)
				}
			}
		})
	}
	first := server.dataFor(t, "aws_secretsmanager_random_password", fields{"password_length": json.Number("40")})
	second := server.dataFor(t, "aws_secretsmanager_random_password", fields{"password_length": json.Number("40")})
	if password, _ := first["random_password"].(string); len(password) != 40 || cmp.Equal(first, second) {
		t.Errorf("passwords %v and %v", first["random_password"], second["random_password"])
	}
}

func TestConvert(t *testing.T) {
	t.Parallel()
	kind := tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"text": tftypes.String, "number": tftypes.Number, "truth": tftypes.Bool, "none": tftypes.String, "later": tftypes.String,
		"list": tftypes.List{ElementType: tftypes.Number}, "set": tftypes.Set{ElementType: tftypes.String}, "map": tftypes.Map{ElementType: tftypes.String},
	}}
	want := fields{
		"text": "a", "number": json.Number("1234567890123456789"), "truth": true, "none": nil, "later": unknown{},
		"list": []any{json.Number("1"), json.Number("2.5")}, "set": []any{"x", "y"}, "map": fields{"k": "v"},
	}
	dynamic, err := toProto(want, kind)
	if err != nil {
		t.Fatal(err)
	}
	got, err := fromProto(dynamic, kind)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Error(diff)
	}
	if wholly(got) || !wholly(fields{"a": []any{"b"}}) {
		t.Error("what is known is told wrong")
	}
	for name, value := range map[string]any{"text": fields{}, "list": "x", "map": []any{}, "number": "many", "truth": "perhaps"} {
		if _, err := toProto(fields{name: value}, kind); name != "text" && err == nil {
			t.Errorf("%s takes %v", name, value)
		}
	}
}
