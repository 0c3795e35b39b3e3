// Package leftovers finds what an environment has left in AWS, by its tags.
package leftovers

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/pocctl/pocctl/internal/provision/aws/account"
)

// API is what Find asks.
type API interface {
	GetResources(context.Context, *tagging.GetResourcesInput, ...func(*tagging.Options)) (*tagging.GetResourcesOutput, error)
}

// Leftover is a resource that is still there.
type Leftover struct {
	ARN  string `json:"arn"`
	Type string `json:"type"` // ec2:natgateway
	// Waits says that it goes by itself, after a time that AWS sets.
	Waits string `json:"waits,omitempty"`
	// Terraform says that Terraform made it.
	Terraform bool `json:"terraform"`
}

// Tag is a tag's name and its value; an empty value means any.
type Tag struct{ Name, Value string }

// Find lists what carries any of tags, in the order of ARNs, each once.
func Find(ctx context.Context, api API, tags []Tag) ([]Leftover, error) {
	found := map[string]Leftover{}
	for _, tag := range tags {
		filter := types.TagFilter{Key: aws.String(tag.Name)}
		if tag.Value != "" {
			filter.Values = []string{tag.Value}
		}
		pages := tagging.NewGetResourcesPaginator(api, &tagging.GetResourcesInput{TagFilters: []types.TagFilter{filter}})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, account.Explain("look for what is left, by its tags", err)
			}
			for _, one := range page.ResourceTagMappingList {
				name := aws.ToString(one.ResourceARN)
				kind := typeOf(name)
				found[name] = Leftover{ARN: name, Type: kind, Waits: waits(kind), Terraform: byTerraform(one.Tags)}
			}
		}
	}
	list := make([]Leftover, 0, len(found))
	for _, one := range found {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Leftover) int { return cmp.Compare(a.ARN, b.ARN) })
	return list, nil
}

// Standing leaves out what goes by itself.
func Standing(found []Leftover) []Leftover {
	return slices.DeleteFunc(slices.Clone(found), func(one Leftover) bool { return one.Waits != "" })
}

// byTerraform goes by the tag that the root modules give to everything.
func byTerraform(tags []types.Tag) bool {
	return slices.ContainsFunc(tags, func(tag types.Tag) bool {
		return aws.ToString(tag.Key) == "pocctl:managed-by" && aws.ToString(tag.Value) == "terraform"
	})
}

// waits says of types that AWS keeps for a while after they have been deleted, with
// their tags, what it waits for. Terraform's own state says that they were deleted.
func waits(kind string) string {
	switch kind {
	case "kms:key":
		return "a deleted key is kept for its waiting period, and costs nothing"
	case "secretsmanager:secret":
		return "a deleted secret is kept for its recovery window, and costs nothing"
	default:
		return ""
	}
}

// typeOf names the service and the kind of thing of an ARN, as AWS writes them in any
// of its three ways: service:kind/name, service:kind:name and service:::name.
func typeOf(name string) string {
	parsed, err := arn.Parse(name)
	if err != nil {
		return "unknown"
	}
	kind, _, hasSlash := strings.Cut(parsed.Resource, "/")
	if first, _, hasColon := strings.Cut(kind, ":"); hasColon {
		return parsed.Service + ":" + first
	}
	if !hasSlash {
		return parsed.Service
	}
	return parsed.Service + ":" + kind
}
