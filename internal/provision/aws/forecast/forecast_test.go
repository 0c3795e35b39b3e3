package forecast

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/provision/aws/graph"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

func table(t *testing.T) Table {
	t.Helper()
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func resource(address, kind string, action plan.Action, attributes map[string]any) plan.Resource {
	one := plan.Resource{Address: address, Block: plan.Block(address), Type: kind, Action: action, After: attributes}
	if action == plan.Destroy {
		one.Before, one.After = attributes, nil
	}
	return one
}

func TestOf(t *testing.T) {
	durations := table(t)
	for _, test := range []struct {
		name string
		of   plan.Resource
		want time.Duration
	}{
		{"database in one zone", resource("a.b", "aws_db_instance", plan.Add, map[string]any{"multi_az": false}), 6 * time.Minute},
		{"database in two", resource("a.b", "aws_db_instance", plan.Add, map[string]any{"multi_az": true}), 12 * time.Minute},
		{"replica first", resource("a.b", "aws_db_instance", plan.Add, map[string]any{"multi_az": true, "replicate_source_db": "x"}), 9 * time.Minute},
		{"no replica", resource("a.b", "aws_db_instance", plan.Add, map[string]any{"replicate_source_db": nil}), 6 * time.Minute},
		{"interface endpoint", resource("a.b", "aws_vpc_endpoint", plan.Add, map[string]any{"vpc_endpoint_type": "Interface"}), 75 * time.Second},
		{"destroyed by what it was", resource("a.b", "aws_db_instance", plan.Destroy, map[string]any{"multi_az": true}), 7 * time.Minute},
		{"replaced", resource("a.b", "aws_eks_cluster", plan.Replace, nil), 13 * time.Minute},
		{"not listed", resource("a.b", "aws_glue_job", plan.Add, nil), 3 * time.Second},
		{"half listed", resource("a.b", "aws_vpc", plan.Destroy, nil), 2 * time.Second},
		{"kept", resource("a.b", "aws_eks_cluster", plan.Keep, nil), 0},
	} {
		if got := durations.Of(test.of); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestMake(t *testing.T) {
	durations := table(t)
	cluster := graph.Graph{Waits: map[string][]string{
		"aws_vpc.a": nil, "aws_subnet.a": {"aws_vpc.a"},
		"data.aws_x.y":       {"aws_subnet.a"},
		"aws_eks_cluster.a":  {"data.aws_x.y"}, // through a data source
		"aws_db_instance.a":  {"aws_subnet.a"},
		"aws_eks_node.a":     {"aws_eks_cluster.a"},
		"aws_eks_addon.late": {"aws_eks_node.a"},
	}}
	all := func(action plan.Action) plan.Plan {
		return plan.Plan{Resources: []plan.Resource{
			resource("aws_vpc.a", "aws_vpc", action, nil),
			resource(`aws_subnet.a["x"]`, "aws_subnet", action, nil),
			resource(`aws_subnet.a["y"]`, "aws_subnet", action, map[string]any{"map_public_ip_on_launch": true}),
			resource("aws_eks_cluster.a", "aws_eks_cluster", action, nil),
			resource("aws_db_instance.a", "aws_db_instance", action, nil),
			resource("aws_eks_node.a", "aws_eks_node_group", action, nil),
		}}
	}
	type leg struct {
		address      string
		start, lasts time.Duration
	}
	for _, test := range []struct {
		name  string
		plan  plan.Plan
		total time.Duration
		path  []leg
	}{
		{"nothing", plan.Plan{}, 0, nil},
		{"made", all(plan.Add), 12*time.Second + 12*time.Second + 9*time.Minute + 150*time.Second, []leg{
			{"aws_vpc.a", 0, 12 * time.Second},
			{`aws_subnet.a["y"]`, 12 * time.Second, 12 * time.Second},
			{"aws_eks_cluster.a", 24 * time.Second, 9 * time.Minute},
			{"aws_eks_node.a", 9*time.Minute + 24*time.Second, 150 * time.Second},
		}},
		{"taken away", all(plan.Destroy), 5*time.Minute + 4*time.Minute + 2*time.Second + 2*time.Second, []leg{
			{"aws_eks_node.a", 0, 5 * time.Minute},
			{"aws_eks_cluster.a", 5 * time.Minute, 4 * time.Minute},
			{`aws_subnet.a["x"]`, 9 * time.Minute, 2 * time.Second},
			{"aws_vpc.a", 9*time.Minute + 2*time.Second, 2 * time.Second},
		}},
		{"kept in between", plan.Plan{Resources: []plan.Resource{
			resource("aws_vpc.a", "aws_vpc", plan.Change, nil),
			resource("aws_subnet.a", "aws_subnet", plan.Keep, nil),
			resource("aws_db_instance.a", "aws_db_instance", plan.Add, nil),
		}}, 3*time.Second + 6*time.Minute, []leg{{"aws_vpc.a", 0, 3 * time.Second}, {"aws_db_instance.a", 3 * time.Second, 6 * time.Minute}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Make(test.plan, cluster, durations)
			var path []leg
			for _, one := range got.Path {
				path = append(path, leg{one.Address, one.Start, one.Duration})
			}
			if diff := cmp.Diff(test.path, path, cmp.AllowUnexported(leg{})); diff != "" {
				t.Errorf("path (-want +got):\n%s", diff)
			}
			if got.Total != test.total {
				t.Errorf("total %s, want %s", got.Total, test.total)
			}
		})
	}
}

// TestMakeInTurns has more to do than Terraform does at once.
func TestMakeInTurns(t *testing.T) {
	var many plan.Plan
	for i := range 2*Parallel + 1 {
		many.Resources = append(many.Resources, resource(fmt.Sprintf("aws_vpc.a[%d]", i), "aws_vpc", plan.Add, nil))
	}
	if got := Make(many, graph.Graph{}, table(t)).Total; got != 3*12*time.Second {
		t.Errorf("got %s", got)
	}
}

func TestTableRefuses(t *testing.T) {
	for _, text := range []string{"", "asOf: a\n", "asOf: a\nusual: {add: 1s, change: 1s, destroy: 1s}\nmore: 1\n", "asOf: a\nusual: {add: quick}\n"} {
		if got, err := parse([]byte(text)); err == nil {
			t.Errorf("%q gives %+v", text, got)
		}
	}
}
