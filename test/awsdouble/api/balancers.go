package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// balancers is Elastic Load Balancing.
func balancers() map[string]operation {
	return map[string]operation{
		"elasticloadbalancing:DescribeLoadBalancers": describeBalancers,
		"elasticloadbalancing:DescribeTargetGroups":  describeTargets,
		"elasticloadbalancing:DescribeTags":          describeTags,
		"elasticloadbalancing:DeleteLoadBalancer":    removeByARN("aws_lb", "LoadBalancerArn"),
		"elasticloadbalancing:DeleteTargetGroup":     removeByARN("aws_lb_target_group", "TargetGroupArn"),
	}
}

// page is how many a page has: few, so that callers that read one are noticed.
const page = 2

func describeBalancers(c *call) (any, error) {
	all, err := c.list("aws_lb")
	if err != nil {
		return nil, err
	}
	wanted, named := c.members("LoadBalancerArns"), c.members("Names")
	all = slices.DeleteFunc(all, func(balancer cloud.Resource) bool {
		return len(wanted) > 0 && !slices.Contains(wanted, balancer.ID) || len(named) > 0 && !slices.Contains(named, balancer.Text("name"))
	})
	if len(wanted)+len(named) > 0 && len(all) == 0 {
		return nil, &failure{status: http.StatusBadRequest, code: "LoadBalancerNotFound", message: "One or more load balancers not found"}
	}
	all, next := paged(all, c.form.Get("Marker"))
	found := []any{}
	for _, balancer := range all {
		kind := balancer.Text("load_balancer_type")
		if kind == "" {
			kind = "application"
		}
		found = append(found, map[string]any{
			"LoadBalancerArn": balancer.ID, "LoadBalancerName": balancer.Text("name"), "DNSName": balancer.Text("dns_name"), "Type": kind,
			"VpcId": balancer.Text("vpc_id"), "Scheme": "internet-facing", "State": map[string]any{"Code": "active"},
		})
	}
	return map[string]any{"LoadBalancers": found, "NextMarker": next}, nil
}

func describeTargets(c *call) (any, error) {
	all, err := c.list("aws_lb_target_group")
	if err != nil {
		return nil, err
	}
	all, next := paged(all, c.form.Get("Marker"))
	found := []any{}
	for _, group := range all {
		found = append(found, map[string]any{"TargetGroupArn": group.ID, "TargetGroupName": group.Text("name"), "VpcId": group.Text("vpc_id")})
	}
	return map[string]any{"TargetGroups": found, "NextMarker": next}, nil
}

// paged is the page that a marker names, and the marker of the next; nil after
// the last.
func paged(all []cloud.Resource, marker string) (some []cloud.Resource, next any) {
	start, _ := strconv.Atoi(marker) // the first page has none
	start = min(start, len(all))
	end := min(start+page, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next
}

func describeTags(c *call) (any, error) {
	described := []any{}
	for _, arn := range c.members("ResourceArns") {
		resource, there, err := c.account.Get("aws_lb", arn)
		if err == nil && !there {
			resource, there, err = c.account.Get("aws_lb_target_group", arn)
		}
		if err != nil {
			return nil, err
		}
		if !there {
			return nil, &failure{status: http.StatusBadRequest, code: "LoadBalancerNotFound", message: "'" + arn + "' not found"}
		}
		described = append(described, map[string]any{"ResourceArn": arn, "Tags": pairs(resource)})
	}
	return map[string]any{"TagDescriptions": described}, nil
}

// members are a list parameter's values.
func (c *call) members(name string) []string {
	var values []string
	for i := 1; ; i++ {
		value := c.form.Get(name + ".member." + strconv.Itoa(i))
		if value == "" {
			return values
		}
		values = append(values, value)
	}
}

func removeByARN(kind, parameter string) operation {
	return func(c *call) (any, error) {
		arn := c.form.Get(parameter)
		balancer, there, err := c.account.Get(kind, arn)
		if err != nil {
			return nil, err
		}
		if !there && strings.HasSuffix(kind, "_group") {
			return nil, &failure{status: http.StatusBadRequest, code: "TargetGroupNotFound", message: "One or more target groups not found"}
		}
		if balancer.Text("enable_deletion_protection") == "true" {
			return nil, &failure{status: http.StatusBadRequest, code: "OperationNotPermitted", message: "Load balancer '" + arn + "' cannot be deleted because deletion protection is enabled"}
		}
		return map[string]any{}, c.account.Remove(kind, arn) // it's no error if it isn't there
	}
}
