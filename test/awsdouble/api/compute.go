package api

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// compute is the part of EC2 that quotas and leftovers are counted with.
func compute() map[string]operation {
	return map[string]operation{
		"ec2:DescribeVpcs":              describe("aws_vpc", "vpcSet", "VpcId", vpc),
		"ec2:DescribeAddresses":         describe("aws_eip", "addressesSet", "AllocationId", address),
		"ec2:DescribeNatGateways":       describe("aws_nat_gateway", "natGatewaySet", "NatGatewayId", gateway),
		"ec2:DescribeSubnets":           describe("aws_subnet", "subnetSet", "SubnetId", subnet),
		"ec2:DescribeVolumes":           describe("aws_ebs_volume", "volumeSet", "VolumeId", volume),
		"ec2:DescribeSecurityGroups":    describe("aws_security_group", "securityGroupInfo", "GroupId", group),
		"ec2:DescribeInstances":         instances,
		"ec2:DescribeInstanceTypes":     instanceTypes,
		"ec2:DescribeAvailabilityZones": zones,
		"ec2:DescribeRegions":           regions,
		"ec2:DeleteVolume":              remove("aws_ebs_volume", "VolumeId", "InvalidVolume.NotFound"),
		"ec2:DeleteSecurityGroup":       remove("aws_security_group", "GroupId", "InvalidGroup.NotFound"),
	}
}

// describe lists a type's resources, those that are asked for by identifier or
// by a filter on a tag.
func describe(kind, set, parameter string, render func(cloud.Resource) map[string]any) operation {
	return func(c *call) (any, error) {
		all, err := c.list(kind)
		if err != nil {
			return nil, err
		}
		items := []any{}
		for _, resource := range all {
			if !c.wanted(parameter, resource.ID) || !c.filtered(resource) {
				continue
			}
			item := render(resource)
			item["tagSet"] = tagSet(resource)
			items = append(items, item)
		}
		return map[string]any{set: items}, nil
	}
}

// wanted tells whether an identifier is asked for; all are when none is named.
func (c *call) wanted(parameter, id string) bool {
	named := false
	for i := 1; ; i++ {
		value := c.form.Get(parameter + "." + strconv.Itoa(i))
		if value == "" {
			return !named
		}
		if named = true; value == id {
			return true
		}
	}
}

// filtered tells whether a resource passes the filters: "tag:KEY", "tag-key", and
// "vpc-id" and others that name an attribute.
func (c *call) filtered(resource cloud.Resource) bool {
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("Filter.%d.", i)
		name := c.form.Get(prefix + "Name")
		if name == "" {
			return true
		}
		var values []string
		for j := 1; ; j++ {
			value := c.form.Get(prefix + "Value." + strconv.Itoa(j))
			if value == "" {
				break
			}
			values = append(values, value)
		}
		if !passes(resource, name, values) {
			return false
		}
	}
}

func passes(resource cloud.Resource, name string, values []string) bool {
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		return slices.Contains(values, resource.Tags()[key])
	}
	if name == "tag-key" {
		return slices.ContainsFunc(values, func(key string) bool { _, has := resource.Tags()[key]; return has })
	}
	got := resource.Text(strings.NewReplacer("-", "_", ".", "_").Replace(name))
	return got == "" || slices.Contains(values, got) // states and the like: everything is well
}

func tagSet(resource cloud.Resource) []any {
	tags := []any{}
	for _, key := range sorted(resource.Tags()) {
		tags = append(tags, map[string]any{"key": key, "value": resource.Tags()[key]})
	}
	return tags
}

