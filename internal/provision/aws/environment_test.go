package aws

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/aws/leftovers"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/test/awsdouble"
	"github.com/pocctl/pocctl/test/awsdouble/api"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// small is a root module with something of all that is looked at.
const small = `
terraform {
  backend "s3" {}
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.0" }
  }
}
variable "environment" { type = string }
variable "account_id" { type = string }
variable "region" { type = string }
variable "domain" { type = string }
variable "protected" { type = bool }
provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
  default_tags { tags = { "pocctl:environment" = var.environment, "pocctl:managed-by" = "terraform" } }
}
resource "aws_vpc" "this" { cidr_block = "10.0.0.0/16" }
resource "aws_subnet" "this" {
  vpc_id            = aws_vpc.this.id
  cidr_block        = "10.0.0.0/24"
  availability_zone = "eu-west-1a"
}
resource "aws_eip" "this" { domain = "vpc" }
resource "aws_nat_gateway" "this" {
  allocation_id = aws_eip.this.id
  subnet_id     = aws_subnet.this.id
}
resource "aws_route53_zone" "this" { name = var.domain }
output "url" { value = "https://${var.domain}" }
`

// place is an environment on the double.
type place struct {
	*Environment
	account *cloud.Account
	server  *api.Server
	told    said
}

func open(t *testing.T) *place {
	t.Helper()
	double := awsdouble.Install(t)
	server := api.Serve(t, double.Account)
	for _, pair := range append(double.Environment(), server.Environment()...) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	return &place{Environment: New(options(t.TempDir())), account: double.Account, server: server}
}

func options(directory string) Options {
	return Options{
		Name: "staging", Account: "123456789012", Region: "eu-west-1", Domain: "staging.example.com", Root: "small", Bucket: "pocctl-state",
		Modules:   fstest.MapFS{"roots/small/main.tf": {Data: []byte(small)}},
		Directory: directory, Again: []time.Duration{time.Millisecond, time.Millisecond}, Resolver: nobody{},
	}
}

// again is the environment as the next run of pocctl sees it.
func (p *place) again() { p.Environment = New(p.options) }

// nobody asks for any zone.
type nobody struct{}

func (nobody) LookupNS(context.Context, string) ([]*net.NS, error) {
	return nil, &net.DNSError{IsNotFound: true}
}

func (p *place) control(t *testing.T, control cloud.Control) {
	t.Helper()
	if err := p.account.SetControl(control); err != nil {
		t.Fatal(err)
	}
}

// up does what the steps of up do.
func (p *place) up(t *testing.T) error {
	t.Helper()
	p.again()
	if _, err := p.Look(t.Context(), LookOptions{}, &p.told); err != nil {
		return err
	}
	if _, err := p.Bootstrap(t.Context()); err != nil {
		return err
	}
	_, err := p.Apply(t.Context(), &p.told)
	return err
}

// kept counts what is in Terraform's state.
func (p *place) kept(t *testing.T) int {
	t.Helper()
	p.again()
	overview, err := p.Look(t.Context(), LookOptions{}, &p.told)
	if err != nil {
		t.Fatal(err)
	}
	return overview.Kept
}

