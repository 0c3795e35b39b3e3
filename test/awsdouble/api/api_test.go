package api_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/test/awsdouble/api"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

func serve(t *testing.T, resources ...cloud.Resource) (*cloud.Account, *api.Server, aws.Config) {
	t.Helper()
	account, err := cloud.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range resources {
		if err := account.Add(resource); err != nil {
			t.Fatal(err)
		}
	}
	server := api.Serve(t, account)
	configuration, err := config.LoadDefaultConfig(t.Context(),
		config.WithRegion("eu-west-1"), config.WithBaseEndpoint(server.URL),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(api.AccessKey, api.SecretKey, "")),
		config.WithRetryMaxAttempts(1))
	if err != nil {
		t.Fatal(err)
	}
	return account, server, configuration
}

func tagged(kind, id, arn string, more map[string]any) cloud.Resource {
	attributes := map[string]any{"id": id, "arn": arn, "tags_all": map[string]any{"environment": "staging"}}
	for name, value := range more {
		attributes[name] = value
	}
	return cloud.Resource{Type: kind, ID: id, Attributes: attributes}
}

// code is that of an AWS error, "" for none.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var problem smithy.APIError
	if !errors.As(err, &problem) {
		t.Fatalf("no error of AWS': %v", err)
	}
	return problem.ErrorCode()
}

