package preflight

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	kubernetes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	identities "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	zones "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	limits "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

func add(kind string, attributes map[string]any) plan.Resource {
	return plan.Resource{Type: kind, Action: plan.Add, After: attributes}
}

func TestNeeds(t *testing.T) {
	nodes := func(capacity, kind string, desired float64) plan.Resource {
		return add("aws_eks_node_group", map[string]any{
			"capacity_type": capacity, "instance_types": []any{kind}, "scaling_config": []any{map[string]any{"desired_size": desired}},
		})
	}
	got := Needs(plan.Plan{Resources: []plan.Resource{
		add("aws_eip", nil), add("aws_eip", nil), add("aws_vpc", nil), add("aws_eks_cluster", nil), add("aws_db_instance", nil),
		nodes("ON_DEMAND", "m6i.xlarge", 3), nodes("SPOT", "t3.large", 2),
		add("aws_subnet", map[string]any{"availability_zone": "a"}), add("aws_subnet", map[string]any{"availability_zone": "b"}),
		add("aws_nat_gateway", nil), add("aws_nat_gateway", nil), add("aws_nat_gateway", nil),
		add("aws_lb", map[string]any{"load_balancer_type": "network"}), add("aws_lb", nil),
		{Type: "aws_eip", Action: plan.Replace}, {Type: "aws_vpc", Action: plan.Keep},
	}}, 1)
	want := map[string]int{
		quotaAddresses: 2, quotaVPCs: 1, quotaClusters: 1, quotaDatabases: 1, quotaVCPUs: 12, quotaSpotVCPUs: 4, quotaNATGateways: 2, quotaLoadBalancers: 2,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestVCPUs(t *testing.T) {
	for kind, want := range map[string]int{
		"t3.micro": 2, "t3.medium": 2, "m6g.medium": 1, "m6i.large": 2, "m6i.xlarge": 4, "m6i.2xlarge": 8, "m6i.24xlarge": 96, "": 2, "m6i.metal": 2,
	} {
		if got := VCPUs(kind); got != want {
			t.Errorf("%s: %d, want %d", kind, got, want)
		}
	}
}

// account has limits of its own, AWS' defaults, and refusals, by code.
type account struct {
	own, usual map[string]float64
	err        error
}

func (a account) GetServiceQuota(_ context.Context, input *servicequotas.GetServiceQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error) {
	if a.err != nil {
		return nil, a.err
	}
	value, known := a.own[*input.QuotaCode]
	if !known {
		return nil, &smithy.GenericAPIError{Code: "NoSuchResourceException"}
	}
	return &servicequotas.GetServiceQuotaOutput{Quota: &limits.ServiceQuota{Value: &value}}, nil
}

func (a account) GetAWSDefaultServiceQuota(_ context.Context, input *servicequotas.GetAWSDefaultServiceQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error) {
	value, known := a.usual[*input.QuotaCode]
	if !known {
		return nil, &smithy.GenericAPIError{Code: "NoSuchResourceException", Message: "no such quota"}
	}
	return &servicequotas.GetAWSDefaultServiceQuotaOutput{Quota: &limits.ServiceQuota{Value: &value}}, nil
}

func TestQuotas(t *testing.T) {
	uses := func(count int) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { return count, nil }
	}
	usage := Usage{quotaAddresses: uses(3), quotaVPCs: uses(5), quotaClusters: uses(0), quotaDatabases: func(context.Context) (int, error) {
		return 0, &smithy.GenericAPIError{Code: "AccessDenied", Message: "not yours"}
	}}
	got := Quotas(t.Context(), account{
		own:   map[string]float64{quotaAddresses: 5, quotaDatabases: 40, quotaSpotVCPUs: 8},
		usual: map[string]float64{quotaVPCs: 5, quotaClusters: 100},
	}, usage, map[string]int{quotaAddresses: 2, quotaVPCs: 1, quotaClusters: 1, quotaDatabases: 1, quotaSpotVCPUs: 1, quotaVCPUs: 4, quotaNATGateways: 0})
	var lines []string
	for _, quota := range got {
		lines = append(lines, strings.Join([]string{quota.Name, string(quota.Status), quota.Why}, "|"))
	}
	want := []string{
		"Elastic IP addresses|good|", // just enough
		"vCPUs of on-demand instances|unknown|its limit: NoSuchResourceException: no such quota",
		"vCPUs of spot instances|unknown|what is used: nobody counts it",
		"VPCs|bad|", // short by one
		"EKS clusters|good|",
		"RDS instances|unknown|what is used: AccessDenied: not yours",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	err := Report{Region: "eu-west-1", Quotas: got}.Err()
	if problem := fault.From(err); problem == nil || problem.Code != fault.QuotaShort || problem.Message != "AWS quotas are short: VPCs (L-F678F1CE): 1 needed, 0 of 5 free" {
		t.Errorf("got %v", err)
	}
	refused := Quotas(t.Context(), account{err: &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}}, usage, map[string]int{quotaVPCs: 1})
	if len(refused) != 1 || refused[0].Status != Unknown || refused[0].Limit != nil || (Report{Quotas: refused}).Err() != nil {
		t.Errorf("a limit that may not be read: %+v", refused)
	}
}

// policies denies some actions, two results a page.
type policies struct {
	denied []string
	err    error
	asked  *[]string // the ARNs
}

func (p policies) SimulatePrincipalPolicy(_ context.Context, input *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	*p.asked = append(*p.asked, *input.PolicySourceArn)
	if p.err != nil {
		return nil, p.err
	}
	half := len(input.ActionNames) / 2
	actions, truncated := input.ActionNames[:half], true
	if input.Marker != nil {
		actions, truncated = input.ActionNames[half:], false
	}
	output := &iam.SimulatePrincipalPolicyOutput{IsTruncated: truncated, Marker: aws.String("more")}
	for _, action := range actions {
		decision := identities.PolicyEvaluationDecisionTypeAllowed
		if slices.Contains(p.denied, action) {
			decision = identities.PolicyEvaluationDecisionTypeImplicitDeny
		}
		output.EvaluationResults = append(output.EvaluationResults, identities.EvaluationResult{EvalActionName: &action, EvalDecision: decision})
	}
	return output, nil
}

func (p policies) GetRole(_ context.Context, input *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	if *input.RoleName != "deep" {
		return nil, errors.New("not allowed")
	}
	return &iam.GetRoleOutput{Role: &identities.Role{Arn: aws.String("arn:aws:iam::123456789012:role/some/path/deep")}}, nil
}

func TestPermissions(t *testing.T) {
	actions := []string{"ec2:CreateVpc", "eks:CreateCluster", "rds:CreateDBInstance"}
	const account = "arn:aws:iam::123456789012:"
	for _, test := range []struct {
		name, principal string
		policies        policies
		status          Status
		detail, asked   string
	}{
		{"user", account + "user/ada", policies{}, Good, "all of 3 actions", account + "user/ada"},
		{"role", "arn:aws:sts::123456789012:assumed-role/deploy/session", policies{}, Good, "all of 3", account + "role/deploy"},
		{"role with a path", "arn:aws:sts::123456789012:assumed-role/deep/session", policies{}, Good, "all of 3", account + "role/some/path/deep"},
		{"root", account + "root", policies{}, Good, "allowed everything", ""},
		{"some denied", account + "user/ada", policies{denied: []string{"rds:CreateDBInstance", "ec2:CreateVpc"}}, Bad, "not allowed 2 of the actions that are needed: ec2:CreateVpc, rds:CreateDBInstance", account + "user/ada"},
		{"not to be asked", account + "user/ada", policies{err: &smithy.GenericAPIError{Code: "AccessDenied", Message: "no"}}, Unknown, "AccessDenied: no", account + "user/ada"},
	} {
		var asked []string
		test.policies.asked = &asked
		got := Permissions(t.Context(), test.policies, test.principal, actions)
		if got.Status != test.status || !strings.Contains(got.Detail, test.detail) || strings.Join(slices.Compact(asked), " ") != test.asked {
			t.Errorf("%s: got %+v, asked for %v", test.name, got, asked)
		}
		if err := (Report{Checks: []Check{got}}).Err(); (err != nil) != (test.status == Bad) {
			t.Errorf("%s: error %v", test.name, err)
		}
	}
}

func TestActions(t *testing.T) {
	got, err := Actions(plan.Plan{Resources: []plan.Resource{add("aws_vpc", nil), add("aws_vpc", nil), {Type: "aws_eip", Action: plan.Keep}}})
	if err != nil || !slices.Contains(got, "ec2:CreateVpc") || slices.Contains(got, "ec2:AllocateAddress") || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("got %v, %v", got, err)
	}
}

