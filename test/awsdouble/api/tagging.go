package api

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// tagging is the Resource Groups Tagging API: what is left that has a tag.
func tagging() map[string]operation {
	return map[string]operation{"tagging:GetResources": tagged}
}

type tagRequest struct {
	TagFilters []struct {
		Key    string
		Values []string
	}
	ResourceTypeFilters []string // "ec2:vpc", "rds"
	PaginationToken     string
}

func tagged(c *call) (any, error) {
	var asked tagRequest
	if err := json.Unmarshal(c.body, &asked); err != nil {
		return nil, err
	}
	all, err := c.list("")
	if err != nil {
		return nil, err
	}
	lingering, err := c.account.Lingering("")
	if err != nil {
		return nil, err
	}
	all = append(all, lingering...)
	for i, resource := range all {
		all[i].Attributes["arn"] = c.arn(resource)
	}
	all = slices.DeleteFunc(all, func(resource cloud.Resource) bool {
		arn := resource.Text("arn")
		return arn == "" || strings.HasPrefix(arn, "arn:aws:iam:") || !asked.matches(resource) // IAM's have tags that this API doesn't know
	})
	all, next := paged(all, asked.PaginationToken)
	found := []any{}
	for _, resource := range all {
		found = append(found, map[string]any{"ResourceARN": resource.Text("arn"), "Tags": pairs(resource)})
	}
	if next == nil {
		next = ""
	}
	return map[string]any{"ResourceTagMappingList": found, "PaginationToken": next}, nil
}

// arn is a resource's, of types too for which Terraform has none.
func (c *call) arn(resource cloud.Resource) string {
	kind := map[string]string{
		"aws_nat_gateway": "natgateway", "aws_ebs_volume": "volume", "aws_network_interface": "network-interface",
	}[resource.Type]
	if arn := resource.Text("arn"); arn != "" || kind == "" {
		return arn
	}
	return "arn:aws:ec2:" + c.region + ":" + c.control.Account + ":" + kind + "/" + resource.ID
}

func (r tagRequest) matches(resource cloud.Resource) bool {
	tags := resource.Tags()
	for _, filter := range r.TagFilters {
		value, has := tags[filter.Key]
		if !has || len(filter.Values) > 0 && !slices.Contains(filter.Values, value) {
			return false
		}
	}
	if len(r.ResourceTypeFilters) == 0 {
		return len(tags) > 0
	}
	parts := strings.SplitN(resource.Text("arn"), ":", 6)
	return slices.ContainsFunc(r.ResourceTypeFilters, func(filter string) bool {
		service, kind, _ := strings.Cut(filter, ":")
		return len(parts) == 6 && parts[2] == service && (kind == "" || strings.HasPrefix(parts[5], kind))
	})
}