func TestIdentity(t *testing.T) {
	account, _, aws := serve(t)
	if err := account.SetControl(cloud.Control{Account: "210987654321", User: "role/ci", Denied: []string{"eks:CreateCluster"}}); err != nil {
		t.Fatal(err)
	}
	who, err := sts.NewFromConfig(aws).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *who.Account != "210987654321" || *who.Arn != "arn:aws:iam::210987654321:role/ci" {
		t.Errorf("the caller is %s of %s", *who.Arn, *who.Account)
	}
	if _, err := iam.NewFromConfig(aws).GetRole(t.Context(), &iam.GetRoleInput{RoleName: ptr("none")}); code(t, err) != "NoSuchEntity" {
		t.Errorf("a role that is not there: %v", err)
	}
	simulated, err := iam.NewFromConfig(aws).SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: who.Arn, ActionNames: []string{"ec2:CreateVpc", "eks:CreateCluster"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, result := range simulated.EvaluationResults {
		got[*result.EvalActionName] = string(result.EvalDecision)
	}
	if diff := cmp.Diff(map[string]string{"ec2:CreateVpc": "allowed", "eks:CreateCluster": "implicitDeny"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestRefusals has every service refuse in its own words.
func TestRefusals(t *testing.T) {
	account, _, aws := serve(t, tagged("aws_s3_bucket", "state", "arn:aws:s3:::state", nil))
	for _, test := range []struct {
		action                   string
		call                     func(context.Context) error
		expired, invalid, denied string
	}{
		{"sts:GetCallerIdentity", func(c context.Context) error {
			_, err := sts.NewFromConfig(aws).GetCallerIdentity(c, nil)
			return err
		}, "ExpiredToken", "InvalidClientTokenId", "AccessDenied"},
		{"ec2:DescribeVpcs", func(c context.Context) error { _, err := ec2.NewFromConfig(aws).DescribeVpcs(c, nil); return err }, "RequestExpired", "AuthFailure", "UnauthorizedOperation"},
		{"eks:ListClusters", func(c context.Context) error { _, err := eks.NewFromConfig(aws).ListClusters(c, nil); return err }, "ExpiredTokenException", "UnrecognizedClientException", "AccessDeniedException"},
		{"servicequotas:ListServiceQuotas", func(c context.Context) error {
			service := "ec2"
			_, err := servicequotas.NewFromConfig(aws).ListServiceQuotas(c, &servicequotas.ListServiceQuotasInput{ServiceCode: &service})
			return err
		}, "ExpiredTokenException", "UnrecognizedClientException", "AccessDeniedException"},
		{"tagging:GetResources", func(c context.Context) error {
			_, err := resourcegroupstaggingapi.NewFromConfig(aws).GetResources(c, nil)
			return err
		}, "ExpiredTokenException", "UnrecognizedClientException", "AccessDeniedException"},
		{"route53:ListHostedZones", func(c context.Context) error {
			_, err := route53.NewFromConfig(aws).ListHostedZones(c, nil)
			return err
		}, "ExpiredToken", "InvalidClientTokenId", "AccessDenied"},
		{"s3:GetBucketVersioning", func(c context.Context) error {
			name := "state"
			_, err := s3.NewFromConfig(aws).GetBucketVersioning(c, &s3.GetBucketVersioningInput{Bucket: &name})
			return err
		}, "ExpiredToken", "InvalidAccessKeyId", "AccessDenied"},
	} {
		t.Run(test.action, func(t *testing.T) {
			for control, want := range map[*cloud.Control]string{
				{}:                                 "",
				{Credentials: "expired"}:           test.expired,
				{Credentials: "invalid"}:           test.invalid,
				{Denied: []string{test.action}}:    test.denied,
				{Denied: []string{"sts:Whatever"}}: "",
				{Faults: []cloud.Fault{{Operation: test.action, Code: "SlowDown", Message: "Please wait", Status: 400}}}: "SlowDown",
			} {
				if err := account.SetControl(*control); err != nil {
					t.Fatal(err)
				}
				if got := code(t, test.call(t.Context())); got != want {
					t.Errorf("with %+v it answers %q, want %q", *control, got, want)
				}
			}
		})
	}
}

func TestCompute(t *testing.T) {
	_, server, aws := serve(t,
		tagged("aws_vpc", "vpc-1", "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1", map[string]any{"cidr_block": "10.0.0.0/16"}),
		tagged("aws_eip", "eipalloc-1", "arn:1", nil),
		tagged("aws_nat_gateway", "nat-1", "", map[string]any{"subnet_id": "subnet-1"}),
		tagged("aws_instance", "i-1", "arn:2", map[string]any{"instance_type": "m6i.2xlarge"}),
		tagged("aws_eks_node_group", "staging:main", "arn:3", map[string]any{
			"instance_types": []any{"m6i.large"}, "scaling_config": []any{map[string]any{"desired_size": 3}}, "capacity_type": "SPOT",
		}))
	client := ec2.NewFromConfig(aws)
	vpcs, err := client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{Filters: []ec2types.Filter{{Name: ptr("tag:environment"), Values: []string{"staging"}}}})
	if err != nil || len(vpcs.Vpcs) != 1 || *vpcs.Vpcs[0].CidrBlock != "10.0.0.0/16" {
		t.Errorf("VPCs: %+v, %v", vpcs, err)
	}
	if vpcs, err = client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{Filters: []ec2types.Filter{{Name: ptr("tag:environment"), Values: []string{"prod"}}}}); err != nil || len(vpcs.Vpcs) != 0 {
		t.Errorf("VPCs of another environment: %+v, %v", vpcs, err)
	}
	if addresses, err := client.DescribeAddresses(t.Context(), nil); err != nil || len(addresses.Addresses) != 1 {
		t.Errorf("addresses: %+v, %v", addresses, err)
	}
	if gateways, err := client.DescribeNatGateways(t.Context(), nil); err != nil || len(gateways.NatGateways) != 1 {
		t.Errorf("gateways: %+v, %v", gateways, err)
	}
	instances, err := client.DescribeInstances(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	processors := map[string]int32{}
	for _, reservation := range instances.Reservations {
		for _, instance := range reservation.Instances {
			processors[string(instance.InstanceLifecycle)] += *instance.CpuOptions.CoreCount * *instance.CpuOptions.ThreadsPerCore
		}
	}
	if diff := cmp.Diff(map[string]int32{"": 8, "spot": 6}, processors); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(server.Calls(), "ec2:DescribeInstances") {
		t.Errorf("it was asked for %v", server.Calls())
	}
	if _, err := client.DeleteVolume(t.Context(), &ec2.DeleteVolumeInput{VolumeId: ptr("vol-1")}); code(t, err) != "InvalidVolume.NotFound" {
		t.Errorf("a volume that is not there is deleted: %v", err)
	}
}

func TestServices(t *testing.T) {
	account, _, aws := serve(t,
		tagged("aws_eks_cluster", "staging", "arn:aws:eks:eu-west-1:123456789012:cluster/staging", map[string]any{
			"name": "staging", "endpoint": "https://127.0.0.1:6443", "status": "ACTIVE", "certificate_authority": []any{map[string]any{"data": "Y2E="}},
		}),
		tagged("aws_db_instance", "db-1", "arn:aws:rds:eu-west-1:123456789012:db:staging", map[string]any{"identifier": "staging", "port": 5432, "address": "db"}),
		tagged("aws_route53_zone", "Z1", "arn:aws:route53:::hostedzone/Z1", map[string]any{"name": "example.com", "name_servers": []any{"ns-1", "ns-2"}}),
		tagged("aws_nat_gateway", "nat-1", "", nil),
		tagged("aws_kms_key", "k", "arn:aws:kms:eu-west-1:123456789012:key/k", nil),
		tagged("aws_iam_role", "r", "arn:aws:iam::123456789012:role/r", nil),
		tagged("aws_lb", "arn:lb/1", "arn:lb/1", map[string]any{"name": "one"}),
		tagged("aws_lb", "arn:lb/2", "arn:lb/2", map[string]any{"name": "two"}),
		tagged("aws_lb", "arn:lb/3", "arn:lb/3", map[string]any{"name": "three"}))

	cluster, err := eks.NewFromConfig(aws).DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: ptr("staging")})
	if err != nil || *cluster.Cluster.Endpoint != "https://127.0.0.1:6443" || *cluster.Cluster.CertificateAuthority.Data != "Y2E=" {
		t.Errorf("cluster: %+v, %v", cluster, err)
	}
	young := cloud.Resource{Type: "aws_eks_cluster", ID: "young", Attributes: map[string]any{"name": "young", "endpoint": "https://127.0.0.1:6443", "status": "ACTIVE"}}
	young.Ready = time.Now().Add(time.Hour)
	if err := account.Add(young); err != nil {
		t.Fatal(err)
	}
	making, err := eks.NewFromConfig(aws).DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: ptr("young")})
	if err != nil || making.Cluster.Status != "CREATING" || making.Cluster.Endpoint != nil {
		t.Errorf("a cluster that is being made: %+v, %v", making, err)
	}
	if _, err := eks.NewFromConfig(aws).DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: ptr("other")}); code(t, err) != "ResourceNotFoundException" {
		t.Errorf("a cluster that is not there: %v", err)
	}
	databases, err := rds.NewFromConfig(aws).DescribeDBInstances(t.Context(), nil)
	if err != nil || len(databases.DBInstances) != 1 || *databases.DBInstances[0].Endpoint.Port != 5432 {
		t.Errorf("databases: %+v, %v", databases, err)
	}
	zone, err := route53.NewFromConfig(aws).GetHostedZone(t.Context(), &route53.GetHostedZoneInput{Id: ptr("Z1")})
	if err != nil || !slices.Equal(zone.DelegationSet.NameServers, []string{"ns-1", "ns-2"}) {
		t.Errorf("zone: %+v, %v", zone, err)
	}
	named, err := route53.NewFromConfig(aws).ListHostedZonesByName(t.Context(), &route53.ListHostedZonesByNameInput{DNSName: ptr("example.com")})
	if err != nil || len(named.HostedZones) != 1 || *named.HostedZones[0].Name != "example.com." {
		t.Errorf("zones by name: %+v, %v", named, err)
	}

	client := elasticloadbalancingv2.NewFromConfig(aws)
	var found []string
	for pages := elasticloadbalancingv2.NewDescribeLoadBalancersPaginator(client, nil); pages.HasMorePages(); {
		some, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, balancer := range some.LoadBalancers {
			found = append(found, *balancer.LoadBalancerName)
		}
	}
	if diff := cmp.Diff([]string{"one", "two", "three"}, found); diff != "" {
		t.Error(diff)
	}
	tags, err := client.DescribeTags(t.Context(), &elasticloadbalancingv2.DescribeTagsInput{ResourceArns: []string{"arn:lb/2"}})
	if err != nil || *tags.TagDescriptions[0].Tags[0].Value != "staging" {
		t.Errorf("tags: %+v, %v", tags, err)
	}
	if _, err := client.DeleteLoadBalancer(t.Context(), &elasticloadbalancingv2.DeleteLoadBalancerInput{LoadBalancerArn: ptr("arn:lb/2")}); err != nil {
		t.Error(err)
	}
	if _, there, _ := account.Get("aws_lb", "arn:lb/2"); there {
		t.Error("the load balancer is still there")
	}

	if err := account.Linger("aws_kms_key", "k"); err != nil {
		t.Fatal(err)
	}
	var left []string
	for pages := resourcegroupstaggingapi.NewGetResourcesPaginator(resourcegroupstaggingapi.NewFromConfig(aws), &resourcegroupstaggingapi.GetResourcesInput{
		TagFilters: []tagtypes.TagFilter{{Key: ptr("environment"), Values: []string{"staging"}}},
	}); pages.HasMorePages(); {
		some, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, mapping := range some.ResourceTagMappingList {
			left = append(left, *mapping.ResourceARN)
		}
	}
	slices.Sort(left)
	if diff := cmp.Diff([]string{
		"arn:aws:ec2:eu-west-1:123456789012:natgateway/nat-1", "arn:aws:eks:eu-west-1:123456789012:cluster/staging",
		"arn:aws:kms:eu-west-1:123456789012:key/k", "arn:aws:rds:eu-west-1:123456789012:db:staging",
		"arn:aws:route53:::hostedzone/Z1", "arn:lb/1", "arn:lb/3",
	}, left); diff != "" {
		t.Error(diff)
	}
}

