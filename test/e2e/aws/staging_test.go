package aws

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/pocctl/pocctl/test/awsdouble/balancer"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
	"github.com/pocctl/pocctl/test/awsdouble/cluster"
	"github.com/pocctl/pocctl/test/e2e/harness"
)

// behind is the environment that stands behind the double: its API server is that of
// the EKS cluster, its Postgres the database, its Redis the cache.
const behind = `kind: local
namespace: backing
ingress: {address: 127.0.0.1:18080}
secrets:
  - {name: postgres-auth, keys: [password]}
  - {name: redis-auth, keys: [password]}
releases:
  - {name: postgres, chart: postgres}
  - {name: redis, chart: redis}
  # That of staging's chart, whose operator is operator.go.
  - name: prometheus
    chart: prometheus
    namespace: monitoring
    values:
      fullnameOverride: kube-prometheus-stack-prometheus
      url: http://kube-prometheus-stack-prometheus.monitoring:9090
      ingress: {enabled: false}
      scrapeInterval: 2s
      scrape: []
`

// seconds of Terraform that AWS would take, times this, is what the double takes.
const scale = 0.05

// run is the part of pocctl.run/v1 that is looked at.
type run struct {
	Status  string  `json:"status"`
	Seconds float64 `json:"seconds"`
	Phases  []struct {
		Name  string `json:"name"`
		Steps []step `json:"steps"`
	} `json:"phases"`
	Canary *struct {
		Verdict  string `json:"verdict"`
		Weight   int    `json:"weight"`
		Requests int64  `json:"requests"`
	} `json:"canary"`
	SLO []struct {
		Name     string  `json:"name"`
		Verdict  string  `json:"verdict"`
		Observed float64 `json:"observed"`
		Samples  int64   `json:"samples"`
	} `json:"slo"`
	Error *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

type step struct {
	Name    string  `json:"name"`
	Status  string  `json:"status"`
	Start   float64 `json:"startSeconds"`
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail"`
}

func (r run) steps() map[string]step {
	all := map[string]step{}
	for _, phase := range r.Phases {
		for _, one := range phase.Steps {
			all[one.Name] = one
		}
	}
	return all
}

// stage is an environment on the double, with the cluster behind it.
type stage struct {
	*world
	box *harness.Sandbox
}

// newStage brings the cluster behind up, and writes staging's file with the double's
// account and charts.
func newStage(t *testing.T) *stage {
	t.Helper()
	box := harness.New(t)
	box.Env = box.Write("behind.yaml", behind)
	box.Must(box.Pocctl("up", "--skip", "smoke,canary,verify"))
	s := &stage{world: newWorld(t, stagingFile(t)), box: box}
	target, err := clientcmd.BuildConfigFromFlags("", box.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	served := cluster.Serve(t, s.account, "pocctl-staging", target)
	s.control(cloud.Control{Scale: scale, Values: served.Values()})
	s.fillSecrets()
	proxy, authority := internet(t, balancer.Serve(t, target))
	s.extra = append(s.extra, "HTTPS_PROXY="+proxy, "SSL_CERT_FILE="+s.write("authority.pem", string(authority)))
	return s
}

// stagingFile is staging as it is delivered, but for the account, and for charts and
// values that the cluster behind has no images for.
func stagingFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout(t), "config", "environments", "staging.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	content := strings.Replace(string(text), `"000000000000"`, `"`+account+`"`, 1)
	content = swap(t, content, "chart: observability\n", "chart: observability\n    repository: https://charts.example.com\n    version: 0.1.0\n")
	// docs/adr/0022 says why a pod behind may name no account.
	content = swap(t, content, "      ingress: {className: alb, annotations: *edge}\n", "      ingress: {className: alb, annotations: *edge}\n      serviceAccount: {create: false}\n")
	content = swap(t, content, "preStopSleepSeconds: 20", "preStopSleepSeconds: 0")
	content = swap(t, content, "stepSeconds: 60", "stepSeconds: 10")
	content = swap(t, content, "rate: 50", "rate: 90")
	content = swap(t, content, "duration: 60s", "duration: 30s")
	versions := map[string]string{}
	for _, found := range regexp.MustCompile(`chart: (\S+)\n    repository: \S+\n    version: (\S+)\n`).FindAllStringSubmatch(content, -1) {
		versions[found[1]] = found[2]
	}
	return regexp.MustCompile(`repository: https://\S+`).ReplaceAllString(content, "repository: "+serveCharts(t, versions))
}

func swap(t *testing.T, content, old, fresh string) string {
	t.Helper()
	if strings.Count(content, old) != 1 {
		t.Fatalf("staging.yaml has %q %d times", old, strings.Count(content, old))
	}
	return strings.Replace(content, old, fresh, 1)
}

// fillSecrets does what External Secrets would do.
func (s *stage) fillSecrets() {
	s.t.Helper()
	password := func(name string) string {
		return s.box.Must(s.box.Kubectl("-n", "backing", "get", "secret", name, "-o", "go-template={{.data.password | base64decode}}"))
	}
	s.box.Apply(fmt.Sprintf(`apiVersion: v1
kind: Namespace
metadata: {name: pocctl}
---
apiVersion: v1
kind: Secret
metadata: {name: backend-database, namespace: pocctl}
stringData: {url: "postgres://backend:%s@postgres.backing:5432/backend?sslmode=disable"}
---
apiVersion: v1
kind: Secret
metadata: {name: backend-redis, namespace: pocctl}
stringData: {url: "redis://:%s@redis.backing:6379/0"}
---
apiVersion: v1
kind: Secret
metadata: {name: issuer-auth, namespace: pocctl}
stringData: {viewer: viewers-secret-0123456789, editor: editors-secret-0123456789, admin: admins-secret-0123456789, password: peoples-secret-0123456789}
`, password("postgres-auth"), password("redis-auth")))
}

// run runs a command that prints what it did, and wants its exit code.
func (s *stage) run(exit int, args ...string) run {
	s.t.Helper()
	r := s.pocctl(append(args, "-o", "json")...)
	if r.exit != exit {
		s.t.Fatalf("exit %d, want %d\nstdout: %s\nstderr: %s", r.exit, exit, r.stdout, tail(r.stderr))
	}
	var document run
	if err := json.Unmarshal([]byte(r.stdout), &document); err != nil {
		s.t.Fatalf("stdout is no JSON document: %v\n%s", err, r.stdout)
	}
	return document
}

// kubectl runs the distribution's with the kubeconfig that pocctl made.
func (s *stage) kubectl(args ...string) result {
	s.t.Helper()
	kubeconfig := strings.TrimSpace(s.must(s.pocctl("kubeconfig", "--path")))
	return s.finish(s.program(s.t.Context(), "kubectl", append([]string{"--kubeconfig", kubeconfig}, args...)...))
}

// TestStaging brings staging up, as it is delivered, and takes it down again.
func TestStaging(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	t.Run("up", s.comesUp)
	if t.Failed() {
		return
	}
	t.Run("up again, whole", s.isWhole)
	t.Run("a bad version", s.takesBack)
	t.Run("plan", s.isPlanned)
	t.Run("another machine", s.reachedFromElsewhere)
	t.Run("down", s.goesDown)
}

func (s *stage) comesUp(t *testing.T) {
	s.t = t
	steps := s.run(0, "up", "--skip", "smoke,canary,verify").steps()
	terraform := steps["provision/terraform"]
	for _, name := range []string{"provision/cluster", "deploy/metrics-server", "deploy/kyverno", "deploy/policies", "deploy/external-secrets", "deploy/kube-prometheus-stack"} {
		if one := steps[name]; one.Status != "passed" || one.Start > terraform.Start+terraform.Seconds {
			t.Errorf("%s began at %.1f s and %s; Terraform ended at %.1f s", name, one.Start, one.Status, terraform.Start+terraform.Seconds)
		}
	}
	const cluster = 9 * 60 * scale // seconds that it is being made for
	if waited := steps["provision/cluster"].Seconds; waited < cluster {
		t.Errorf("the cluster took releases after %.1f s, and is not made in less than %.1f s", waited, cluster)
	}
	s.tookAsPredicted(terraform.Detail)
	t.Logf("the cluster took releases from %.1f s on; Terraform ended at %.1f s", steps["deploy/metrics-server"].Start, terraform.Start+terraform.Seconds)

	if pods := s.must(s.kubectl("-n", "pocctl", "get", "pods")); strings.Count(pods, "Running") < 5 {
		t.Errorf("too few pods run:\n%s", pods)
	}
	values := s.must(s.kubectl("-n", "kube-system", "get", "configmap", "load-balancer-controller-values", "-o", "jsonpath={.data.values}"))
	if !strings.Contains(values, `"clusterName":"pocctl-staging"`) || !strings.Contains(values, `"vpcId":"vpc-`) || !strings.Contains(values, `"pocctl:environment":"staging"`) {
		t.Errorf("the load balancer controller was told %s", values)
	}
	annotations := s.must(s.kubectl("-n", "pocctl", "get", "ingress", "backend", "-o", "jsonpath={.metadata.annotations}"))
	if !strings.Contains(annotations, `"alb.ingress.kubernetes.io/certificate-arn":"arn:aws:acm:`) {
		t.Errorf("the Ingress is annotated with %s", annotations)
	}
	store := s.must(s.kubectl("-n", "pocctl", "get", "externalsecret", "backend-database", "-o", "jsonpath={.spec}"))
	if !strings.Contains(store, `arn:aws:secretsmanager:`) || !strings.Contains(store, `rds.amazonaws.com:5432/`) {
		t.Errorf("the database's secret is described as %s", store)
	}
	if info, err := os.Stat(filepath.Join(s.home, "state", "staging", "kubeconfig")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the kubeconfig: %v, %v", info, err)
	}
}

// tookAsPredicted holds the apply to its prediction. What Terraform itself takes weighs
// the more the quicker AWS is, and here that is 1/scale times as quick.
func (s *stage) tookAsPredicted(detail string) {
	s.t.Helper()
	found := regexp.MustCompile(`replaced in (.+); (.+) was predicted`).FindStringSubmatch(detail)
	if found == nil {
		s.t.Fatalf("the apply says %q", detail)
	}
	read := func(text string) float64 {
		length, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			s.t.Fatal(err)
		}
		return length.Seconds()
	}
	off := read(found[1])/(read(found[2])*scale) - 1
	s.t.Logf("the apply took %s at %g of the time, with %s predicted: %+.0f%%", found[1], scale, found[2], 100*off)
	const most = 0.35 // for machines that are busy with other tests
	if off > most || off < -0.1 {
		s.t.Errorf("the prediction is off by %+.0f%%", 100*off)
	}
}

