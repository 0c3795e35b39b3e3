package awsdouble_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pocctl/pocctl/test/awsdouble"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// workspace is a folder with a root module, and Terraform on the double in it.
type workspace struct {
	*testing.T
	folder string
	double awsdouble.Double

	environment []string
}

const head = `
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}
provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["123456789012"]
  default_tags {
    tags = { environment = "staging" }
  }
}
`

const network = `
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
  tags       = { Name = "staging" }
}
resource "aws_subnet" "a" {
  count             = 2
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 4, count.index)
  availability_zone = "eu-west-1a"
}
`

const cluster = `
resource "aws_eks_cluster" "main" {
  name     = "staging"
  role_arn = "arn:aws:iam::123456789012:role/eks"
  vpc_config {
    subnet_ids = aws_subnet.a[*].id
  }
}
output "endpoint" { value = aws_eks_cluster.main.endpoint }
output "issuer" { value = aws_eks_cluster.main.identity[0].oidc[0].issuer }
`

// prepare makes one; newWorkspace also runs init in it.
func prepare(t *testing.T, parts ...string) *workspace {
	t.Helper()
	t.Parallel()
	w := &workspace{T: t, folder: t.TempDir()}
	w.write(parts...)
	w.install(awsdouble.Types(t, w.folder)...)
	return w
}

// install finds the double, with these types or with all.
func (w *workspace) install(types ...string) {
	w.double = awsdouble.Install(w.T, types...)
	w.environment = append(os.Environ(), w.double.Environment()...)
}

func newWorkspace(t *testing.T, parts ...string) *workspace {
	t.Helper()
	w := prepare(t, parts...)
	w.run("init")
	return w
}

// object asks S3 for something outside of Terraform, and gives the status.
func (w *workspace) object(method, url, body string) int {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), method, url, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIADOUBLE/20260101/eu-west-1/s3/aws4_request")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

func (w *workspace) write(parts ...string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.folder, "main.tf"), []byte(head+strings.Join(parts, "")), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (w *workspace) control(control cloud.Control) {
	w.Helper()
	if err := w.double.Account.SetControl(control); err != nil {
		w.Fatal(err)
	}
}

func (w *workspace) command(arguments ...string) (*exec.Cmd, *bytes.Buffer) {
	command := exec.CommandContext(w.Context(), "terraform", append(arguments, "-no-color")...)
	command.Dir = w.folder
	command.Env = w.environment
	output := &bytes.Buffer{}
	command.Stdout, command.Stderr = output, output
	return command, output
}

// exits runs Terraform and gives its exit code and what it said.
func (w *workspace) exits(arguments ...string) (int, string) {
	w.Helper()
	command, output := w.command(arguments...)
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.Fatalf("terraform %v: %v", arguments, err)
	}
	return command.ProcessState.ExitCode(), output.String()
}

func (w *workspace) run(arguments ...string) string {
	w.Helper()
	code, output := w.exits(arguments...)
	if code != 0 {
		w.Fatalf("terraform %v exits %d:\n%s", arguments, code, output)
	}
	return output
}

func (w *workspace) apply() string { w.Helper(); return w.run("apply", "-auto-approve") }

// fails applies and wants a failure that says all of these.
func (w *workspace) fails(wanted ...string) {
	w.Helper()
	code, output := w.exits("apply", "-auto-approve")
	if code == 0 {
		w.Fatalf("it applied:\n%s", output)
	}
	w.says(output, wanted...)
}

func (w *workspace) says(output string, wanted ...string) {
	w.Helper()
	flat := strings.Join(strings.Fields(strings.NewReplacer("│", "").Replace(output)), " ")
	for _, want := range wanted {
		if !strings.Contains(flat, want) {
			w.Errorf("no %q in:\n%s", want, output)
		}
	}
}

// plans wants a plan's exit code: 0 for no change, 2 for some.
func (w *workspace) plans(want int) string {
	w.Helper()
	code, output := w.exits("plan", "-detailed-exitcode")
	if code != want {
		w.Fatalf("the plan exits %d, want %d:\n%s", code, want, output)
	}
	return output
}

func (w *workspace) have(kind string, want int) []cloud.Resource {
	w.Helper()
	all, err := w.double.Account.List(kind)
	if err != nil {
		w.Fatal(err)
	}
	if len(all) != want {
		w.Fatalf("the account has %d %s, want %d: %v", len(all), kind, want, all)
	}
	return all
}