func TestQuotas(t *testing.T) {
	account, _, aws := serve(t)
	if err := account.SetControl(cloud.Control{Services: map[string]map[string]float64{"ec2": {"L-0263D0A3": 7}, "vpc": {"L-F678F1CE": -1}}}); err != nil {
		t.Fatal(err)
	}
	client := servicequotas.NewFromConfig(aws)
	quota, err := client.GetServiceQuota(t.Context(), &servicequotas.GetServiceQuotaInput{ServiceCode: ptr("ec2"), QuotaCode: ptr("L-0263D0A3")})
	if err != nil || *quota.Quota.Value != 7 {
		t.Errorf("quota of addresses: %+v, %v", quota, err)
	}
	if _, err := client.GetServiceQuota(t.Context(), &servicequotas.GetServiceQuotaInput{ServiceCode: ptr("vpc"), QuotaCode: ptr("L-F678F1CE")}); code(t, err) != "NoSuchResourceException" {
		t.Errorf("a quota that is not known: %v", err)
	}
	got := 0
	for pages := servicequotas.NewListServiceQuotasPaginator(client, &servicequotas.ListServiceQuotasInput{ServiceCode: ptr("ec2")}); pages.HasMorePages(); {
		some, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got += len(some.Quotas)
	}
	if got != 3 {
		t.Errorf("EC2 has %d quotas, want 3", got)
	}
}