// isWhole does all that up does: what is there stays, the service is asked as people do,
// by its domain and with tokens of its issuer, its version is delivered as a canary, by
// the load balancer's weights, and is held to the objectives.
func (s *stage) isWhole(t *testing.T) {
	s.t = t
	before := s.count("")
	operate(s)
	document := s.run(0, "up")
	for name, one := range document.steps() {
		if (strings.HasPrefix(name, "deploy/") && name != "deploy/secrets" || name == "provision/terraform") && one.Detail != "already so" {
			t.Errorf("%s had something to do: %s", name, one.Detail)
		}
	}
	for _, name := range []string{"smoke/components", "smoke/migrations", "smoke/login", "smoke/transaction", "canary/backend", "verify/slo"} {
		if one := document.steps()[name]; one.Status != "passed" {
			t.Errorf("%s %s: %s", name, one.Status, one.Detail)
		}
	}
	if document.Canary == nil || document.Canary.Verdict != "promoted" || document.Canary.Requests < 300 {
		t.Errorf("canary: %+v", document.Canary)
	}
	for _, objective := range document.SLO {
		if objective.Verdict != "met" {
			t.Errorf("objective %s is %s: %v of %d", objective.Name, objective.Verdict, objective.Observed, objective.Samples)
		}
	}
	if len(document.SLO) == 0 {
		t.Error("no objective was judged")
	}
	if after := s.count(""); after != before {
		t.Errorf("there were %d resources, and now there are %d", before, after)
	}
}