func TestUpAndDown(t *testing.T) {
	p := open(t)
	overview, err := p.Look(t.Context(), LookOptions{Checks: true}, &p.told)
	if err != nil {
		t.Fatal(err)
	}
	if overview.Counts != (plan.Counts{Add: 5}) || overview.Cost.After != 39.19 || overview.Forecast.Seconds != 120 {
		t.Errorf("counts %+v, %.2f dollars, %.0f seconds", overview.Counts, overview.Cost.After, overview.Forecast.Seconds)
	}
	var path []string
	for _, leg := range overview.Forecast.Path {
		path = append(path, leg.Address)
	}
	if diff := cmp.Diff([]string{"aws_vpc.this", "aws_subnet.this", "aws_nat_gateway.this"}, path); diff != "" {
		t.Errorf("critical path (-want +got):\n%s", diff)
	}
	if len(overview.Checks.Quotas) != 3 || overview.Checks.Checks[0].Status != "good" {
		t.Errorf("checks %+v", overview.Checks)
	}
	if buckets, err := p.account.List("aws_s3_bucket"); err != nil || len(buckets) != 0 {
		t.Errorf("a look made %d buckets, %v", len(buckets), err)
	}

	if err := p.up(t); err != nil {
		t.Fatal(err)
	}
	outputs, err := p.ReadOutputs(t.Context(), &p.told)
	if err != nil || outputs.URL != "https://staging.example.com" {
		t.Errorf("outputs %+v, %v", outputs, err)
	}
	p.again()
	if overview, err = p.Look(t.Context(), LookOptions{}, &p.told); err != nil || !overview.InSync() || overview.Kept != 5 {
		t.Errorf("the second look: %+v, %v", overview.Counts, err)
	}

	// What Kubernetes made goes first, and what it did not make stays.
	balancer := "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/k8s/1"
	if err := p.account.Add(cloud.Resource{Type: "aws_lb", ID: balancer, Attributes: map[string]any{
		"arn": balancer, "tags": map[string]any{"elbv2.k8s.aws/cluster": "pocctl-staging"},
	}}); err != nil {
		t.Fatal(err)
	}
	if found, err := p.Leftovers(t.Context()); err != nil || !slices.ContainsFunc(found, func(l leftovers.Leftover) bool { return l.ARN == balancer }) {
		t.Errorf("the load balancer is not found: %+v, %v", found, err)
	}
	if removed, err := p.RemoveKubernetesMade(t.Context(), &p.told); err != nil || removed != 1 {
		t.Errorf("%d removed, %v", removed, err)
	}
	applied, err := p.Destroy(t.Context(), &p.told)
	if err != nil || applied.Counts.Destroy != 5 {
		t.Errorf("destroyed %+v, %v", applied, err)
	}
	if found, err := p.Leftovers(t.Context()); err != nil || len(leftovers.Standing(found)) != 0 {
		t.Errorf("left: %+v, %v", found, err)
	}
}

func TestRefusedBefore(t *testing.T) {
	p := open(t)
	for _, test := range []struct {
		name    string
		control cloud.Control
		change  func(*Options)
		code    fault.Code
	}{
		{"another account", cloud.Control{Account: "999999999999"}, nil, fault.AccountWrong},
		{"expired credentials", cloud.Control{Credentials: "expired"}, nil, fault.CredentialsRefused},
		{"permission missing", cloud.Control{Denied: []string{"ec2:CreateVpc"}}, nil, fault.PermissionMissing},
		{"quota short by one", cloud.Control{Services: map[string]map[string]float64{"vpc": {"L-F678F1CE": 0}}}, nil, fault.QuotaShort},
		{"no such root", cloud.Control{}, func(o *Options) { o.Root = "large" }, fault.RootUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.control(t, test.control)
			described := options(t.TempDir())
			if test.change != nil {
				test.change(&described)
			}
			overview, err := New(described).Look(t.Context(), LookOptions{Checks: true}, &p.told)
			if err == nil {
				err = overview.Checks.Err()
			}
			if problem := fault.From(err); problem == nil || problem.Code != test.code || problem.Fix == "" {
				t.Errorf("got %v", err)
			}
			if made, err := p.account.List("aws_vpc"); err != nil || len(made) != 0 {
				t.Errorf("%d made, %v", len(made), err)
			}
		})
	}
}

func TestForeignBucket(t *testing.T) {
	p := open(t)
	if err := p.account.Add(cloud.Resource{Type: "aws_s3_bucket", ID: "pocctl-state", Attributes: map[string]any{"bucket": "pocctl-state", "owner": "999999999999"}}); err != nil {
		t.Fatal(err)
	}
	err := p.up(t)
	if problem := fault.From(err); problem == nil || problem.Code != fault.BackendForeign {
		t.Errorf("got %v", err)
	}
}