// names is Route 53 and the internet.
type names struct {
	zones   map[string][]string // servers by zone
	answers []string
	err     error
	lookup  error
}

func (n names) ListHostedZonesByName(_ context.Context, input *route53.ListHostedZonesByNameInput, _ ...func(*route53.Options)) (*route53.ListHostedZonesByNameOutput, error) {
	output := &route53.ListHostedZonesByNameOutput{HostedZones: []zones.HostedZone{
		{Name: aws.String(*input.DNSName + "."), Id: aws.String("private"), Config: &zones.HostedZoneConfig{PrivateZone: true}},
	}}
	if _, there := n.zones[*input.DNSName]; there {
		output.HostedZones = append(output.HostedZones, zones.HostedZone{Name: aws.String(*input.DNSName + "."), Id: aws.String("/hostedzone/" + *input.DNSName)})
	}
	return output, n.err
}

func (n names) GetHostedZone(_ context.Context, input *route53.GetHostedZoneInput, _ ...func(*route53.Options)) (*route53.GetHostedZoneOutput, error) {
	return &route53.GetHostedZoneOutput{DelegationSet: &zones.DelegationSet{NameServers: n.zones[strings.TrimPrefix(*input.Id, "/hostedzone/")]}}, nil
}

func (n names) LookupNS(context.Context, string) ([]*net.NS, error) {
	var found []*net.NS
	for _, host := range n.answers {
		found = append(found, &net.NS{Host: host})
	}
	return found, n.lookup
}