// takesBack ships a version that is bad.
func (s *stage) takesBack(t *testing.T) {
	s.t = t
	stable := func() string {
		return s.must(s.kubectl("-n", "pocctl", "get", "rollouts.argoproj.io/backend", "-o", "jsonpath={.status.stableRS} {.status.phase}"))
	}
	before := stable()
	document := s.run(5, "canary", "--set", "config.extra.POCCTL_FAULT_ERROR_PERCENT=5")
	if document.Error == nil || document.Error.Code != "canary-rolled-back" || document.Canary == nil || document.Canary.Verdict != "rolled-back" || document.Canary.Weight > 50 {
		t.Errorf("error %+v, canary %+v", document.Error, document.Canary)
	}
	if after := stable(); after != before {
		t.Errorf("stable is %s, was %s", after, before)
	}
}

func (s *stage) isPlanned(t *testing.T) {
	s.t = t
	var document struct {
		Steps []struct {
			Name string `json:"name"`
			Done bool   `json:"done"`
		} `json:"steps"`
		Infrastructure struct {
			Counts map[string]int `json:"counts"`
			Kept   int            `json:"kept"`
			Cost   struct {
				Asked struct {
					Prices int `json:"prices"`
				} `json:"asked"`
			} `json:"cost"`
		} `json:"infrastructure"`
		Releases []struct {
			Release string            `json:"release"`
			Changes []json.RawMessage `json:"changes"`
		} `json:"releases"`
	}
	before := s.extra
	log := s.timeTerraform()
	planned := s.pocctl("plan", "--prices", "api", "-o", "json")
	s.extra = before
	out := s.must(planned)
	t.Logf("plan took %.1f s, %.1f of them without Terraform", planned.seconds, planned.seconds-covered(t, log))
	if err := json.Unmarshal([]byte(out), &document); err != nil {
		t.Fatal(err)
	}
	if document.Infrastructure.Counts["add"] != 0 || document.Infrastructure.Kept < 200 {
		t.Errorf("Terraform would change %v, and keep %d", document.Infrastructure.Counts, document.Infrastructure.Kept)
	}
	if asked := document.Infrastructure.Cost.Asked.Prices; asked < 3 {
		t.Errorf("AWS' price list told %d prices: machines, database and cache have one each", asked)
	}
	for _, release := range document.Releases {
		if len(release.Changes) > 0 {
			t.Errorf("release %s would change: %s", release.Release, release.Changes)
		}
	}
}