// TestThrottled meets an error that goes away by itself, twice.
func TestThrottled(t *testing.T) {
	p := open(t)
	p.control(t, cloud.Control{Faults: []cloud.Fault{{Operation: "create", Type: "aws_subnet", Times: 2, Code: "RequestLimitExceeded", Message: "Request limit exceeded."}}})
	if err := p.up(t); err != nil {
		t.Fatal(err)
	}
	if tried := strings.Count(strings.Join(p.told, "\n"), "is tried again"); tried != 2 {
		t.Errorf("tried again %d times:\n%s", tried, strings.Join(p.told, "\n"))
	}
}

// TestFailsInTheMiddle is not tried again, loses nothing, and goes on when it is mended.
func TestFailsInTheMiddle(t *testing.T) {
	p := open(t)
	p.control(t, cloud.Control{Faults: []cloud.Fault{{Operation: "create", Type: "aws_nat_gateway", Code: "NatGatewayLimitExceeded", Message: "The maximum number of NAT gateways has been reached."}}})
	err := p.up(t)
	problem := fault.From(err)
	if problem == nil || problem.Code != fault.ApplyFailed || !strings.Contains(problem.Message, "NatGatewayLimitExceeded") || strings.Contains(strings.Join(p.told, "\n"), "tried again") {
		t.Fatalf("got %v", err)
	}
	p.control(t, cloud.Control{})
	if kept := p.kept(t); kept != 4 {
		t.Errorf("the state holds %d", kept)
	}
	if err := p.up(t); err != nil {
		t.Fatal(err)
	}
	if kept := p.kept(t); kept != 5 {
		t.Errorf("at the end the state holds %d", kept)
	}
}

// TestDrift finds what was changed by hand, and up puts it back.
func TestDrift(t *testing.T) {
	p := open(t)
	if err := p.up(t); err != nil {
		t.Fatal(err)
	}
	look := func() []plan.Drift {
		t.Helper()
		p.again()
		overview, err := p.Look(t.Context(), LookOptions{DriftOnly: true}, &p.told)
		if err != nil {
			t.Fatal(err)
		}
		return overview.Drift
	}
	if found := look(); len(found) != 0 {
		t.Errorf("before: %+v", found)
	}
	p.control(t, cloud.Control{Drift: []cloud.Drift{{Type: "aws_vpc", Set: map[string]any{"enable_dns_support": false}}}})
	want := []plan.Drift{{Address: "aws_vpc.this", Type: "aws_vpc", Attributes: []string{"enable_dns_support"}}}
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if err := p.up(t); err != nil {
		t.Fatal(err)
	}
	if found := look(); len(found) != 0 {
		t.Errorf("after up: %+v", found)
	}
}

// TestInterruptedUp ends the run while the VPC is made: that is finished and kept, what
// waits for it is not begun, and the next run goes on.
func TestInterruptedUp(t *testing.T) {
	p := open(t)
	p.control(t, cloud.Control{Scale: 1, Stop: "finish", Durations: map[string]map[string]string{
		"aws_vpc": {"create": "3s"}, "aws_eip": {"create": "0s"}, "aws_route53_zone": {"create": "0s"}, "aws_subnet": {"create": "0s"}, "aws_nat_gateway": {"create": "0s"},
	}})
	if _, err := p.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	_, err := p.Apply(ctx, whenSaid{&p.told, " of 5 done; ", interrupt})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	p.control(t, cloud.Control{})
	if kept := p.kept(t); kept < 1 || kept > 3 {
		t.Errorf("the state holds %d", kept)
	}
	if err := p.up(t); err != nil {
		t.Fatal(err)
	}
	if kept := p.kept(t); kept != 5 {
		t.Errorf("at the end the state holds %d", kept)
	}
}

// whenSaid calls do when something is waited for.
type whenSaid struct {
	*said
	what string
	do   func()
}

func (w whenSaid) Waiting(format string, args ...any) {
	w.said.Waiting(format, args...)
	if last := (*w.said)[len(*w.said)-1]; strings.Contains(last, w.what) {
		w.do()
	}
}
