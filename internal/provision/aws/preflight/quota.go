package preflight

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/smithy-go"

	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

// QuotasAPI is what Quotas asks for limits.
type QuotasAPI interface {
	GetServiceQuota(context.Context, *servicequotas.GetServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error)
	GetAWSDefaultServiceQuota(context.Context, *servicequotas.GetAWSDefaultServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error)
}

// Usage counts what an account uses of each quota, by its code.
type Usage map[string]func(context.Context) (int, error)

// The quotas that are looked at, by code.
const (
	quotaAddresses     = "L-0263D0A3"
	quotaVCPUs         = "L-1216C47A"
	quotaSpotVCPUs     = "L-34B43A08"
	quotaVPCs          = "L-F678F1CE"
	quotaNATGateways   = "L-FE5A380F"
	quotaClusters      = "L-1194D53C"
	quotaDatabases     = "L-7B6409FD"
	quotaLoadBalancers = "L-53DA6B97"
)

func quotas() []Quota {
	return []Quota{
		{Name: "Elastic IP addresses", Code: quotaAddresses, Service: "ec2"},
		{Name: "vCPUs of on-demand instances", Code: quotaVCPUs, Service: "ec2"},
		{Name: "vCPUs of spot instances", Code: quotaSpotVCPUs, Service: "ec2"},
		{Name: "VPCs", Code: quotaVPCs, Service: "vpc"},
		{Name: "NAT gateways in one zone", Code: quotaNATGateways, Service: "vpc"},
		{Name: "EKS clusters", Code: quotaClusters, Service: "eks"},
		{Name: "RDS instances", Code: quotaDatabases, Service: "rds"},
		{Name: "application load balancers", Code: quotaLoadBalancers, Service: "elasticloadbalancing"},
	}
}

// Needs says how much of each quota, by its code, a plan takes beyond what is there.
// ingress load balancers are made by Kubernetes, of which no plan knows.
func Needs(p plan.Plan, ingress int) map[string]int {
	needs := map[string]int{quotaLoadBalancers: ingress}
	zones, gateways := map[string]bool{}, 0
	for _, resource := range p.Resources {
		if resource.Type == "aws_subnet" && resource.After != nil {
			zones[fmt.Sprint(resource.After["availability_zone"])] = true
		}
		if resource.Action != plan.Add {
			continue // one that is replaced gives up what it takes
		}
		switch resource.Type {
		case "aws_eip":
			needs[quotaAddresses]++
		case "aws_vpc":
			needs[quotaVPCs]++
		case "aws_nat_gateway":
			gateways++
		case "aws_eks_cluster":
			needs[quotaClusters]++
		case "aws_db_instance", "aws_rds_cluster_instance":
			needs[quotaDatabases]++
		case "aws_lb":
			if kind := resource.After["load_balancer_type"]; kind == nil || kind == "application" {
				needs[quotaLoadBalancers]++
			}
		case "aws_eks_node_group":
			code, count := nodesNeed(resource.After)
			needs[code] += count
		case "aws_instance":
			kind, _ := resource.After["instance_type"].(string)
			needs[quotaVCPUs] += VCPUs(kind)
		}
	}
	if gateways > 0 {
		spread := max(1, len(zones))
		needs[quotaNATGateways] = (gateways + spread - 1) / spread
	}
	return needs
}

func nodesNeed(group map[string]any) (code string, vcpus int) {
	code = quotaVCPUs
	if group["capacity_type"] == "SPOT" {
		code = quotaSpotVCPUs
	}
	count := 1.0
	if list, _ := group["scaling_config"].([]any); len(list) > 0 {
		scaling, _ := list[0].(map[string]any)
		if desired, is := scaling["desired_size"].(float64); is {
			count = desired
		}
	}
	kind := ""
	if types, _ := group["instance_types"].([]any); len(types) > 0 {
		kind = fmt.Sprint(types[0])
	}
	return code, int(count) * VCPUs(kind)
}

// VCPUs gives the vCPUs of an instance type by its size, as AWS builds all families:
// "m6i.2xlarge" has 8. A type that says no size counts as 2.
func VCPUs(kind string) int {
	const usual, perXLarge = 2, 4
	family, size, _ := strings.Cut(kind, ".")
	switch size {
	case "medium":
		if !strings.HasPrefix(family, "t") {
			return 1
		}
		return usual
	case "xlarge":
		return perXLarge
	}
	if times, err := strconv.Atoi(strings.TrimSuffix(size, "xlarge")); err == nil && times > 0 && times < 1000 {
		return perXLarge * times
	}
	return usual
}

// Quotas compares what is needed, by code, with what is free. Those of which nothing
// is needed are left out.
func Quotas(ctx context.Context, api QuotasAPI, usage Usage, needs map[string]int) []Quota {
	found := []Quota{}
	for _, quota := range quotas() {
		if quota.Needed = needs[quota.Code]; quota.Needed > 0 {
			found = append(found, quota)
		}
	}
	var all sync.WaitGroup
	for i := range found {
		all.Go(func() { found[i].look(ctx, api, usage[found[i].Code]) })
	}
	all.Wait()
	return found
}

func (q *Quota) look(ctx context.Context, api QuotasAPI, count func(context.Context) (int, error)) {
	q.Status = Unknown
	limit, err := q.limit(ctx, api)
	if err != nil {
		q.Why = "its limit: " + short(err)
		return
	}
	q.Limit = &limit
	if count == nil {
		q.Why = "what is used: nobody counts it"
		return
	}
	used, err := count(ctx)
	if err != nil {
		q.Why = "what is used: " + short(err)
		return
	}
	free := max(0, limit-used)
	q.Used, q.Free, q.Status = &used, &free, Good
	if free < q.Needed {
		q.Status = Bad
	}
}

// limit asks for the account's own limit, and for AWS' default where it has none.
func (q *Quota) limit(ctx context.Context, api QuotasAPI) (int, error) {
	own, err := api.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &q.Service, QuotaCode: &q.Code})
	if err == nil && own.Quota != nil && own.Quota.Value != nil {
		return int(*own.Quota.Value), nil
	}
	var refused smithy.APIError
	if err != nil && (!errors.As(err, &refused) || refused.ErrorCode() != "NoSuchResourceException") {
		return 0, err
	}
	usual, err := api.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: &q.Service, QuotaCode: &q.Code})
	if err != nil {
		return 0, err
	}
	if usual.Quota == nil || usual.Quota.Value == nil {
		return 0, errors.New("AWS gives no value")
	}
	return int(aws.ToFloat64(usual.Quota.Value)), nil
}

// short is an error of AWS in a few words.
func short(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	parts := strings.Split(err.Error(), ", ")
	return parts[len(parts)-1]
}
