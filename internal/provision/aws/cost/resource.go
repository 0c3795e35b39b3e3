package cost

import (
	"fmt"
	"slices"
)

// amount is what one resource costs.
type amount struct {
	monthly float64
	unknown string // why there is no price, or none of a part; empty if all is known
	spot    bool   // the price is one of the spot market, a guess
}

// attributes of a resource, as Terraform's plan holds them.
type attributes map[string]any

// of gives what a resource of type kind costs. priced is false for types that the
// table has no price for, because they cost nothing, go by use, or are not known.
func (t Table) of(region Region, kind string, a attributes) (cost amount, priced bool) {
	fixed := map[string]Price{
		"aws_eks_cluster":             region.EKSCluster,
		"aws_nat_gateway":             region.NATGateway,
		"aws_eip":                     region.PublicAddress,
		"aws_lb":                      region.LoadBalancer,
		"aws_kms_key":                 region.KMSKey,
		"aws_kms_replica_key":         region.KMSKey,
		"aws_secretsmanager_secret":   region.Secret,
		"aws_route53_zone":            region.HostedZone,
		"aws_cloudwatch_metric_alarm": region.Alarm,
	}
	if price, is := fixed[kind]; is {
		return amount{monthly: t.month(price)}, true
	}
	switch kind {
	case "aws_eks_node_group":
		return t.nodeGroup(region, a), true
	case "aws_instance":
		return t.machines(region, a.text("instance_type"), 1, false), true
	case "aws_ebs_volume":
		return amount{monthly: a.number("size", 8) * t.month(region.VolumeGP3)}, true
	case "aws_db_instance":
		return t.database(region, a), true
	case "aws_rds_cluster_instance":
		return t.byType(region.Databases, a.text("instance_class"), 1), true
	case "aws_elasticache_replication_group":
		shards := a.number("num_node_groups", 1)
		nodes := shards * (a.number("replicas_per_node_group", 0) + 1)
		return t.byType(region.Caches, a.text("node_type"), max(nodes, a.number("num_cache_clusters", 1))), true
	case "aws_elasticache_cluster":
		return t.byType(region.Caches, a.text("node_type"), a.number("num_cache_nodes", 1)), true
	case "aws_vpc_endpoint":
		if a.text("vpc_endpoint_type") != "Interface" {
			return amount{}, true
		}
		// Subnets that are not made yet are unknown one by one, and missing as a list.
		zones := len(a.list("subnet_ids"))
		if zones == 0 {
			return amount{monthly: t.month(region.InterfaceEndpoint) * usualZones, unknown: "taken as in three zones"}, true
		}
		return amount{monthly: t.month(region.InterfaceEndpoint) * float64(zones)}, true
	case "aws_wafv2_web_acl":
		return amount{monthly: t.month(region.WebACL) + float64(len(a.list("rule")))*t.month(region.WebACLRule)}, true
	default:
		return amount{}, false
	}
}

const (
	usualZones    = 3
	usualNodeDisk = 20 // gigabytes, EKS' own default
)

func (t Table) nodeGroup(region Region, a attributes) amount {
	scaling := a.first("scaling_config")
	count := scaling.number("desired_size", scaling.number("min_size", 1))
	types := a.list("instance_types")
	kind := ""
	if len(types) > 0 {
		kind = fmt.Sprint(types[0])
	}
	cost := t.machines(region, kind, count, a.text("capacity_type") == "SPOT")
	cost.monthly += count * a.number("disk_size", usualNodeDisk) * t.month(region.VolumeGP3)
	return cost
}

func (t Table) machines(region Region, kind string, count float64, spot bool) amount {
	cost := t.byType(region.Instances, kind, count)
	if spot {
		cost.monthly *= t.SpotShare
		cost.spot = true
	}
	return cost
}

func (t Table) database(region Region, a attributes) amount {
	zones := 1.0
	if multi, _ := a["multi_az"].(bool); multi {
		zones = 2
	}
	cost := t.byType(region.Databases, a.text("instance_class"), zones)
	cost.monthly += zones * a.number("allocated_storage", 0) * t.month(region.DatabaseGP3)
	if managed, _ := a["manage_master_user_password"].(bool); managed {
		cost.monthly += t.month(region.Secret)
	}
	return cost
}

func (t Table) byType(table map[string]float64, kind string, count float64) amount {
	hour, known := table[kind]
	if !known {
		if kind == "" {
			kind = "its type"
		}
		return amount{unknown: kind + " has no price in the table"}
	}
	return amount{monthly: count * hour * t.HoursPerMonth}
}

func (a attributes) text(name string) string {
	text, _ := a[name].(string)
	return text
}

func (a attributes) number(name string, otherwise float64) float64 {
	if number, is := a[name].(float64); is {
		return number
	}
	return otherwise
}

func (a attributes) list(name string) []any {
	list, _ := a[name].([]any)
	return slices.Clip(list)
}

// first gives the block called name; without one, none of its attributes is there.
func (a attributes) first(name string) attributes {
	if list := a.list(name); len(list) > 0 {
		block, _ := list[0].(map[string]any)
		return block
	}
	return nil
}