func sorted(tags map[string]string) []string {
	keys := make([]string, 0, len(tags))
	for key := range tags {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func vpc(r cloud.Resource) map[string]any {
	return map[string]any{"vpcId": r.ID, "cidrBlock": r.Text("cidr_block"), "state": "available", "isDefault": false, "ownerId": r.Text("owner_id")}
}

func address(r cloud.Resource) map[string]any {
	return map[string]any{"allocationId": r.ID, "publicIp": r.Text("public_ip"), "domain": "vpc"}
}

func gateway(r cloud.Resource) map[string]any {
	return map[string]any{"natGatewayId": r.ID, "state": "available", "subnetId": r.Text("subnet_id"), "connectivityType": "public"}
}

func subnet(r cloud.Resource) map[string]any {
	return map[string]any{
		"subnetId": r.ID, "vpcId": r.Text("vpc_id"), "cidrBlock": r.Text("cidr_block"),
		"availabilityZone": r.Text("availability_zone"), "state": "available",
	}
}

func volume(r cloud.Resource) map[string]any {
	return map[string]any{"volumeId": r.ID, "size": r.Text("size"), "volumeType": "gp3", "status": "available"}
}

func group(r cloud.Resource) map[string]any {
	return map[string]any{"groupId": r.ID, "groupName": r.Text("name"), "vpcId": r.Text("vpc_id"), "groupDescription": r.Text("description")}
}

// instances are the account's, and those of its node groups.
func instances(c *call) (any, error) {
	own, err := c.list("aws_instance")
	if err != nil {
		return nil, err
	}
	groups, err := c.list("aws_eks_node_group")
	if err != nil {
		return nil, err
	}
	for _, nodes := range groups {
		scaling, _ := nodes.Attributes["scaling_config"].([]any)
		kinds, _ := nodes.Attributes["instance_types"].([]any)
		if len(scaling) == 0 || len(kinds) == 0 {
			continue
		}
		count, err := strconv.Atoi(fmt.Sprint(object(scaling[0])["desired_size"]))
		if err != nil {
			return nil, fmt.Errorf("node group %s: %w", nodes.ID, err)
		}
		for i := range count {
			own = append(own, cloud.Resource{
				Type: "aws_instance", ID: fmt.Sprintf("i-%s-%d", strings.ReplaceAll(nodes.ID, ":", "-"), i),
				Attributes: map[string]any{
					"instance_type": kinds[0], "tags": nodes.Attributes["tags_all"],
					"instance_lifecycle": strings.ToLower(strings.TrimPrefix(nodes.Text("capacity_type"), "ON_DEMAND")),
				},
			})
		}
	}
	reservations := []any{}
	for _, instance := range own {
		if !c.wanted("InstanceId", instance.ID) || !c.filtered(instance) {
			continue
		}
		kind := instance.Text("instance_type")
		item := map[string]any{
			"instanceId": instance.ID, "instanceType": kind, "tagSet": tagSet(instance),
			"instanceState": map[string]any{"code": 16, "name": "running"},
			"cpuOptions":    map[string]any{"coreCount": max(1, processors(kind)/2), "threadsPerCore": min(2, processors(kind))},
		}
		if lifecycle := instance.Text("instance_lifecycle"); lifecycle == "spot" {
			item["instanceLifecycle"] = lifecycle
		}
		reservations = append(reservations, map[string]any{"reservationId": "r-" + instance.ID, "instancesSet": []any{item}})
	}
	return map[string]any{"reservationSet": reservations}, nil
}

// processors are the virtual ones of an instance type, by its size.
func processors(kind string) int {
	_, size, _ := strings.Cut(kind, ".")
	if times, ok := strings.CutSuffix(size, "xlarge"); ok {
		if times == "" {
			return 4
		}
		if count, err := strconv.Atoi(times); err == nil {
			return 4 * count
		}
	}
	if size == "medium" && strings.HasPrefix(kind, "m") {
		return 1
	}
	return 2
}

func instanceTypes(c *call) (any, error) {
	items := []any{}
	for i := 1; ; i++ {
		kind := c.form.Get("InstanceType." + strconv.Itoa(i))
		if kind == "" {
			break
		}
		if !strings.Contains(kind, ".") {
			return nil, &failure{status: http.StatusBadRequest, code: "InvalidInstanceType", message: "The following supplied instance types do not exist: [" + kind + "]"}
		}
		items = append(items, map[string]any{"instanceType": kind, "vCpuInfo": map[string]any{"defaultVCpus": processors(kind)}})
	}
	return map[string]any{"instanceTypeSet": items}, nil
}

func zones(c *call) (any, error) {
	items := []any{}
	for i, letter := range []string{"a", "b", "c"} {
		items = append(items, map[string]any{
			"zoneName": c.region + letter, "zoneId": fmt.Sprintf("%s-az%d", c.region, i+1), "regionName": c.region,
			"zoneState": "available", "zoneType": "availability-zone", "optInStatus": "opt-in-not-required",
		})
	}
	return map[string]any{"availabilityZoneInfo": items}, nil
}

// regions are a few of AWS'; the one that is asked for has to be among them.
func regions(c *call) (any, error) {
	items := []any{}
	for _, region := range []string{"eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "us-east-1", "us-east-2", "us-west-2"} {
		if c.wanted("RegionName", region) {
			items = append(items, map[string]any{"regionName": region, "regionEndpoint": "ec2." + region + ".amazonaws.com", "optInStatus": "opt-in-not-required"})
		}
	}
	if len(items) == 0 {
		return nil, &failure{status: http.StatusBadRequest, code: "InvalidParameterValue", message: "Invalid region provided"}
	}
	return map[string]any{"regionInfo": items}, nil
}

func remove(kind, parameter, missing string) operation {
	return func(c *call) (any, error) {
		id := c.form.Get(parameter)
		if _, there, err := c.account.Get(kind, id); err != nil {
			return nil, err
		} else if !there {
			return nil, &failure{status: http.StatusBadRequest, code: missing, message: "The " + parameter + " '" + id + "' does not exist."}
		}
		return map[string]any{"return": true}, c.account.Remove(kind, id)
	}
}