func TestZone(t *testing.T) {
	own := map[string][]string{"a.example.com": {"ns-1.aws.org", "NS-2.aws.org."}}
	parent := map[string][]string{"example.com": {"ns-1.aws.org"}}
	for _, test := range []struct {
		name         string
		names        names
		made, needed bool
		status       Status
		detail, fix  string
	}{
		{"delegated", names{zones: own, answers: []string{"ns-2.aws.org."}}, false, true, Good, "a.example.com is delegated to ns-2.aws.org", ""},
		{"in the zone above", names{zones: parent, answers: []string{"ns-1.aws.org."}}, false, true, Good, "example.com is delegated", ""},
		{"made by the plan", names{}, true, true, Unknown, "until its name servers are entered", ""},
		{"made although the zone above is there", names{zones: parent}, true, true, Unknown, "is made by this plan", ""},
		{"made twice", names{zones: own}, true, true, Bad, "this plan makes another", "zone_id in the environment's file: a.example.com"},
		{"not there", names{}, false, true, Bad, "no public zone", "make one"},
		{"nobody asks", names{zones: own, lookup: &net.DNSError{IsNotFound: true}}, false, true, Bad, "nobody is asked", "enter NS records for a.example.com in the zone above: ns-1.aws.org, ns-2.aws.org"},
		{"nobody asks, and nothing needs it", names{zones: own, lookup: &net.DNSError{IsNotFound: true}}, false, false, Unknown, "nobody is asked", ""},
		{"others are asked", names{zones: own, answers: []string{"ns.other.org."}}, false, true, Bad, "ns.other.org among them", "enter NS"},
		{"no DNS here", names{zones: own, lookup: &net.DNSError{Err: "connection refused"}}, false, true, Unknown, "DNS cannot be asked from here: connection refused", ""},
		{"Route 53 refuses", names{err: &smithy.GenericAPIError{Code: "AccessDenied", Message: "no"}}, false, true, Unknown, "AccessDenied: no", ""},
	} {
		got := Zone(t.Context(), test.names, test.names, "a.example.com", test.made, test.needed)
		if got.Status != test.status || !strings.Contains(got.Detail, test.detail) {
			t.Errorf("%s: got %+v", test.name, got)
		}
		err := Report{Checks: []Check{got}}.Err()
		if problem := fault.From(err); (problem != nil) != (test.status == Bad) || problem != nil && (problem.Code != fault.ZoneUndelegated || !strings.Contains(problem.Fix, test.fix)) {
			t.Errorf("%s: error %v, %+v", test.name, err, problem)
		}
	}
}

