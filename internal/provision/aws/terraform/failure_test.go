package terraform

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

func TestPassing(t *testing.T) {
	for _, test := range []struct {
		name string
		said []Diagnostic
		want bool
	}{
		{"nothing said", nil, false},
		{"throttled", []Diagnostic{{Summary: "creating EC2 VPC", Detail: "api error RequestLimitExceeded: Request limit exceeded."}}, true},
		{"rate", []Diagnostic{{Summary: "creating IAM Role (x): ThrottlingException: Rate exceeded"}}, true},
		{"role not seen yet", []Diagnostic{{Summary: "creating EKS Cluster (x): InvalidParameterException: The role defined for the cluster cannot be assumed by principal"}}, true},
		{"subnet not seen yet", []Diagnostic{{Summary: "creating EC2 NAT Gateway: api error InvalidSubnetID.NotFound: The subnet ID 'subnet-1' does not exist"}}, true},
		{"bucket still going", []Diagnostic{{Summary: "creating S3 Bucket (x): OperationAborted: A conflicting conditional operation is currently in progress"}}, true},
		{"denied", []Diagnostic{{Summary: "creating EC2 VPC", Detail: "api error UnauthorizedOperation: You are not authorized"}}, false},
		{"quota", []Diagnostic{{Summary: "creating EC2 EIP: api error AddressLimitExceeded: The maximum number of addresses has been reached."}}, false},
		{"not found for good", []Diagnostic{{Summary: "reading KMS Key (x): NotFoundException"}}, false},
		{"one of each", []Diagnostic{{Summary: "SlowDown"}, {Summary: "AccessDenied"}}, false},
	} {
		if got := (&Failure{Command: "apply", Diagnostics: test.said}).Passing(); got != test.want {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

func TestFaults(t *testing.T) {
	locked := `Error message: operation error S3: PutObject, https response error StatusCode: 412, PreconditionFailed
Lock Info:
  ID:        3f2b-77
  Path:      bucket/env:/staging/pocctl.tfstate
  Operation: OperationTypeApply
  Who:       ada@laptop
  Version:   1.11.4
  Created:   2026-11-28 03:00:00.1 +0000 UTC
  Info:`
	for _, test := range []struct {
		name    string
		failure Failure
		code    fault.Code
		message string
		fix     string
	}{
		{"locked", Failure{Command: "plan", Diagnostics: []Diagnostic{{Summary: "Error acquiring the state lock", Detail: locked}}}, fault.StateLocked, "by another run: ada@laptop, since 2026-11-28 03:00:00.1", "terraform force-unlock 3f2b-77` in /modules/staging"},
		{"expired", Failure{Command: "plan", Diagnostics: []Diagnostic{{Summary: "api error ExpiredToken: The security token included in the request is expired"}}}, fault.CredentialsRefused, "ExpiredToken", "fresh ones"},
		{"none", Failure{Command: "init", Diagnostics: []Diagnostic{{Summary: "No valid credential sources found"}}}, fault.CredentialsMissing, "No valid", "AWS_PROFILE"},
		{"no registry", Failure{Command: "init", Diagnostics: []Diagnostic{{Summary: "Failed to query available provider packages", Detail: "Could not retrieve the list of available versions for provider hashicorp/aws"}}}, fault.ProviderUnavailable, "hashicorp/aws", "mirror"},
		{"another provider", Failure{Command: "init", Diagnostics: []Diagnostic{{Summary: "Failed to install provider", Detail: "the local package doesn't match any of the checksums previously recorded"}}}, fault.TerraformFailed, "checksums", "remove /modules/staging/.terraform.lock.hcl"},
		{"one", Failure{Command: "apply", Diagnostics: []Diagnostic{{Address: "aws_vpc.a", Summary: "creating VPC", Detail: "VpcLimitExceeded"}}}, fault.ApplyFailed, "1 resource was not made or changed: aws_vpc.a: creating VPC: VpcLimitExceeded", "goes on from there"},
		{"two", Failure{Command: "apply", Diagnostics: []Diagnostic{{Summary: "a"}, {Summary: "b"}}}, fault.ApplyFailed, "2 resources were not made or changed: \n  a\n  b", "goes on"},
		{"anything", Failure{Command: "plan", Said: "│ Error: odd\n╵"}, fault.TerraformFailed, "terraform plan: Error: odd", "correct what it names"},
	} {
		problem := fault.From(test.failure.fault("staging", "/modules/staging"))
		if problem.Code != test.code || !strings.Contains(problem.Message, test.message) || !strings.Contains(problem.Fix, test.fix) {
			t.Errorf("%s: got %s %q fix %q", test.name, problem.Code, problem.Message, problem.Fix)
		}
	}
	interrupted := Failure{Command: "apply", cause: context.Canceled}
	if problem := fault.From(interrupted.fault("staging", "/modules/staging")); problem.Code != fault.Internal {
		t.Errorf("an interruption is %s; the engine has its own word for it", problem.Code)
	}
}

func TestStream(t *testing.T) {
	var got []Event
	said := &stream{each: func(e Event) { got = append(got, e) }}
	text := `{"type":"version","terraform":"1.11.4"}
{"type":"planned_change","change":{"resource":{"addr":"aws_vpc.a","resource_type":"aws_vpc"},"action":"create"}}
{"type":"apply_start","hook":{"resource":{"addr":"aws_vpc.a","resource_type":"aws_vpc"},"action":"create"}}
{"type":"apply_progress","hook":{"resource":{"addr":"aws_vpc.a","resource_type":"aws_vpc"},"action":"create","elapsed_seconds":10}}
not json
{"type":"apply_errored","hook":{"resource":{"addr":"aws_vpc.a","resource_type":"aws_vpc"},"action":"create","elapsed_seconds":12.5}}
{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"old"}}
{"type":"diagnostic","diagnostic":{"severity":"error","summary":"bad","detail":"very\nbad","address":"aws_vpc.a"}}
`
	for _, letter := range []byte(text) { // however it is cut
		if n, err := said.Write([]byte{letter}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	want := []Event{
		{Planned, "aws_vpc.a", "aws_vpc", "create", 0},
		{Began, "aws_vpc.a", "aws_vpc", "create", 0},
		{GoesOn, "aws_vpc.a", "aws_vpc", "create", 10 * time.Second},
		{Failed, "aws_vpc.a", "aws_vpc", "create", 12500 * time.Millisecond},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if len(said.diagnostics) != 1 || said.diagnostics[0].text() != "aws_vpc.a: bad: very bad" || said.other.String() != "not json\n" {
		t.Errorf("diagnostics %+v, other %q", said.diagnostics, said.other.String())
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"type":"apply_start","hook":{"resource":{"addr":"a"}}}` + "\n"))
	f.Add([]byte(`{"type":"diagnostic","diagnostic":{"severity":"error","range":{"start":{}}}}` + "\nx\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		said := &stream{each: func(Event) {}}
		if n, err := said.Write(data); n != len(data) || err != nil {
			t.Fatalf("wrote %d of %d: %v", n, len(data), err)
		}
		_ = (&Failure{Diagnostics: said.diagnostics, Said: said.other.String()}).fault("a", "/")
	})
}
