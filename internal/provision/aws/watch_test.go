package aws

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/provision/aws/forecast"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/provision/aws/terraform"
)

// said keeps what was told.
type said []string

func (s *said) Waiting(format string, args ...any) {
	*s = append(*s, "… "+fmt.Sprintf(format, args...))
}
func (s *said) Info(format string, args ...any) { *s = append(*s, fmt.Sprintf(format, args...)) }

func TestWatch(t *testing.T) {
	durations, err := forecast.Load()
	if err != nil {
		t.Fatal(err)
	}
	var told said
	clock := time.Now()
	w := newWatch(durations, &told)
	w.now = func() time.Time { clock = clock.Add(2 * time.Second); return clock }
	w.expect(plan.Plan{Resources: []plan.Resource{
		{Address: "module.stack.module.eks.aws_eks_cluster.this", Type: "aws_eks_cluster", Action: plan.Add},
		{Address: "aws_nat_gateway.a", Type: "aws_nat_gateway", Action: plan.Destroy},
		{Address: "aws_iam_role.a", Type: "aws_iam_role", Action: plan.Change},
	}})
	event := func(kind terraform.EventKind, address, action string, elapsed time.Duration) {
		w.event(terraform.Event{Kind: kind, Address: address, Action: action, Elapsed: elapsed})
	}
	event(terraform.Began, "aws_iam_role.a", "update", 0)
	event(terraform.Began, "module.stack.module.eks.aws_eks_cluster.this", "create", 0)
	event(terraform.Began, "aws_nat_gateway.a", "delete", 0)
	event(terraform.GoesOn, "module.stack.module.eks.aws_eks_cluster.this", "create", 70*time.Second)
	event(terraform.Ended, "aws_iam_role.a", "update", time.Second)
	event(terraform.Failed, "aws_nat_gateway.a", "delete", time.Minute)
	event(terraform.Ended, "module.stack.module.eks.aws_eks_cluster.this", "create", 492*time.Second)
	event(terraform.Planned, "aws_iam_role.b", "create", 0)
	want := said{
		"… 0 of 3 done; aws_iam_role.a",
		"… 0 of 3 done; module.eks.aws_eks_cluster.this (0 s of usually 9 m), aws_iam_role.a",
		"… 0 of 3 done; module.eks.aws_eks_cluster.this (0 s of usually 9 m), aws_nat_gateway.a (0 s of usually 1 m), aws_iam_role.a",
		"… 0 of 3 done; module.eks.aws_eks_cluster.this (1 m 10 s of usually 9 m), aws_nat_gateway.a (0 s of usually 1 m), aws_iam_role.a",
		"… 1 of 3 done; module.eks.aws_eks_cluster.this (1 m 10 s of usually 9 m), aws_nat_gateway.a (0 s of usually 1 m)",
		"aws_nat_gateway.a was not taken away",
		"… 1 of 3 done; module.eks.aws_eks_cluster.this (1 m 10 s of usually 9 m)",
		"module.eks.aws_eks_cluster.this made in 8 m 12 s, usually 9 m",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestWatchIsBrief says one line for all that happens within a second.
func TestWatchIsBrief(t *testing.T) {
	durations, err := forecast.Load()
	if err != nil {
		t.Fatal(err)
	}
	var told said
	w := newWatch(durations, &told)
	now := time.Now()
	w.now = func() time.Time { return now }
	for i := range 100 {
		w.event(terraform.Event{Kind: terraform.Began, Address: fmt.Sprint(i)})
	}
	if len(told) != 1 {
		t.Errorf("%d lines: %q", len(told), told)
	}
}