func TestBuckets(t *testing.T) {
	_, _, aws := serve(t,
		cloud.Resource{Type: "aws_s3_bucket", ID: "foreign", Attributes: map[string]any{"owner": "999999999999", "region": "eu-west-1"}},
		cloud.Resource{Type: "aws_s3_bucket", ID: "far", Attributes: map[string]any{"region": "us-west-2"}})
	client := s3.NewFromConfig(aws)
	create := func(name string) error {
		_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
		return err
	}
	for name, want := range map[string]string{"state": "", "foreign": "BucketAlreadyExists", "far": "BucketAlreadyOwnedByYou"} {
		if got := code(t, create(name)); got != want {
			t.Errorf("to make %s answers %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"state": "", "none": "NotFound", "foreign": "Forbidden"} {
		if _, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &name}); code(t, err) != want {
			t.Errorf("head of %s: %v, want %q", name, err, want)
		}
	}
	if _, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: ptr("state"), ExpectedBucketOwner: ptr("999999999999")}); code(t, err) != "Forbidden" {
		t.Errorf("head with another owner: %v", err)
	}
	where, err := client.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: ptr("far")})
	if err != nil || where.LocationConstraint != "us-west-2" {
		t.Errorf("far is in %+v, %v", where, err)
	}
	state := ptr("state")
	if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: state, VersioningConfiguration: &s3types.VersioningConfiguration{Status: "Enabled"}}); err != nil {
		t.Fatal(err)
	}
	versioning, err := client.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: state})
	if err != nil || versioning.Status != "Enabled" {
		t.Errorf("versioning: %+v, %v", versioning, err)
	}
	encryption, err := client.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: state})
	if err != nil || encryption.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != "AES256" {
		t.Errorf("encryption: %+v, %v", encryption, err)
	}
	if _, err := client.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: state}); code(t, err) != "NoSuchPublicAccessBlockConfiguration" {
		t.Errorf("public access: %v", err)
	}
	if _, err := client.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: state, PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{BlockPublicAcls: ptr(true)}}); err != nil {
		t.Fatal(err)
	}
	blocked, err := client.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: state})
	if err != nil || !*blocked.PublicAccessBlockConfiguration.BlockPublicAcls {
		t.Errorf("public access: %+v, %v", blocked, err)
	}
}

