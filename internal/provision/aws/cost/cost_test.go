package cost

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

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

func TestResources(t *testing.T) {
	prices := table(t)
	region := prices.Regions["eu-west-1"]
	block := func(pairs map[string]any) []any { return []any{pairs} }
	for _, test := range []struct {
		name, kind string
		attributes map[string]any
		want       float64
		unknown    bool
	}{
		{"cluster", "aws_eks_cluster", nil, 73, false},
		{"gateway", "aws_nat_gateway", nil, 35.04, false},
		{"nodes", "aws_eks_node_group", map[string]any{
			"instance_types": []any{"m6i.large"}, "disk_size": 50.0, "scaling_config": block(map[string]any{"desired_size": 3.0}),
		}, 3*0.107*730 + 3*50*0.088, false},
		{"spot nodes", "aws_eks_node_group", map[string]any{
			"instance_types": []any{"m6i.large"}, "capacity_type": "SPOT", "scaling_config": block(map[string]any{"min_size": 2.0}),
		}, 2*0.107*730*0.35 + 2*20*0.088, false},
		{"nodes of an unknown type", "aws_eks_node_group", map[string]any{
			"instance_types": []any{"z9.huge"}, "scaling_config": block(map[string]any{"desired_size": 1.0}),
		}, 20 * 0.088, true},
		{"database in two zones", "aws_db_instance", map[string]any{
			"instance_class": "db.t4g.medium", "multi_az": true, "allocated_storage": 100.0, "manage_master_user_password": true,
		}, 2*0.07*730 + 2*100*0.127 + 0.4, false},
		{"cache with replica", "aws_elasticache_replication_group", map[string]any{
			"node_type": "cache.t4g.small", "num_cache_clusters": 2.0,
		}, 2 * 0.035 * 730, false},
		{"cache in shards", "aws_elasticache_replication_group", map[string]any{
			"node_type": "cache.t4g.small", "num_node_groups": 2.0, "replicas_per_node_group": 1.0,
		}, 4 * 0.035 * 730, false},
		{"gateway endpoint", "aws_vpc_endpoint", map[string]any{"vpc_endpoint_type": "Gateway"}, 0, false},
		{"interface endpoint", "aws_vpc_endpoint", map[string]any{"vpc_endpoint_type": "Interface", "subnet_ids": []any{"a", "b"}}, 2 * 0.011 * 730, false},
		{"interface endpoint of unknown subnets", "aws_vpc_endpoint", map[string]any{"vpc_endpoint_type": "Interface"}, 3 * 0.011 * 730, true},
		{"firewall", "aws_wafv2_web_acl", map[string]any{"rule": []any{1, 2, 3}}, 8, false},
	} {
		got, priced := prices.of(region, test.kind, test.attributes)
		if !priced || math.Abs(got.monthly-test.want) > 0.001 || (got.unknown != "") != test.unknown {
			t.Errorf("%s: got %+v (priced %v), want %.3f", test.name, got, priced, test.want)
		}
	}
	if got, priced := prices.of(region, "aws_iam_role", nil); priced || got.monthly != 0 {
		t.Errorf("a role costs %+v", got)
	}
}

