package plan

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"
)

func read(t *testing.T, file string) Plan {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var from tfjson.Plan
	if err := json.Unmarshal(data, &from); err != nil {
		t.Fatal(err)
	}
	plan, err := Read(&from)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestRead(t *testing.T) {
	plan := read(t, "testdata/mixed.json")
	type seen struct {
		Address, Block, Module string
		Action                 Action
		Reason                 string
	}
	var got []seen
	for _, r := range plan.Changes() {
		got = append(got, seen{r.Address, r.Block, r.Module, r.Action, r.Reason})
	}
	want := []seen{
		{"module.stack.module.rds.aws_db_instance.this", "module.stack.module.rds.aws_db_instance.this", "stack", Replace, "cannot be changed in place: engine, tags.Name"},
		{"module.stack.module.redis.aws_elasticache_replication_group.this", "module.stack.module.redis.aws_elasticache_replication_group.this", "stack", Replace, "was not made whole the last time"},
		{`module.stack.module.network.aws_subnet.public["eu-west-1c"]`, "module.stack.module.network.aws_subnet.public", "stack", Destroy, "fewer of it are wanted"},
		{"module.stack.module.eks.aws_eks_cluster.this", "module.stack.module.eks.aws_eks_cluster.this", "stack", Change, ""},
		{"aws_kms_key.this[0]", "aws_kms_key.this", "", Add, ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Counts{Add: 1, Change: 1, Destroy: 1, Replace: 2}, plan.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	drift := []Drift{
		{Address: "aws_s3_bucket.gone", Type: "aws_s3_bucket", Gone: true, Attributes: []string{}},
		{Address: "module.stack.module.eks.aws_eks_cluster.this", Type: "aws_eks_cluster", Attributes: []string{"tags", "version"}},
	}
	if diff := cmp.Diff(drift, plan.Drift); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	if len(plan.Resources) != 6 { // the kept one, and not the data source
		t.Errorf("%d resources", len(plan.Resources))
	}
}

func TestModules(t *testing.T) {
	for _, test := range []struct {
		modules []string // addresses
		want    []string
	}{
		{[]string{"module.stack.module.eks", "module.stack.module.eks.module.key", "module.stack"}, []string{"eks", "eks", ""}},
		{[]string{"module.a.module.b", "module.c"}, []string{"a", "c"}},
		{[]string{"module.a.module.b", ""}, []string{"a", ""}},
		{[]string{"module.eks", "module.eks"}, []string{"eks", "eks"}},
		{[]string{"", ""}, []string{"", ""}},
	} {
		var plan Plan
		for _, address := range test.modules {
			plan.Resources = append(plan.Resources, Resource{path: modulePath(address)})
		}
		plan.nameModules()
		var got []string
		for _, resource := range plan.Resources {
			got = append(got, resource.Module)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v: -want +got\n%s", test.modules, diff)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, from := range map[string]*tfjson.Plan{
		"no version": {},
		"too new":    {FormatVersion: "9.0"},
		"no change":  {FormatVersion: "1.2", ResourceChanges: []*tfjson.ResourceChange{{Address: "a.b"}}},
		"unknown action": {FormatVersion: "1.2", ResourceChanges: []*tfjson.ResourceChange{{
			Address: "a.b", Change: &tfjson.Change{Actions: tfjson.Actions{"explode"}},
		}}},
	} {
		if plan, err := Read(from); err == nil {
			t.Errorf("%s gives %+v", name, plan)
		}
	}
	if !(Counts{}).None() || (Counts{Replace: 1}).None() {
		t.Error("None is wrong")
	}
}

func TestBlock(t *testing.T) {
	for address, want := range map[string]string{
		"aws_vpc.this":                           "aws_vpc.this",
		"aws_eip.nat[0]":                         "aws_eip.nat",
		`module.a["x.y"].aws_b.c["]\"."]`:        "module.a.aws_b.c",
		`module.a[1].module.b["é"].aws_c.d["]"]`: "module.a.module.b.aws_c.d",
	} {
		if got := Block(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

func TestKey(t *testing.T) {
	for address, want := range map[string]string{
		"aws_vpc.this": "", "aws_eip.nat[0]": "[0]", `module.a["x"].aws_b.c["y"]`: `["y"]`, `module.a["x"].aws_b.c`: "",
	} {
		if got := Key(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

func FuzzBlock(f *testing.F) {
	f.Add(`module.a["x.y"].aws_b.c["]\"."]`)
	f.Fuzz(func(t *testing.T, address string) {
		block := Block(address)
		if utf8.ValidString(address) && len(block) > len(address) || strings.Contains(block, "[") || Block(block) != block {
			t.Errorf("%q gives %q", address, block)
		}
	})
}