func TestLife(t *testing.T) {
	w := newWorkspace(t, network, cluster)
	w.says(w.plans(2), "4 to add", "+ endpoint = (known after apply)", "+ cluster_security_group_id = (known after apply)")
	w.apply()
	w.plans(0)
	var outputs map[string]struct{ Value string }
	if err := json.Unmarshal([]byte(w.run("output", "-json")), &outputs); err != nil {
		t.Fatal(err)
	}
	if endpoint := outputs["endpoint"].Value; !strings.HasSuffix(endpoint, ".eks.amazonaws.com") {
		t.Errorf("the cluster's endpoint is %q", endpoint)
	}
	if got := w.have("aws_vpc", 1)[0].Tags(); got["Name"] != "staging" || got["environment"] != "staging" {
		t.Errorf("the VPC's tags are %v", got)
	}

	w.write(strings.ReplaceAll(network, `Name = "staging"`, `Name = "other"`), cluster)
	w.says(w.plans(2), "0 to add, 1 to change, 0 to destroy")
	w.apply()
	w.plans(0)

	w.write(strings.ReplaceAll(network, "10.0.0.0/16", "10.1.0.0/16"), cluster)
	w.says(w.plans(2), "aws_vpc.main must be replaced", `cidr_block = "10.0.0.0/16" -> "10.1.0.0/16" # forces replacement`)

	w.run("destroy", "-auto-approve")
	w.have("", 0)
}

// TestWhole has Terraform take the whole schema, which the other tests don't.
func TestWhole(t *testing.T) {
	w := prepare(t, network)
	w.install()
	w.run("init")
	w.run("validate")
	w.write("resource \"aws_vpc\" \"main\" {\n  cidr = \"10.0.0.0/16\"\n}\nresource \"aws_no_such\" \"x\" {}\n")
	code, output := w.exits("validate")
	if code == 0 {
		t.Fatal("it takes an argument that there isn't")
	}
	w.says(output, `An argument named "cidr" is not expected here`, `does not support resource type "aws_no_such"`)
}

func TestImport(t *testing.T) {
	w := newWorkspace(t, network)
	w.apply()
	id := w.have("aws_vpc", 1)[0].ID
	w.run("state", "rm", "aws_vpc.main")
	w.run("import", "aws_vpc.main", id)
	w.plans(0)
	code, output := w.exits("import", "aws_subnet.b", "subnet-0")
	if code == 0 {
		t.Fatalf("it imported what is not there:\n%s", output)
	}
}

func TestDrift(t *testing.T) {
	w := newWorkspace(t, network)
	w.apply()
	w.control(cloud.Control{Drift: []cloud.Drift{
		{Type: "aws_vpc", Match: map[string]string{"tags.Name": "staging"}, Set: map[string]any{"enable_dns_support": false}},
		{Type: "aws_subnet", Match: map[string]string{"cidr_block": "10.0.16.0/20"}, Lose: true},
	}})
	w.says(w.plans(2), "enable_dns_support = false -> true", "aws_subnet.a[1] will be created", "1 to add, 1 to change, 0 to destroy")
	w.apply()
	w.plans(0)
}

func TestFaults(t *testing.T) {
	throttled := cloud.Fault{Operation: "create", Type: "aws_vpc", Times: 1, Code: "ThrottlingException", Message: "Rate exceeded"}
	late := cloud.Fault{Operation: "create", Type: "aws_eks_cluster", Times: 1, Late: true, Code: "ResourceLimitExceeded", Message: "no capacity"}
	for name, test := range map[string]struct {
		control cloud.Control
		wanted  []string
		tainted bool
	}{
		"throttled": {
			control: cloud.Control{Faults: []cloud.Fault{throttled}},
			wanted:  []string{"creating EC2 Vpc: operation error EC2: CreateVpc, https response error StatusCode: 400", "api error ThrottlingException: Rate exceeded"},
		},
		"late": {
			control: cloud.Control{Faults: []cloud.Fault{late}},
			wanted:  []string{"waiting for EKS Cluster", "no capacity"},
			tainted: true,
		},
		"quota": {
			control: cloud.Control{Quotas: map[string]int{"aws_vpc": 0}},
			wanted:  []string{"api error VpcLimitExceeded: The maximum number of vpcs has been reached."},
		},
		"denied": {
			control: cloud.Control{Denied: []string{"eks:CreateCluster"}},
			wanted:  []string{"StatusCode: 403", "api error AccessDeniedException", "is not authorized to perform: eks:CreateCluster"},
		},
		"expired": {
			control: cloud.Control{Credentials: "expired"},
			wanted:  []string{"api error ExpiredToken: The security token included in the request is expired"},
		},
		"missing": {
			control: cloud.Control{Credentials: "missing"},
			wanted:  []string{"No valid credential sources found"},
		},
		"wrong account": {
			control: cloud.Control{Account: "999999999999"},
			wanted:  []string{"AWS account ID not allowed: 999999999999"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t, network, cluster)
			w.control(test.control)
			w.fails(test.wanted...)
			w.control(cloud.Control{})
			if output := w.plans(2); test.tainted {
				w.says(output, "aws_eks_cluster.main is tainted, so must be replaced")
			}
			w.apply()
			w.plans(0)
			w.have("aws_eks_cluster", 1)
		})
	}
}

