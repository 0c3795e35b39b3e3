package awsdouble_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/test/awsdouble/api"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

const backend = `
terraform {
  backend "s3" {
    bucket       = "pocctl-state"
    key          = "pocctl.tfstate"
    region       = "eu-west-1"
    use_lockfile = true
  }
}
`

// TestBackend keeps Terraform's state in the double of S3, with its own locking.
func TestBackend(t *testing.T) {
	w := prepare(t, network, backend)
	server := api.Serve(t, w.double.Account)
	w.environment = append(w.environment, server.Environment()...)
	bucket := cloud.Resource{Type: "aws_s3_bucket", ID: "pocctl-state", Attributes: map[string]any{"region": "eu-west-1"}}

	code, output := w.exits("init")
	if code == 0 {
		t.Fatalf("it works without a bucket:\n%s", output)
	}
	w.says(output, "S3 bucket", "does not exist")
	if err := w.double.Account.Add(bucket); err != nil {
		t.Fatal(err)
	}
	w.run("init")
	w.run("workspace", "new", "staging")
	w.apply()
	w.plans(0)
	w.have("aws_vpc", 1)

	lock := "env:/staging/pocctl.tfstate.tflock"
	if !slices.Contains(server.Calls(), "s3:PutObject") {
		t.Errorf("the state is not in the bucket; calls: %v", server.Calls())
	}
	held := w.object("PUT", server.URL+"/pocctl-state/"+lock, `{"ID":"7c1a","Operation":"OperationTypeApply","Info":"","Who":"ci@runner","Version":"1.11.4","Created":"2026-01-01T00:00:00Z","Path":"pocctl-state/env:/staging/pocctl.tfstate"}`)
	if held != 200 {
		t.Fatalf("the lock is answered with %d", held)
	}
	code, output = w.exits("plan", "-lock-timeout=0s")
	if code == 0 {
		t.Fatalf("it plans under another's lock:\n%s", output)
	}
	w.says(output, "Error acquiring the state lock", "PreconditionFailed", "ci@runner")
	if gone := w.object("DELETE", server.URL+"/pocctl-state/"+lock, ""); gone != 204 {
		t.Fatalf("the lock's deletion is answered with %d", gone)
	}
	w.run("destroy", "-auto-approve")
	if left, _ := w.double.Account.List("aws_vpc"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if problem := strings.Join(server.Calls(), " "); strings.Contains(problem, "s3:GET") {
		t.Errorf("it asked for something that the double has not: %s", problem)
	}

	if err := w.double.Account.SetControl(cloud.Control{Credentials: "expired"}); err != nil {
		t.Fatal(err)
	}
	code, output = w.exits("plan")
	if code == 0 {
		t.Fatalf("it plans with expired credentials:\n%s", output)
	}
	w.says(output, "ExpiredToken")
}
