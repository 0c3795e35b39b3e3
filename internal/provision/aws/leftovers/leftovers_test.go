package leftovers

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

// tagged are ARNs by "name=value", one a page.
type tagged map[string][]string

func (t tagged) GetResources(_ context.Context, input *tagging.GetResourcesInput, _ ...func(*tagging.Options)) (*tagging.GetResourcesOutput, error) {
	filter := input.TagFilters[0]
	value := ""
	if len(filter.Values) > 0 {
		value = filter.Values[0]
	}
	found := t[*filter.Key+"="+value]
	at := len(aws.ToString(input.PaginationToken))
	output := &tagging.GetResourcesOutput{PaginationToken: aws.String("")}
	if at < len(found) {
		tags := []types.Tag{{Key: filter.Key, Value: &value}}
		if *filter.Key == "pocctl:environment" {
			tags = append(tags, types.Tag{Key: aws.String("pocctl:managed-by"), Value: aws.String("terraform")})
		}
		output.ResourceTagMappingList = []types.ResourceTagMapping{{ResourceARN: &found[at], Tags: tags}}
	}
	if at+1 < len(found) {
		output.PaginationToken = aws.String("xxxxxxxx"[:at+1])
	}
	return output, nil
}

func TestFind(t *testing.T) {
	const vpc, key = "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1", "arn:aws:kms:eu-west-1:123456789012:key/1"
	const balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/1"
	got, err := Find(t.Context(), tagged{
		"pocctl:environment=staging": {vpc, key}, "elbv2.k8s.aws/cluster=c": {balancer}, "any=": {balancer},
	}, []Tag{{"pocctl:environment", "staging"}, {"elbv2.k8s.aws/cluster", "c"}, {Name: "any"}, {"pocctl:environment", "prod"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Leftover{
		{ARN: vpc, Type: "ec2:vpc", Terraform: true},
		{ARN: balancer, Type: "elasticloadbalancing:loadbalancer"},
		{ARN: key, Type: "kms:key", Waits: "a deleted key is kept for its waiting period, and costs nothing", Terraform: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if standing := Standing(got); len(standing) != 2 || standing[1].ARN != balancer {
		t.Errorf("standing %+v", standing)
	}
}

type refusing struct{}

func (refusing) GetResources(context.Context, *tagging.GetResourcesInput, ...func(*tagging.Options)) (*tagging.GetResourcesOutput, error) {
	return nil, &smithy.GenericAPIError{Code: "ExpiredTokenException", Message: "expired"}
}

// TestRefused must not take silence for nothing left.
func TestRefused(t *testing.T) {
	got, err := Find(t.Context(), refusing{}, []Tag{{Name: "a"}})
	if problem := fault.From(err); problem == nil || problem.Code != fault.CredentialsRefused || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTypeOf(t *testing.T) {
	for name, want := range map[string]string{
		"arn:aws:s3:::bucket":                                           "s3",
		"arn:aws:rds:eu-west-1:123456789012:db:main":                    "rds:db",
		"arn:aws:eks:eu-west-1:123456789012:cluster/a":                  "eks:cluster",
		"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/eks/a:*":    "logs:log-group",
		"arn:aws:elasticache:eu-west-1:123456789012:replicationgroup:a": "elasticache:replicationgroup",
		"odd": "unknown",
	} {
		if got := typeOf(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
