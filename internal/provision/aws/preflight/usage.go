package preflight

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancers "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
)

// Clients are those that usage is counted by.
type Clients struct {
	EC2           *ec2.Client
	EKS           *eks.Client
	RDS           *rds.Client
	LoadBalancing *elasticloadbalancingv2.Client
}

// OpenClients makes the clients. Nothing is asked yet.
func OpenClients(settings aws.Config) Clients {
	return Clients{
		EC2: ec2.NewFromConfig(settings), EKS: eks.NewFromConfig(settings),
		RDS: rds.NewFromConfig(settings), LoadBalancing: elasticloadbalancingv2.NewFromConfig(settings),
	}
}

// Usage counts by asking AWS.
func (c Clients) Usage() Usage {
	return Usage{
		quotaAddresses: c.addresses, quotaVPCs: c.vpcs, quotaNATGateways: c.gateways, quotaClusters: c.clusters,
		quotaDatabases: c.databases, quotaLoadBalancers: c.balancers,
		quotaVCPUs:     func(ctx context.Context) (int, error) { return c.vcpus(ctx, false) },
		quotaSpotVCPUs: func(ctx context.Context) (int, error) { return c.vcpus(ctx, true) },
	}
}

func (c Clients) addresses(ctx context.Context) (int, error) {
	found, err := c.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	if err != nil {
		return 0, err
	}
	return len(found.Addresses), nil
}

func (c Clients) vpcs(ctx context.Context) (int, error) {
	count := 0
	for pages := ec2.NewDescribeVpcsPaginator(c.EC2, &ec2.DescribeVpcsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		count += len(page.Vpcs)
	}
	return count, nil
}

// gateways counts those of the zone that has most.
func (c Clients) gateways(ctx context.Context) (int, error) {
	var subnets []string
	for pages := ec2.NewDescribeNatGatewaysPaginator(c.EC2, &ec2.DescribeNatGatewaysInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		for _, gateway := range page.NatGateways {
			if gateway.State == types.NatGatewayStateAvailable || gateway.State == types.NatGatewayStatePending {
				subnets = append(subnets, aws.ToString(gateway.SubnetId))
			}
		}
	}
	if len(subnets) == 0 {
		return 0, nil
	}
	zones := map[string]string{}
	distinct := slices.Compact(slices.Sorted(slices.Values(subnets)))
	for pages := ec2.NewDescribeSubnetsPaginator(c.EC2, &ec2.DescribeSubnetsInput{SubnetIds: distinct}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		for _, subnet := range page.Subnets {
			zones[aws.ToString(subnet.SubnetId)] = aws.ToString(subnet.AvailabilityZone)
		}
	}
	most, counts := 0, map[string]int{}
	for _, subnet := range subnets {
		counts[zones[subnet]]++
		most = max(most, counts[zones[subnet]])
	}
	return most, nil
}

func (c Clients) clusters(ctx context.Context) (int, error) {
	count := 0
	for pages := eks.NewListClustersPaginator(c.EKS, &eks.ListClustersInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		count += len(page.Clusters)
	}
	return count, nil
}

func (c Clients) databases(ctx context.Context) (int, error) {
	count := 0
	for pages := rds.NewDescribeDBInstancesPaginator(c.RDS, &rds.DescribeDBInstancesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		count += len(page.DBInstances)
	}
	return count, nil
}

func (c Clients) balancers(ctx context.Context) (int, error) {
	count := 0
	for pages := elasticloadbalancingv2.NewDescribeLoadBalancersPaginator(c.LoadBalancing, &elasticloadbalancingv2.DescribeLoadBalancersInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		for _, one := range page.LoadBalancers {
			if one.Type == balancers.LoadBalancerTypeEnumApplication {
				count++
			}
		}
	}
	return count, nil
}

// standard are the families that the quota of standard instances counts.
const standard = "acdhimrtz"

func (c Clients) vcpus(ctx context.Context, spot bool) (int, error) {
	count := 0
	for pages := ec2.NewDescribeInstancesPaginator(c.EC2, &ec2.DescribeInstancesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		for _, reservation := range page.Reservations {
			for _, instance := range reservation.Instances {
				if counts(instance, spot) {
					count += vcpusOf(instance)
				}
			}
		}
	}
	return count, nil
}

func counts(instance types.Instance, spot bool) bool {
	running := instance.State != nil && (instance.State.Name == types.InstanceStateNameRunning || instance.State.Name == types.InstanceStateNamePending)
	kind := string(instance.InstanceType)
	return running && kind != "" && strings.Contains(standard, kind[:1]) && spot == (instance.InstanceLifecycle == types.InstanceLifecycleTypeSpot)
}

func vcpusOf(instance types.Instance) int {
	if options := instance.CpuOptions; options != nil && aws.ToInt32(options.CoreCount) > 0 {
		return int(aws.ToInt32(options.CoreCount) * max(1, aws.ToInt32(options.ThreadsPerCore)))
	}
	return VCPUs(string(instance.InstanceType))
}
