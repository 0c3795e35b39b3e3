package stack

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/charts"
	"github.com/pocctl/pocctl/internal/config"
	"github.com/pocctl/pocctl/internal/deploy"
	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
)

func awsEnvironment(t *testing.T, name string) config.Environment {
	t.Helper()
	source, err := config.OpenSource("")
	if err != nil {
		t.Fatal(err)
	}
	environment, err := config.ReadEnvironment(source, name)
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

// TestReleasesBeginBeforeTerraformEnds holds what waits for the cluster alone, and what
// for Terraform.
func TestReleasesBeginBeforeTerraformEnds(t *testing.T) {
	s, err := New(Options{Environment: awsEnvironment(t, "staging"), Charts: charts.Files, Definitions: charts.Definitions, StateDirectory: t.TempDir(), Binary: "/pocctl"})
	if err != nil {
		t.Fatal(err)
	}
	steps := s.Steps()
	if _, err := flow.Plan(steps, flow.Selection{}); err != nil {
		t.Fatal(err)
	}
	needs := map[string][]string{}
	for _, step := range steps {
		needs[step.Name] = step.DependsOn
		if step.Deadline == 0 || step.Budget == 0 {
			t.Errorf("%s has no deadline or no budget", step.Name)
		}
	}
	var waits func(name, other string) bool
	waits = func(name, other string) bool {
		return slices.ContainsFunc(needs[name], func(one string) bool { return one == other || waits(one, other) })
	}
	if diff := cmp.Diff([]string{"provision/state"}, needs["provision/cluster"]); diff != "" {
		t.Errorf("provision/cluster -want +got\n%s", diff)
	}
	for _, name := range []string{"secrets", "definitions", "metrics-server", "kyverno", "policies", "external-secrets", "kube-prometheus-stack", "argo-rollouts", "grafana-secrets", "observability"} {
		if step := "deploy/" + name; waits(step, TerraformStep) || !waits(step, ClusterStep) {
			t.Errorf("%s waits for Terraform, or not for the cluster: %v", step, needs[step])
		}
	}
	for _, name := range []string{"cluster-autoscaler", "load-balancer-controller", "issuer", "backend"} {
		if step := "deploy/" + name; !waits(step, outputsStep) || !waits(step, ClusterStep) {
			t.Errorf("%s does not wait for Terraform's outputs and the cluster: %v", step, needs[step])
		}
	}
	if !waits("smoke/transaction", "deploy/backend") || !waits("smoke/transaction", outputsStep) {
		t.Errorf("smoke does not wait: %v", needs["smoke/transaction"])
	}
}

// outputs are what Terraform puts out, as far as environments name it.
func outputs() map[string]any {
	return map[string]any{
		"cluster_name": "pocctl-staging", "database_secret_arn": "arn:aws:secretsmanager:eu-west-1:1:secret:rds", "redis_secret_arn": "arn:aws:secretsmanager:eu-west-1:1:secret:redis",
		"database_endpoint": "db.example.com:5432", "database_name": "backend", "redis_endpoint": "redis.example.com:6379",
		"load_balancer_controller_values": map[string]any{"clusterName": "pocctl-staging", "region": "eu-west-1", "vpcId": "vpc-1"},
		"ingress_annotations": map[string]any{
			"group.name": "pocctl-staging", "scheme": "internet-facing", "target-type": "ip", "listen-ports": `[{"HTTPS":443}]`, "ssl-policy": "a",
			"certificate-arn": "arn:certificate", "load-balancer-name": "pocctl-staging", "subnets": "subnet-1,subnet-2", "security-groups": "sg-1",
			"manage-backend-security-group-rules": "false", "wafv2-acl-arn": "arn:acl",
		},
	}
}

// made is a platform that Terraform has made.
type made struct{ standIn }

func (*made) outputs() (map[string]any, error) { return outputs(), nil }

// TestAWSReleasesRender renders the built-in charts with the values of the environments.
func TestAWSReleasesRender(t *testing.T) {
	for _, name := range []string{"staging", "prod"} {
		environment := awsEnvironment(t, name)
		s := &Stack{platform: &made{standIn{ingress: "https://" + environment.AWS.Domain}}, options: Options{Charts: charts.Files, Environment: environment}}
		for _, wanted := range environment.Releases {
			if wanted.Repository != "" {
				continue
			}
			release, err := s.release(wanted)
			if err != nil {
				t.Errorf("%s: %v", wanted.Name, err)
				continue
			}
			rendered, err := deploy.Render(release)
			if err != nil {
				t.Errorf("%s of %s: %v", wanted.Name, name, err)
				continue
			}
			if strings.Contains(rendered.Manifest, "$(outputs") {
				t.Errorf("%s of %s has outputs that were not filled in", wanted.Name, name)
			}
			if wanted.Name == "backend" && !strings.Contains(rendered.Manifest, "alb.ingress.kubernetes.io/subnets: subnet-1,subnet-2") {
				t.Errorf("backend of %s does not go through the load balancer:\n%s", name, rendered.Manifest)
			}
		}
	}
}

func TestOutputUnknown(t *testing.T) {
	s := &Stack{platform: &made{standIn{}}, options: Options{Charts: charts.Files}}
	_, err := s.release(config.Release{Name: "a", Chart: "policies", Values: map[string]any{"b": "$(outputs.cluster_nane)"}})
	if problem := fault.From(err); problem == nil || problem.Code != fault.OutputUnknown || !strings.Contains(problem.Fix, "cluster_name, database_endpoint") {
		t.Errorf("got %+v", problem)
	}
}

func TestTakenAwayLastFirst(t *testing.T) {
	var got []string
	for _, one := range ordered([]config.Release{{Name: "a"}, {Name: "b", DependsOn: []string{"a"}}, {Name: "c"}, {Name: "d", DependsOn: []string{"b", "c"}}}) {
		got = append(got, one.Name)
	}
	if diff := cmp.Diff([]string{"d", "b", "a", "c"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
