package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// patience bounds the tests' waits for the cluster.
const patience = 60 * time.Second

// TestKubernetes holds one bare cluster to what Kubernetes says, by the
// distribution's kubectl. Each check has a namespace of its own.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	buildGreeter(t, box, "hello")
	box.Env = box.Write("bare.yaml", "kind: local\nimages:\n  "+greeterImage+": {program: greeter}\n")
	up := parse(t, box.Must(box.Pocctl("provision", "-o", "json")))
	for _, subject := range []map[string]func(*lab){
		kubectlChecks(), logChecks(), probeChecks(), podChecks(), jobChecks(), configChecks(), volumeChecks(),
		securityChecks(), serviceChecks(), ingressChecks(), rolloutChecks(), clusterChecks(),
	} {
		for name, check := range subject {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check(newLab(t, box, up.Endpoints["app"]))
			})
		}
	}
}

// lab is one check's namespace.
type lab struct {
	*harness.Sandbox
	t         *testing.T
	namespace string
	// endpoint is where HTTP enters the cluster.
	endpoint string
}

func newLab(t *testing.T, box *harness.Sandbox, endpoint string) *lab {
	t.Helper()
	name := strings.ToLower(t.Name()[strings.LastIndexByte(t.Name(), '/')+1:])
	l := &lab{
		Sandbox: box.For(t), t: t, endpoint: endpoint,
		namespace: strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(name, "-"), "-"),
	}
	l.Must(l.Kubectl("create", "namespace", l.namespace))
	l.Eventually(patience, "the namespace's default service account", func() (bool, string) {
		result := l.kubectl("get", "serviceaccount", "default")
		return result.Exit == 0, result.Stderr
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("pods and events:\n%s%s", l.kubectl("get", "pods", "-o", "wide").Stdout, l.kubectl("events").Stdout)
		}
		l.kubectl("delete", "namespace", l.namespace, "--wait=false")
	})
	return l
}

// kubectl runs kubectl in the check's namespace.
func (l *lab) kubectl(args ...string) harness.Result {
	l.t.Helper()
	return l.Kubectl(append([]string{"-n", l.namespace}, args...)...)
}

// must gives kubectl's stdout, and fails the check if kubectl fails.
func (l *lab) must(args ...string) string {
	l.t.Helper()
	return l.Must(l.kubectl(args...))
}

// apply applies a manifest to the check's namespace.
func (l *lab) apply(format string, args ...any) {
	l.t.Helper()
	l.Must(l.Feed(fmt.Sprintf(format, args...), "-n", l.namespace, "apply", "-f", "-"))
}

// get gives one value of one object by kubectl's JSONPath, without braces.
func (l *lab) get(object, path string) string {
	l.t.Helper()
	return l.must("get", object, "-o", "jsonpath={"+path+"}")
}

// reaches waits until a value of an object is as wanted.
func (l *lab) reaches(object, path, want string) {
	l.t.Helper()
	l.Eventually(patience, fmt.Sprintf("%s of %s to be %q", path, object, want), func() (bool, string) {
		result := l.kubectl("get", object, "-o", "jsonpath={"+path+"}")
		return result.Stdout == want, result.Stdout + result.Stderr
	})
}

// logged waits until a pod's log holds a text, and gives the log.
func (l *lab) logged(pod, text string) string {
	l.t.Helper()
	var log string
	l.Eventually(patience, fmt.Sprintf("the log of %s to hold %q", pod, text), func() (bool, string) {
		result := l.kubectl("logs", pod, "--all-containers")
		log = result.Stdout
		return strings.Contains(log, text), log + result.Stderr
	})
	return log
}

// ready waits, by kubectl, until pods are ready.
func (l *lab) ready(selection ...string) {
	l.t.Helper()
	l.must(append([]string{"wait", "--for=condition=Ready", "--timeout=60s"}, selection...)...)
}

// want fails the check unless the text holds all parts.
func (l *lab) want(text string, parts ...string) {
	l.t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			l.t.Errorf("it lacks %q:\n%s", part, text)
		}
	}
}

// shellPod is a pod of one container of the machine's tools that runs a script.
// more is further fields of the container, indented by four spaces.
func shellPod(name, script, more string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {app: %s}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox
    command: [sh, -c, %q]
%s`, name, name, script, more)
}

// greeterDeployment is the tests' own service with its Service, on port 8080.
func greeterDeployment(name string, replicas int) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 15
      containers:
      - name: greeter
        image: %[3]s:1
        env:
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec:
  selector: {app: %[1]s}
  ports: [{name: http, port: 8080, targetPort: http}]
`, name, replicas, greeterImage)
}

// greeter brings the tests' own service up.
func (l *lab) greeter(name string, replicas int) {
	l.t.Helper()
	l.apply("%s", greeterDeployment(name, replicas))
	l.must("rollout", "status", "deployment/"+name, "--timeout=60s")
}