// versions are those of EKS, one a page.
type versions struct {
	list []kubernetes.ClusterVersionInformation
	err  error
}

func (v versions) DescribeClusterVersions(_ context.Context, input *eks.DescribeClusterVersionsInput, _ ...func(*eks.Options)) (*eks.DescribeClusterVersionsOutput, error) {
	if v.err != nil {
		return nil, v.err
	}
	at := len(aws.ToString(input.NextToken))
	output := &eks.DescribeClusterVersionsOutput{ClusterVersions: v.list[at : at+1]}
	if at+1 < len(v.list) {
		output.NextToken = aws.String(strings.Repeat("x", at+1))
	}
	return output, nil
}

func TestVersion(t *testing.T) {
	end := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	list := []kubernetes.ClusterVersionInformation{
		{ClusterVersion: aws.String("1.30"), VersionStatus: kubernetes.VersionStatusExtendedSupport},
		{ClusterVersion: aws.String("1.35"), VersionStatus: kubernetes.VersionStatusStandardSupport, EndOfStandardSupportDate: &end},
		{ClusterVersion: aws.String("1.34"), VersionStatus: kubernetes.VersionStatusStandardSupport},
		{ClusterVersion: aws.String("1.20"), VersionStatus: kubernetes.VersionStatusUnsupported},
	}
	for _, test := range []struct {
		version  string
		versions versions
		status   Status
		detail   string
	}{
		{"1.35", versions{list: list}, Good, "1.35 is supported until 2027-03-01"},
		{"1.34", versions{list: list}, Good, "1.34 is supported"},
		{"1.30", versions{list: list}, Unknown, "six times"},
		{"1.20", versions{list: list}, Bad, "EKS has no Kubernetes 1.20"},
		{"2.0", versions{list: list}, Bad, "EKS has no Kubernetes 2.0"},
		{"1.35", versions{err: &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}}, Unknown, "AccessDeniedException: no"},
	} {
		got := Version(t.Context(), test.versions, test.version)
		if got.Status != test.status || !strings.Contains(got.Detail, test.detail) {
			t.Errorf("%s: got %+v", test.version, got)
		}
		if problem := fault.From(Report{Checks: []Check{got}}.Err()); problem != nil && !strings.Contains(problem.Fix, "1.34, 1.35") {
			t.Errorf("%s: fix %q", test.version, problem.Fix)
		}
	}
	cluster := plan.Plan{Resources: []plan.Resource{add("aws_rds_cluster", map[string]any{"version": "9"}), add("aws_eks_cluster", map[string]any{"version": "1.35"})}}
	if got := ClusterVersion(cluster); got != "1.35" || ClusterVersion(plan.Plan{}) != "" {
		t.Errorf("got %q", got)
	}
}