// reachedFromElsewhere is another machine, which has made nothing.
func (s *stage) reachedFromElsewhere(t *testing.T) {
	s.t = t
	kubeconfig := strings.TrimSpace(s.must(s.pocctl("kubeconfig", "--path", "--state-dir", filepath.Join(s.home, "elsewhere"))))
	if !strings.Contains(kubeconfig, "elsewhere") {
		t.Fatalf("the kubeconfig is %s", kubeconfig)
	}
	nodes := s.must(s.finish(s.program(t.Context(), "kubectl", "--kubeconfig", kubeconfig, "get", "nodes")))
	if !strings.Contains(nodes, "Ready") {
		t.Errorf("there are these nodes:\n%s", nodes)
	}
}

func (s *stage) goesDown(t *testing.T) {
	s.t = t
	r := s.pocctl("down", "--yes")
	s.must(r)
	for _, kind := range []string{"aws_vpc", "aws_eks_cluster", "aws_db_instance", "aws_elasticache_replication_group", "aws_lb"} {
		if left := s.count(kind); left > 0 {
			t.Errorf("%d of %s are left", left, kind)
		}
	}
	if pods := s.box.Must(s.box.Kubectl("get", "ingress,configmap", "-A", "-o", "name")); strings.Contains(pods, "ingress/backend") || strings.Contains(pods, "load-balancer-controller-values") {
		t.Errorf("Helm has not taken its releases away:\n%s", pods)
	}
}
