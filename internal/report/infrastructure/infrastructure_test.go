package infrastructure

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/provision/aws"
	"github.com/pocctl/pocctl/internal/provision/aws/cost"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/provision/aws/preflight"
	"github.com/pocctl/pocctl/internal/report"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// sample has something of everything.
func sample() Plan {
	five, three, two := 5, 3, 2
	return Plan{Env: "staging", Predicted: 4000, Budget: 3600, Overview: aws.Overview{
		Counts: plan.Counts{Add: 3, Change: 1, Destroy: 1, Replace: 1}, Kept: 200,
		Changes: []plan.Resource{
			{Address: "module.stack.module.rds.aws_db_instance.this", Module: "rds", Type: "aws_db_instance", Action: plan.Replace, Reason: "cannot be changed in place: engine"},
			{Address: "module.stack.module.network.aws_eip.nat[1]", Module: "network", Type: "aws_eip", Action: plan.Destroy, Reason: "fewer of it are wanted"},
			{Address: "module.stack.module.eks.aws_eks_cluster.this", Module: "eks", Type: "aws_eks_cluster", Action: plan.Change},
			{Address: "aws_kms_key.a", Type: "aws_kms_key", Action: plan.Add},
			{Address: `module.stack.module.eks.aws_eks_node_group.this["a"]`, Module: "eks", Type: "aws_eks_node_group", Action: plan.Add},
			{Address: `module.stack.module.eks.aws_eks_node_group.this["b"]`, Module: "eks", Type: "aws_eks_node_group", Action: plan.Add},
		},
		Drift: []plan.Drift{{Address: "aws_vpc.a", Attributes: []string{"enable_dns_support"}}, {Address: "aws_s3_bucket.a", Gone: true}},
		Cost: cost.Estimate{
			Currency: "USD", Region: "eu-west-1", AsOf: "2025-06", Before: 100, After: 171.5,
			Modules: []cost.Module{
				{Module: "eks", Before: 100, After: 170.5, Lines: []cost.Line{{Block: "module.stack.module.eks.aws_eks_node_group.this", Count: 2, Before: 27, After: 97.5}}},
				{After: 1, Lines: []cost.Line{{Block: "aws_kms_key.a", Count: 1, After: 1}}},
			},
			ByUse:   []cost.ByUse{{Type: "aws_nat_gateway", What: "gigabytes through it"}},
			Unknown: []cost.Unknown{{Address: `module.stack.module.eks.aws_eks_node_group.this["b"]`, Why: "spot instances; their price varies"}},
		},
		Forecast: aws.Forecast{Seconds: 900, AsOf: "2025-06", Path: []aws.Leg{
			{Address: "aws_vpc.a", Seconds: 12}, {Address: "module.stack.module.rds.aws_db_instance.this", Start: 12, Seconds: 888},
		}},
		Checks: preflight.Report{
			Account: "123456789012", Principal: "arn:aws:iam::123456789012:user/ada", Region: "eu-west-1",
			Checks: []preflight.Check{
				{Name: "permissions", Status: preflight.Good, Detail: "allowed all of 78 actions"},
				{Name: "zone", Status: preflight.Unknown, Detail: "DNS cannot be asked | from here"},
			},
			Quotas: []preflight.Quota{
				{Name: "Elastic IP addresses", Needed: 2, Limit: &five, Used: &two, Free: &three, Status: preflight.Good},
				{Name: "VPCs", Needed: 4, Limit: &five, Used: &two, Free: &three, Status: preflight.Bad},
				{Name: "EKS clusters", Needed: 1, Limit: &five, Status: preflight.Unknown, Why: "what is used: AccessDenied"},
			},
		},
	}}
}

// nothing is a plan that changes nothing.
func nothing() Plan {
	return Plan{Env: "staging", Predicted: 60, Budget: 3600, Overview: aws.Overview{Kept: 218}}
}

func TestText(t *testing.T) {
	for name, test := range map[string]struct {
		plan  Plan
		width int
	}{"everything-100.txt": {sample(), 100}, "everything-60.txt": {sample(), 60}, "nothing.txt": {nothing(), 80}} {
		var out bytes.Buffer
		if err := test.plan.Text(&out, report.Look{Width: test.width}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.Bytes())
	}
}

func TestMarkdown(t *testing.T) {
	for name, plan := range map[string]Plan{"everything.md": sample(), "nothing.md": nothing()} {
		var out bytes.Buffer
		if err := plan.Markdown(&out); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.Bytes())
	}
}