func TestObjects(t *testing.T) {
	_, _, aws := serve(t, cloud.Resource{Type: "aws_s3_bucket", ID: "state", Attributes: map[string]any{"region": "eu-west-1"}})
	client, bucket, key := s3.NewFromConfig(aws), ptr("state"), ptr("env:/staging/pocctl.tfstate.tflock")
	put := func(text string, options s3.PutObjectInput) (string, error) {
		options.Bucket, options.Key, options.Body = bucket, key, strings.NewReader(text)
		answer, err := client.PutObject(t.Context(), &options)
		if err != nil {
			return "", err
		}
		return *answer.ETag, nil
	}
	tag, err := put("first", s3.PutObjectInput{IfNoneMatch: ptr("*")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put("second", s3.PutObjectInput{IfNoneMatch: ptr("*")}); code(t, err) != "PreconditionFailed" {
		t.Errorf("a second one is written over: %v", err)
	}
	if _, err := put("second", s3.PutObjectInput{IfMatch: ptr(`"else"`)}); code(t, err) != "PreconditionFailed" {
		t.Errorf("another one is written over: %v", err)
	}
	if _, err := put("second", s3.PutObjectInput{IfMatch: &tag}); err != nil {
		t.Errorf("the right one is not written over: %v", err)
	}
	listed, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket, Prefix: ptr("env:/")})
	if err != nil || len(listed.Contents) != 1 || *listed.Contents[0].Key != *key {
		t.Errorf("objects: %+v, %v", listed, err)
	}
	if _, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: bucket}); code(t, err) != "BucketNotEmpty" {
		t.Errorf("a bucket with something in it is deleted: %v", err)
	}
	if _, err := client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: bucket, Delete: &s3types.Delete{Objects: []s3types.ObjectIdentifier{{Key: key}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key}); code(t, err) != "NoSuchKey" {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: bucket}); err != nil {
		t.Error(err)
	}
}

func ptr[V any](value V) *V { return &value }