func TestOf(t *testing.T) {
	one := func(address, module, kind string, before, after map[string]any) plan.Resource {
		return plan.Resource{Address: address, Block: plan.Block(address), Module: module, Type: kind, Before: before, After: after}
	}
	there := map[string]any{}
	got := table(t).Of(plan.Plan{Resources: []plan.Resource{
		one("aws_nat_gateway.a[0]", "network", "aws_nat_gateway", there, there),
		one("aws_nat_gateway.a[1]", "network", "aws_nat_gateway", nil, there),
		one("aws_eks_cluster.a", "eks", "aws_eks_cluster", nil, there),
		one("aws_kms_key.gone", "key", "aws_kms_key", there, nil),
		one("aws_s3_bucket.a", "storage", "aws_s3_bucket", nil, there),
		one("aws_instance.a", "eks", "aws_instance", nil, map[string]any{"instance_type": "z9.huge"}),
		one("aws_iam_role.a", "eks", "aws_iam_role", nil, there),
	}}, "eu-west-1")
	want := Estimate{
		Currency: "USD", Region: "eu-west-1", AsOf: "2025-06", Before: 36.04, After: 143.08,
		Modules: []Module{
			{Module: "eks", Before: 0, After: 73, Lines: []Line{{Block: "aws_eks_cluster.a", Count: 1, After: 73}}},
			{Module: "network", Before: 35.04, After: 70.08, Lines: []Line{{Block: "aws_nat_gateway.a", Count: 2, Before: 35.04, After: 70.08}}},
			{Module: "key", Before: 1, Lines: []Line{{Block: "aws_kms_key.gone", Before: 1}}},
		},
		ByUse: []ByUse{
			{"aws_nat_gateway", "gigabytes through it"},
			{"aws_s3_bucket", "gigabytes kept, and requests"},
		},
		Unknown: []Unknown{{"aws_instance.a", "z9.huge has no price in the table"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestDisks takes the size of a node's disk from the launch template with its key.
func TestDisks(t *testing.T) {
	template := func(key string, size float64) plan.Resource {
		return plan.Resource{Address: "module.eks.aws_launch_template.nodes" + key, Type: "aws_launch_template", After: map[string]any{
			"block_device_mappings": []any{map[string]any{"ebs": []any{map[string]any{"volume_size": size}}}},
		}}
	}
	got := table(t).Of(plan.Plan{Resources: []plan.Resource{
		template(`["a"]`, 100), template(`["b"]`, 10),
		{Address: `module.eks.aws_eks_node_group.this["a"]`, Type: "aws_eks_node_group", After: map[string]any{
			"instance_types": []any{"m6i.large"}, "scaling_config": []any{map[string]any{"desired_size": 1.0}},
		}},
	}}, "eu-west-1")
	want := cents(0.107*730 + 100*0.088)
	if got.After != want {
		t.Errorf("got %v, want %v", got.After, want)
	}
	all := []plan.Resource{template(`["a"]`, 100), {
		Address: `module.eks.aws_eks_node_group.this["a"]`, Type: "aws_eks_node_group", After: map[string]any{
			"instance_types": []any{"m6i.large"}, "disk_size": 20.0, "scaling_config": []any{map[string]any{"desired_size": 1.0}},
		},
	}}
	for i := range all { // all of it goes
		all[i].Before, all[i].After = all[i].After, nil
	}
	if gone := table(t).Of(plan.Plan{Resources: all}, "eu-west-1"); gone.Before != want || gone.After != 0 {
		t.Errorf("taken away: %v and %v, want %v and 0", gone.Before, gone.After, want)
	}
}

func TestOfUnknownRegion(t *testing.T) {
	got := table(t).Of(plan.Plan{Resources: []plan.Resource{
		{Address: "aws_eks_cluster.a", Type: "aws_eks_cluster", After: map[string]any{}},
	}}, "mars-north-1")
	if got.After != 0 || len(got.Unknown) != 1 || got.Unknown[0].Why != "there are no prices of mars-north-1" {
		t.Errorf("got %+v", got)
	}
}

// TestTable looks that no price of one region is missing from another.
func TestTable(t *testing.T) {
	prices := table(t)
	first := prices.Regions["us-east-1"]
	for name, region := range prices.Regions {
		for what, pair := range map[string][2]map[string]float64{
			"instances": {first.Instances, region.Instances},
			"databases": {first.Databases, region.Databases},
			"caches":    {first.Caches, region.Caches},
		} {
			for kind := range pair[0] {
				if price := pair[1][kind]; price < pair[0][kind]*0.99 || price > pair[0][kind]*2 {
					t.Errorf("%s in %s: %s costs %v, and %v in us-east-1", what, name, kind, price, pair[0][kind])
				}
			}
			if len(pair[0]) != len(pair[1]) {
				t.Errorf("%s has %d %s, us-east-1 has %d", name, len(pair[1]), what, len(pair[0]))
			}
		}
		for what, price := range map[string]Price{
			"cluster": region.EKSCluster, "gateway": region.NATGateway, "address": region.PublicAddress, "endpoint": region.InterfaceEndpoint,
			"load balancer": region.LoadBalancer, "key": region.KMSKey, "secret": region.Secret, "zone": region.HostedZone, "alarm": region.Alarm,
			"acl": region.WebACL, "rule": region.WebACLRule, "volume": region.VolumeGP3, "database volume": region.DatabaseGP3,
		} {
			if prices.month(price) <= 0 {
				t.Errorf("%s: %s has no price", name, what)
			}
		}
	}
}
