package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// counter is a chart of a single Deployment whose program the values give.
const counter = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app.kubernetes.io/instance: {{ .Release.Name }}}
spec:
  selector: {matchLabels: {app.kubernetes.io/instance: {{ .Release.Name }}}}
  template:
    metadata:
      labels: {app.kubernetes.io/instance: {{ .Release.Name }}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: till
          image: {{ .Values.image }}
          args: {{ toJson .Values.args }}
          readinessProbe: {periodSeconds: 1, exec: {command: {{ toJson .Values.ready }}}}
`

// failure is a mistake in an environment's file and what up has to say of it.
type failure struct {
	name    string
	timeout string // of the release
	values  string
	code    string
	says    []string // parts of the message: culprit, reason, last words
	fix     string   // part of the fix: the next command
	logs    string   // what `pocctl logs` shows afterwards
}

// TestPodFailures deploys what cannot become ready. Each run has to end by
// itself, name the culprit and leave everything open to inspection; the last one,
// with the file mended, passes.
func TestPodFailures(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	box.Write("chart/Chart.yaml", "apiVersion: v2\nname: counter\nversion: 0.1.0\n")
	box.Write("chart/templates/deployment.yaml", counter)
	environment := func(timeout, values string) {
		box.Env = box.Write("counter.yaml", `kind: local
images:
  tests/shell: {program: /bin/sh}
releases:
  - {name: counter, chart: ./chart, timeout: `+timeout+`, values: {`+values+`}}
`)
	}
	for _, broken := range []failure{
		{
			name: "a pod that never becomes ready", timeout: "15s",
			values: `image: tests/shell, args: ["-c", "echo still counting the change; exec sleep 600"], ready: ["false"]`,
			code:   "rollout-timeout",
			says:   []string{"release counter", "deployment/counter 0/1 ready", "pod counter-", "still counting the change"},
			fix:    "pocctl logs --env /",
			logs:   "still counting the change",
		},
		{
			name: "a crash loop", timeout: "2m", // three restarts, with the kubelet's back-off between them
			values: `image: tests/shell, args: ["-c", "echo the till is empty; exit 3"], ready: ["false"]`,
			code:   "rollout-failed",
			says:   []string{"deployment/counter", "pod counter-", "container till", "exit code 3", "the till is empty"},
			fix:    "pocctl logs --previous --env /",
			logs:   "the till is empty",
		},
		{
			name: "an image that is not built in", timeout: "1m",
			values: `image: "example.com/nobody/nothing:1", args: [], ready: ["true"]`,
			code:   "rollout-failed",
			says:   []string{"pod counter-", "container till", "ErrImagePull", "example.com/nobody/nothing:1", "tests/shell", "postgres"},
			fix:    "pocctl logs --env /",
		},
	} {
		t.Run(broken.name, func(t *testing.T) {
			environment(broken.timeout, broken.values)
			fails(t, box, "deploy/counter", broken)
		})
	}
	t.Run("mended", func(t *testing.T) {
		environment("1m", `image: tests/shell, args: ["-c", "echo open for business; exec sleep 600"], ready: ["true"]`)
		up := parse(t, box.Must(box.Pocctl("up", "-o", "json")))
		if detail := up.step(t, "deploy/counter"); detail == "already so" {
			t.Error("the mended release was not deployed")
		}
		if logs := box.Must(box.Pocctl("logs", "counter")); !strings.Contains(logs, "open for business") {
			t.Errorf("logs:\n%s", logs)
		}
	})
}

// fails runs up, which has to fail at step as broken says, and then looks at
// what stands.
func fails(t *testing.T, box *harness.Sandbox, step string, broken failure) {
	t.Helper()
	result := box.Pocctl("up", "-o", "json")
	document := parse(t, result.Stdout)
	if result.Exit != 1 || document.Status != "failed" || document.Error == nil {
		t.Fatalf("exit %d, %s\n%s", result.Exit, document.Status, result.Stderr)
	}
	if document.Error.Code != broken.code || !strings.Contains(document.Error.Fix, broken.fix) {
		t.Errorf("error is %s with the fix %q; %s with %q is wanted\n%s",
			document.Error.Code, document.Error.Fix, broken.code, broken.fix, document.Error.Message)
	}
	for _, part := range append([]string{step}, broken.says...) {
		if !strings.Contains(document.Error.Message, part) {
			t.Errorf("the message does not say %q:\n%s", part, document.Error.Message)
		}
	}
	for _, phase := range document.Phases {
		for _, each := range phase.Steps {
			if each.Name == step && each.Status != "failed" {
				t.Errorf("%s is %s", step, each.Status)
			}
		}
	}
	var status struct{ State string }
	if err := json.Unmarshal([]byte(box.Must(box.Pocctl("status", "-o", "json"))), &status); err != nil || status.State == "down" {
		t.Errorf("status: %v, %s", err, status.State)
	}
	if broken.logs != "" {
		next := strings.Fields(strings.TrimPrefix(document.Error.Fix, "look further with: pocctl "))
		logs := box.Command(t.Context(), box.Binary, next...)
		if shown := run(t, logs); shown.Exit != 0 || !strings.Contains(shown.Stdout, broken.logs) {
			t.Errorf("%s: exit %d, without %q:\n%s%s", document.Error.Fix, shown.Exit, broken.logs, shown.Stdout, shown.Stderr)
		}
	}
}

// TestStackFailures breaks the stack's own migration and smoke test, mends them,
// and then asks of it more than it can give.
func TestStackFailures(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	// A third of the whole, and shorter waits.
	local := localEnvironment(t, "replicaCount: 3", "replicaCount: 1")
	environment := func(pairs ...string) {
		box.Env = box.Write("shop.yaml", strings.NewReplacer(pairs...).Replace(local))
	}
	t.Run("a failing migration", func(t *testing.T) {
		environment("      replicaCount: 1", "      replicaCount: 1\n      database: {user: stranger}")
		fails(t, box, "deploy/backend", failure{
			code: "rollout-failed",
			says: []string{"job/backend-migrate", "failed", "pod backend-migrate-", "container migrate", "stranger"},
			fix:  "pocctl logs --env /", logs: "stranger",
		})
	})
	t.Run("a failing smoke test", func(t *testing.T) {
		environment("  path: /api/v1\n\nload:", "  path: /api/v9\n\nload:")
		fails(t, box, "smoke/transaction", failure{
			code: "smoke-failed", says: []string{"transaction", "404"}, fix: "look further with: ",
		})
	})
	t.Run("mended", func(t *testing.T) {
		environment()
		if up := parse(t, box.Must(measured(t, box, gently(t, box, local)...))); up.Status != "passed" {
			t.Errorf("up: %+v", up)
		}
	})
	t.Run("an objective out of reach", func(t *testing.T) {
		objectives := strings.Replace(anyLatency, "<60s", "<0.01ms", 1)
		folder := source(t, box, local, objectives)
		violated := verdict(t, box, 3, "objective-violated", "violated", "--source", folder, "--duration", "2s")
		if len(violated.SLO) != 1 || violated.SLO[0].Seen < 0.01 || !strings.Contains(violated.Error.Message, "latency-p95") {
			t.Errorf("verdicts: %+v, %s", violated.SLO, violated.Error.Message)
		}
	})
	t.Run("too little data", func(t *testing.T) {
		few := verdict(t, box, 4, "data-insufficient", "insufficient",
			"--source", source(t, box, local, anyLatency), "--duration", "1s", "--rate", "20")
		if !strings.Contains(few.Error.Fix, "--duration") {
			t.Errorf("the fix names no duration: %s", few.Error.Fix)
		}
	})
	t.Run("a rate that cannot be held", func(t *testing.T) {
		verdict(t, box, 6, "rate-not-held", "", "--rate", "1000000", "--duration", "2s", "--warmup", "0s")
	})
	t.Run("the stack is none the worse for it", func(t *testing.T) {
		box.Must(box.Pocctl("smoke"))
	})
}

// verdict runs verify, which has to end with exit and code, and an objective with
// the verdict given.
func verdict(t *testing.T, box *harness.Sandbox, exit int, code, verdict string, args ...string) document {
	t.Helper()
	ask := box.Pocctl
	if exit != 6 {
		ask = func(args ...string) harness.Result { return measured(t, box, args...) }
	}
	result := ask(append([]string{"verify", "--slo", "-o", "json"}, args...)...)
	document := parse(t, result.Stdout)
	if result.Exit != exit || document.Error == nil || document.Error.Code != code {
		t.Fatalf("exit %d; %d with %s is wanted\n%s\n%s", result.Exit, exit, code, result.Stderr, result.Stdout)
	}
	for _, objective := range document.SLO {
		if objective.Verdict == verdict {
			return document
		}
	}
	if verdict != "" {
		t.Errorf("no objective is %s: %+v", verdict, document.SLO)
	}
	return document
}
