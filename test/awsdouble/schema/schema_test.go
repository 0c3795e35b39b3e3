package schema_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"

	"github.com/pocctl/pocctl/test/awsdouble"
	"github.com/pocctl/pocctl/test/awsdouble/schema"
)

// TestFacts compares what was extracted with what the provider's documentation
// says of some arguments, one of each form.
func TestFacts(t *testing.T) {
	t.Parallel()
	read := awsdouble.Schema(t)
	if read.Version != "6.25.0" {
		t.Errorf("the schema is that of %s; the Makefile and awsdouble.go name another", read.Version)
	}
	if len(read.Resources) < 1500 || len(read.Data) < 600 {
		t.Errorf("it has %d resources and %d data sources", len(read.Resources), len(read.Data))
	}
	for _, test := range []struct{ kind, name, flags, shape string }{
		{"aws_vpc", "cidr_block", "oc", "tftypes.String"},
		{"aws_vpc", "arn", "c", "tftypes.String"},
		{"aws_vpc", "enable_dns_support", "o", "tftypes.Bool"},
		{"aws_vpc", "tags", "o", "tftypes.Map[tftypes.String]"},
		{"aws_vpc", "tags_all", "oc", "tftypes.Map[tftypes.String]"},
		{"aws_eks_cluster", "role_arn", "r", "tftypes.String"},
		{"aws_eks_cluster", "enabled_cluster_log_types", "o", "tftypes.Set[tftypes.String]"},
		{"aws_db_instance", "allocated_storage", "oc", "tftypes.Number"},
		{"aws_autoscaling_group", "availability_zones", "oc", "tftypes.Set[tftypes.String]"},
		{"aws_acm_certificate", "validation_emails", "c", "tftypes.List[tftypes.String]"},
		{"aws_accessanalyzer_analyzer", "type", "o", "tftypes.String"},
	} {
		block, err := read.Resource(test.kind)
		if err != nil {
			t.Fatal(err)
		}
		attribute, known := block.Attributes[test.name]
		if !known {
			t.Errorf("%s has no %s", test.kind, test.name)
			continue
		}
		flags := ""
		if attribute.Required {
			flags += "r"
		}
		if attribute.Optional {
			flags += "o"
		}
		if attribute.Computed {
			flags += "c"
		}
		if flags != test.flags || attribute.Type.String() != test.shape {
			t.Errorf("%s.%s is %s %s, want %s %s", test.kind, test.name, flags, attribute.Type, test.flags, test.shape)
		}
	}
	for _, test := range []struct {
		kind, name, nesting string
		min, max            int64
	}{
		{"aws_eks_cluster", "vpc_config", "list", 1, 1},
		{"aws_eks_cluster", "encryption_config", "list", 0, 1},
		{"aws_eks_cluster", "timeouts", "single", 0, 0},
		{"aws_cloudfront_distribution", "origin", "set", 1, 0},
		{"aws_cloudfront_distribution", "ordered_cache_behavior", "list", 0, 0},
		{"aws_wafv2_web_acl", "rule", "set", 0, 0},
	} {
		block, err := read.Resource(test.kind)
		if err != nil {
			t.Fatal(err)
		}
		nested, known := block.Blocks[test.name]
		if !known || nested.Nesting != test.nesting || nested.Min != test.min || nested.Max != test.max {
			t.Errorf("%s.%s is %v %s %d..%d, want %s %d..%d", test.kind, test.name, known, nested.Nesting, nested.Min, nested.Max, test.nesting, test.min, test.max)
		}
	}
	if _, err := read.Resource("aws_no_such"); err == nil {
		t.Error("it has aws_no_such")
	}
}

// TestAll turns every type into what Terraform is told.
func TestAll(t *testing.T) {
	t.Parallel()
	read := awsdouble.Schema(t)
	for kind := range read.Resources {
		block, err := read.Resource(kind)
		if err != nil {
			t.Error(err)
			continue
		}
		told := &tfprotov5.Schema{Block: block.Proto()}
		if !told.ValueType().Equal(block.Type()) {
			t.Errorf("%s is told as another type than it is read as", kind)
		}
	}
	for kind := range read.Data {
		if _, err := read.DataSource(kind); err != nil {
			t.Error(err)
		}
	}
}

func TestWAF(t *testing.T) {
	t.Parallel()
	block, err := awsdouble.Schema(t).Resource("aws_wafv2_web_acl")
	if err != nil {
		t.Fatal(err)
	}
	statement := block.Blocks["rule"].Blocks["statement"]
	for _, path := range [][]string{
		{"managed_rule_group_statement", "scope_down_statement", "not_statement", "statement", "geo_match_statement"},
		{"rate_based_statement", "scope_down_statement", "byte_match_statement", "field_to_match", "single_header"},
		{"or_statement", "statement", "ip_set_reference_statement"},
	} {
		at := statement
		for _, name := range path {
			inner, known := at.Blocks[name]
			if !known {
				t.Fatalf("no %s on the way %v", name, path)
			}
			at = inner
		}
	}
}

func TestWriteOnly(t *testing.T) {
	t.Parallel()
	read := awsdouble.Schema(t)
	for kind, want := range map[string]map[string]bool{
		"aws_db_instance":                   {"password_wo": true, "password_wo_version": false, "password": false},
		"aws_secretsmanager_secret_version": {"secret_string_wo": true, "has_secret_string_wo": false},
	} {
		block, err := read.Resource(kind)
		if err != nil {
			t.Fatal(err)
		}
		for name, writeOnly := range want {
			if schema.WriteOnly(name, block) != writeOnly {
				t.Errorf("%s.%s: write-only should be %v", kind, name, writeOnly)
			}
		}
	}
}
