package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/creack/pty"

	"github.com/pocctl/pocctl/test/awsdouble/api"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// resources is how many the small root module makes.
const resources = 8

// whole fails the test unless everything is there, once.
func (w *world) whole() {
	w.t.Helper()
	made := 0
	for _, kind := range []string{"aws_vpc", "aws_eip", "aws_subnet", "aws_nat_gateway", "aws_elasticache_subnet_group", "aws_sqs_queue", "aws_route53_zone"} {
		made += w.count(kind)
	}
	if made != resources {
		w.t.Errorf("there are %d resources, want %d", made, resources)
	}
}

// TestApplyFails mends an apply that fails in its middle, and then looks at drift.
func TestApplyFails(t *testing.T) {
	w := small(t)
	w.control(cloud.Control{Faults: []cloud.Fault{{Operation: "create", Type: "aws_nat_gateway", Code: "InvalidSubnet", Message: "no such subnet"}}})
	w.refused(w.pocctl("up", "-o", "json"), 1, "apply-failed", "aws_nat_gateway.this", "no such subnet")
	if w.count("aws_vpc") != 1 || w.count("aws_nat_gateway") != 0 || w.count("aws_sqs_queue") != 0 {
		t.Error("the apply did not fail in its middle")
	}
	w.control(cloud.Control{})
	w.must(w.pocctl("up"))
	w.whole()

	w.control(cloud.Control{Drift: []cloud.Drift{{Type: "aws_vpc", Set: map[string]any{"enable_dns_support": false}}}})
	w.refused(w.pocctl("plan", "--drift", "-o", "json"), 8, "drifted", "1 resource")
	w.must(w.pocctl("up"))
	w.control(cloud.Control{})
	w.must(w.pocctl("plan", "--drift"))

	w.lock()
	w.control(cloud.Control{Drift: []cloud.Drift{{Type: "aws_vpc", Set: map[string]any{"enable_dns_hostnames": false}}}})
	w.refused(w.pocctl("up", "-o", "json"), 1, "state-locked", "somebody@elsewhere")
}

// TestApplyFailsBeforeTheCluster has a release wait for a cluster that does not come.
func TestApplyFailsBeforeTheCluster(t *testing.T) {
	w := small(t)
	repository := serveCharts(t, map[string]string{"metrics-server": "3.13.0"})
	w.write("staging.yaml", smallEnvironment+"releases:\n  - {name: metrics-server, chart: metrics-server, version: 3.13.0, repository: \""+repository+"\"}\n")
	w.control(cloud.Control{Faults: []cloud.Fault{{Operation: "create", Type: "aws_nat_gateway", Code: "InvalidSubnet", Message: "no such subnet"}}})
	w.refused(w.pocctl("up", "-o", "json"), 1, "apply-failed", "no such subnet", "without a cluster that takes releases")
}

// TestThrottled passes what goes away by itself.
func TestThrottled(t *testing.T) {
	w := small(t)
	w.control(cloud.Control{Faults: []cloud.Fault{{Operation: "create", Type: "aws_sqs_queue", Code: "ThrottlingException", Message: "Rate exceeded", Times: 1}}})
	r := w.pocctl("up")
	w.must(r)
	if !strings.Contains(r.stderr, "Rate exceeded") || !strings.Contains(r.stderr, "tried again") {
		t.Errorf("it says nothing of the second try:\n%s", r.stderr)
	}
	w.whole()
}

// lock takes the lock of the state, as another run of Terraform does.
func (w *world) lock() {
	w.t.Helper()
	settings, err := config.LoadDefaultConfig(w.t.Context(), config.WithRegion("eu-west-1"), config.WithBaseEndpoint(w.server.URL),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(api.AccessKey, api.SecretKey, "")))
	if err != nil {
		w.t.Fatal(err)
	}
	client := s3.NewFromConfig(settings, func(options *s3.Options) { options.UsePathStyle = true })
	holder, err := json.Marshal(map[string]string{
		"ID": "8d4b7a5e-0000-4000-8000-000000000000", "Operation": "OperationTypeApply", "Who": "somebody@elsewhere",
		"Version": "1.11.4", "Created": time.Now().UTC().Format(time.RFC3339), "Path": "pocctl.tfstate",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	bucket := "pocctl-state-" + account + "-eu-west-1"
	found, err := client.ListObjectsV2(w.t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, object := range found.Contents {
		if key := aws.ToString(object.Key); strings.HasSuffix(key, ".tfstate") {
			_, err = client.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(key + ".tflock"), Body: bytes.NewReader(holder)})
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// slow makes the network's gateway take a few seconds.
func slow() cloud.Control {
	return cloud.Control{Scale: 1, Stop: "finish", Durations: durations("6s")}
}

func durations(gateway string) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, kind := range []string{"aws_vpc", "aws_eip", "aws_subnet", "aws_nat_gateway", "aws_elasticache_subnet_group", "aws_sqs_queue", "aws_route53_zone"} {
		all[kind] = map[string]string{"create": "0s", "delete": "0s", "update": "0s"}
	}
	all["aws_nat_gateway"]["create"] = gateway
	return all
}

// during runs up, and sends a signal while the gateway is being made.
func (w *world) during(signal syscall.Signal) (exit int, said string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	command := w.command(ctx, "up")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		w.t.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for w.count("aws_subnet") == 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatal("the subnet is not made")
		}
	}
	if err := command.Process.Signal(signal); err != nil {
		w.t.Fatal(err)
	}
	_ = command.Wait() // its code is looked at
	return command.ProcessState.ExitCode(), stderr.String()
}

