package aws

import (
	"context"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"

	"github.com/pocctl/pocctl/internal/provision/aws/account"
	"github.com/pocctl/pocctl/internal/provision/aws/leftovers"
)

// Leftovers lists what carries the environment's tag, or the tags that Kubernetes
// gives to load balancers and volumes that it makes.
func (e *Environment) Leftovers(ctx context.Context) ([]leftovers.Leftover, error) {
	return e.find(ctx, append(e.kubernetesTags(), leftovers.Tag{Name: "pocctl:environment", Value: e.options.Name}))
}

func (e *Environment) find(ctx context.Context, tags []leftovers.Tag) ([]leftovers.Leftover, error) {
	opened, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	return leftovers.Find(ctx, resourcegroupstaggingapi.NewFromConfig(opened.settings), tags)
}

// kubernetesTags are those of AWS' load balancer controller and volume driver.
func (e *Environment) kubernetesTags() []leftovers.Tag {
	return []leftovers.Tag{
		{Name: "elbv2.k8s.aws/cluster", Value: e.cluster()},
		{Name: "kubernetes.io/cluster/" + e.cluster(), Value: "owned"},
	}
}

// goneEvery and goneWithin say how a removal is waited for.
const (
	goneEvery  = 2 * time.Second
	goneWithin = 5 * time.Minute
)

// RemoveKubernetesMade takes away load balancers and volumes that Kubernetes made and
// Terraform does not know of: with them, its network would not go. It says how many.
func (e *Environment) RemoveKubernetesMade(ctx context.Context, progress Progress) (int, error) {
	opened, err := e.open(ctx)
	if err != nil {
		return 0, err
	}
	found, err := e.find(ctx, e.kubernetesTags())
	if err != nil {
		return 0, err
	}
	balancing, compute := elasticloadbalancingv2.NewFromConfig(opened.settings), ec2.NewFromConfig(opened.settings)
	var balancers []string
	removed := 0
	for _, one := range found {
		if one.Terraform {
			continue
		}
		switch one.Type {
		case "elasticloadbalancing:loadbalancer":
			if _, err := balancing.DeleteLoadBalancer(ctx, &elasticloadbalancingv2.DeleteLoadBalancerInput{LoadBalancerArn: &one.ARN}); err != nil {
				return removed, account.Explain("delete the load balancer "+one.ARN, err)
			}
			balancers = append(balancers, one.ARN)
		case "ec2:volume":
			if _, err := compute.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: sdk.String(identifier(one.ARN))}); err != nil {
				return removed, account.Explain("delete the volume "+one.ARN, err)
			}
		default:
			continue
		}
		progress.Info("took away %s, which Kubernetes made", one.ARN)
		removed++
	}
	return removed, awaitGone(ctx, balancing, balancers)
}

func identifier(name string) string {
	parsed, err := arn.Parse(name)
	if err != nil {
		return name
	}
	return parsed.Resource[strings.LastIndex(parsed.Resource, "/")+1:]
}

// awaitGone waits until AWS knows the load balancers no more: their addresses hold the
// subnets. What still stands after a while is for Terraform to name.
func awaitGone(ctx context.Context, api *elasticloadbalancingv2.Client, balancers []string) error {
	tick := time.NewTicker(goneEvery)
	defer tick.Stop()
	for end := time.Now().Add(goneWithin); len(balancers) > 0 && time.Now().Before(end); {
		left := map[string]bool{}
		for pages := elasticloadbalancingv2.NewDescribeLoadBalancersPaginator(api, &elasticloadbalancingv2.DescribeLoadBalancersInput{}); pages.HasMorePages(); {
			found, err := pages.NextPage(ctx)
			if err != nil {
				return account.Explain("wait for load balancers to go", err)
			}
			for _, one := range found.LoadBalancers {
				left[sdk.ToString(one.LoadBalancerArn)] = true
			}
		}
		balancers = slices.DeleteFunc(balancers, func(name string) bool { return !left[name] })
		if len(balancers) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// cluster is the name that the modules give the cluster.
func (e *Environment) cluster() string {
	project, _ := e.options.Variables["project"].(string)
	if project == "" {
		project = "pocctl"
	}
	return project + "-" + e.options.Name
}