func TestDependency(t *testing.T) {
	w := newWorkspace(t, network)
	w.apply()
	subnet := w.have("aws_subnet", 2)[0].ID
	left := cloud.Resource{Type: "aws_lb", ID: "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/k8s/1", Attributes: map[string]any{"subnets": []any{subnet}}}
	if err := w.double.Account.Add(left); err != nil {
		t.Fatal(err)
	}
	code, output := w.exits("destroy", "-auto-approve")
	if code == 0 {
		t.Fatal("it destroyed a subnet under a load balancer")
	}
	w.says(output, "api error DependencyViolation: The subnet '"+subnet+"' has dependencies and cannot be deleted.")
	if err := w.double.Account.Remove(left.Type, left.ID); err != nil {
		t.Fatal(err)
	}
	w.run("destroy", "-auto-approve")
	w.have("", 0)
}

// TestEnds ends an apply in the middle: by an interrupt, and by a kill of
// Terraform and the provider at once.
func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		stop   string
		signal syscall.Signal
		next   string // what the next plan says
	}{
		"interrupted":         {signal: syscall.SIGINT, next: "aws_eks_cluster.main is tainted, so must be replaced"},
		"interrupted, kindly": {signal: syscall.SIGINT, stop: "finish", next: "without changing any real infrastructure"},
		"killed":              {signal: syscall.SIGKILL, next: "aws_eks_cluster.main will be created"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t, network, cluster)
			wait := "1h"
			if test.stop == "finish" {
				wait = "3s"
			}
			w.control(cloud.Control{Scale: 1, Stop: test.stop, Durations: map[string]map[string]string{
				"aws_vpc": {"create": "0s"}, "aws_subnet": {"create": "0s"}, "aws_eks_cluster": {"create": wait, "delete": "0s"},
			}})
			command, output := w.command("apply", "-auto-approve")
			command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
				all, err := w.double.Account.List("aws_eks_cluster")
				if err != nil {
					t.Fatal(err)
				}
				if len(all) == 1 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("no cluster is being made:\n%s", output)
				}
			}
			target := command.Process.Pid
			if test.signal == syscall.SIGKILL {
				target = -target
			}
			if err := syscall.Kill(target, test.signal); err != nil {
				t.Fatal(err)
			}
			_ = command.Wait() // its exit code is not what this is about
			w.have("aws_eks_cluster", 1)
			w.have("aws_vpc", 1)
			w.control(cloud.Control{})
			if code, output := w.exits("plan"); code != 0 || !strings.Contains(output, test.next) {
				t.Errorf("the next plan exits %d and does not say %q:\n%s", code, test.next, output)
			}
			if test.signal == syscall.SIGKILL { // it is in the account, and not in the state
				w.fails("api error ResourceInUseException: staging already exists")
			}
		})
	}
}

// TestDeletions has AWS refuse a deletion until what speaks against it is gone.
func TestDeletions(t *testing.T) {
	w := newWorkspace(t, `
resource "aws_db_instance" "main" {
  identifier          = "main"
  instance_class      = "db.t4g.small"
  deletion_protection = true
}
resource "aws_kms_key" "main" {}
resource "aws_secretsmanager_secret" "main" {
  name = "main"
}
resource "aws_secretsmanager_secret" "brief" {
  name                    = "brief"
  recovery_window_in_days = 0
}
`)
	w.apply()
	code, output := w.exits("destroy", "-auto-approve")
	if code == 0 {
		t.Fatal("it destroyed a protected database")
	}
	w.says(output, "api error InvalidParameterCombination: Cannot delete protected DB Instance")
	w.write(`
resource "aws_db_instance" "main" {
  identifier     = "main"
  instance_class = "db.t4g.small"
}
`)
	w.apply()
	code, output = w.exits("destroy", "-auto-approve")
	if code == 0 {
		t.Fatal("it destroyed a database without a last snapshot")
	}
	w.says(output, "final_snapshot_identifier is required when skip_final_snapshot is false")
	lingering, err := w.double.Account.Lingering("")
	if err != nil || len(lingering) != 2 {
		t.Errorf("the key and the secret should be deleted, and still there: %v, %v", lingering, err)
	}
	w.write(`
resource "aws_secretsmanager_secret" "brief" {
  name = "brief"
}
resource "aws_secretsmanager_secret" "main" {
  name = "main"
}
resource "aws_db_instance" "main" {
  identifier          = "main"
  instance_class      = "db.t4g.small"
  skip_final_snapshot = true
}
`)
	w.fails("api error InvalidRequestException: You can't create this secret because a secret with this name is already scheduled for deletion.")
	w.have("aws_secretsmanager_secret", 1)
}