// TestInterrupted presses Ctrl-C once in an apply: Terraform finishes what it is at, and
// the next run goes on.
func TestInterrupted(t *testing.T) {
	w := small(t)
	w.control(slow())
	if exit, said := w.during(syscall.SIGINT); exit != 130 {
		t.Fatalf("exit %d\n%s", exit, tail(said))
	}
	if w.count("aws_nat_gateway") != 1 || w.count("aws_sqs_queue") != 0 {
		t.Errorf("%d gateways and %d queues: it did not stop between the two", w.count("aws_nat_gateway"), w.count("aws_sqs_queue"))
	}
	w.control(cloud.Control{})
	w.must(w.pocctl("up"))
	w.whole()
	w.must(w.pocctl("plan", "--drift"))
}

// TestKilled kills pocctl in an apply: Terraform outlives it, and the next run waits for
// its end and goes on.
func TestKilled(t *testing.T) {
	w := small(t)
	w.control(slow())
	w.during(syscall.SIGKILL)
	r := w.pocctl("up")
	w.must(r)
	if !strings.Contains(r.stderr, "an earlier run was killed") {
		t.Errorf("it does not say what it waited for:\n%s", tail(r.stderr))
	}
	w.whole()
}

// TestDown takes everything away, what Kubernetes made first, and finds what is left.
func TestDown(t *testing.T) {
	w := small(t)
	w.must(w.pocctl("up"))
	w.refused(w.pocctl("down", "-o", "json"), 2, "not-confirmed", "--yes")
	if exit, said := w.answer("stagign", "down"); exit != 2 || !strings.Contains(said, "its name was not typed") {
		t.Errorf("a slip of the hand: exit %d\n%s", exit, tail(said))
	}
	w.whole()
	const balancer = "arn:aws:elasticloadbalancing:eu-west-1:" + account + ":loadbalancer/app/k8s-shop/0123456789abcdef"
	w.add(cloud.Resource{Type: "aws_lb", ID: balancer, Attributes: map[string]any{
		"arn": balancer, "name": "k8s-shop", "tags": map[string]any{"elbv2.k8s.aws/cluster": "pocctl-staging"}, "tags_all": map[string]any{"elbv2.k8s.aws/cluster": "pocctl-staging"},
	}})
	exit, said := w.answer("staging", "down")
	if exit != 0 {
		t.Fatalf("exit %d\n%s", exit, tail(said))
	}
	if w.count("aws_lb")+w.count("aws_vpc")+w.count("aws_nat_gateway") != 0 || !strings.Contains(said, "k8s-shop") {
		t.Errorf("%d load balancers and %d networks are left\n%s", w.count("aws_lb"), w.count("aws_vpc"), tail(said))
	}
	if _, err := os.Stat(w.home + "/state/staging/terraform"); !os.IsNotExist(err) {
		t.Errorf("Terraform's folder is left: %v", err)
	}
}

// answer runs pocctl on a terminal, and types the answer to its question.
func (w *world) answer(typed string, args ...string) (exit int, said string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	command := w.command(ctx, args...)
	terminal, err := pty.Start(command)
	if err != nil {
		w.t.Fatal(err)
	}
	defer terminal.Close()
	var screen bytes.Buffer
	buffer := make([]byte, 4096)
	asked := false
	for {
		count, err := terminal.Read(buffer)
		screen.Write(buffer[:count])
		if !asked && strings.Contains(screen.String(), "Is all of it to go") {
			asked = true
			if _, err := terminal.WriteString(typed + "\n"); err != nil {
				w.t.Fatal(err)
			}
		}
		if err != nil { // the end, which a terminal tells as an error
			break
		}
	}
	_ = command.Wait() // its code is looked at
	w.t.Logf("%s, answered with %s: exit %d", args[0], typed, command.ProcessState.ExitCode())
	return command.ProcessState.ExitCode(), screen.String()
}

// TestLeftovers has something with the environment's tag stay behind.
func TestLeftovers(t *testing.T) {
	w := small(t)
	w.must(w.pocctl("up"))
	tags := map[string]any{"pocctl:environment": "staging"}
	const topic = "arn:aws:sns:eu-west-1:" + account + ":by-hand"
	w.add(cloud.Resource{Type: "aws_sns_topic", ID: topic, Attributes: map[string]any{"arn": topic, "name": "by-hand", "tags": tags, "tags_all": tags}})
	w.refused(w.pocctl("down", "--yes", "-o", "json"), 7, "left-behind", topic)
}
