package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func rolloutChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"a rollout loses no request":  rolloutLosesNothing,
		"rollout undo":                rolloutUndo,
		"a rollout that gets stuck":   rolloutStuck,
		"a pod that dies is replaced": podReplaced,
		"DaemonSet":                   daemonSet,
	}
}

// traffic sends requests through the ingress, one after the other in a few
// lanes, until it is told to end.
type traffic struct {
	stop  chan struct{}
	lanes sync.WaitGroup

	mu       sync.Mutex
	sent     int
	pods     map[string]int
	failures []string
}

func (l *lab) traffic(host, path string) *traffic {
	tr := &traffic{stop: make(chan struct{}), pods: map[string]int{}}
	for range 4 {
		tr.lanes.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tr.stop:
					return
				case <-tick.C:
				}
				code, body := l.ask(host, path)
				tr.mu.Lock()
				tr.sent++
				if code == http.StatusOK {
					tr.pods[strings.TrimSpace(body)]++
				} else {
					tr.failures = append(tr.failures, body)
				}
				tr.mu.Unlock()
			}
		})
	}
	return tr
}

func (tr *traffic) end() {
	close(tr.stop)
	tr.lanes.Wait()
}

func rolloutLosesNothing(l *lab) {
	l.greeter("web", 2)
	l.apply("%s", route("web", "rollout.test", "/", "web"))
	l.answered("rollout.test", "/slow", "web-")
	tr := l.traffic("rollout.test", "/slow")
	l.must("rollout", "restart", "deployment/web")
	l.must("rollout", "status", "deployment/web", "--timeout=120s")
	l.must("wait", "deployment/web", "--for=jsonpath={.status.replicas}=2", "--timeout=60s")
	l.Eventually(patience, "the old pods to go", func() (bool, string) {
		pods := l.must("get", "pods", "-l", "app=web", "--no-headers")
		return strings.Count(pods, "\n") == 2, pods
	})
	tr.end()
	if len(tr.failures) > 0 {
		l.t.Errorf("%d of %d requests failed, the first with %s", len(tr.failures), tr.sent, tr.failures[0])
	}
	if tr.sent < 20 || len(tr.pods) < 4 { // it takes three seconds, and every pod has to have been met
		l.t.Errorf("%d requests met the pods %v: that shows too little", tr.sent, tr.pods)
	}
}

func rolloutUndo(l *lab) {
	l.greeter("web", 2)
	l.must("set", "env", "deployment/web", "COLOUR=green")
	l.must("rollout", "status", "deployment/web", "--timeout=60s")
	if colour := l.must("exec", "deployment/web", "--", "sh", "-c", "echo $COLOUR"); colour != "green\n" {
		l.t.Errorf("the new revision has %q", colour)
	}
	l.want(l.must("rollout", "history", "deployment/web"), "1 ", "2 ")
	l.must("rollout", "undo", "deployment/web")
	l.must("rollout", "status", "deployment/web", "--timeout=60s")
	l.Eventually(patience, "only pods of the old revision", func() (bool, string) {
		values := l.must("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.containers[0].env[*].name}")
		return !strings.Contains(values, "COLOUR"), values
	})
}

// rolloutStuck keeps the old pods serving when the new ones do not become ready.
func rolloutStuck(l *lab) {
	l.greeter("web", 2)
	l.must("patch", "deployment", "web", "-p", `{"spec": {"progressDeadlineSeconds": 5}}`)
	l.must("set", "image", "deployment/web", "greeter=example.com/not/there:2")
	if result := l.kubectl("rollout", "status", "deployment/web", "--timeout=60s"); result.Exit == 0 || !strings.Contains(result.Stderr, "exceeded its progress deadline") {
		l.t.Errorf("rollout status: exit %d, %s", result.Exit, result.Stderr)
	}
	if ready := l.get("deployment/web", ".status.readyReplicas"); ready != "2" {
		l.t.Errorf("%s of the 2 old pods serve", ready)
	}
}

func podReplaced(l *lab) {
	l.greeter("web", 2)
	pods := strings.Fields(l.must("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"))
	l.must("delete", "pod", pods[0], "--timeout=60s")
	l.must("rollout", "status", "deployment/web", "--timeout=60s")
	if now := l.must("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"); strings.Contains(now, pods[0]) || len(strings.Fields(now)) != 2 {
		l.t.Errorf("the pods are %s", now)
	}
	// And one whose process is killed is restarted in place.
	l.killProcess("POD_NAME=" + pods[1])
	l.reaches("pod/"+pods[1], ".status.containerStatuses[0].restartCount", "1")
	l.ready("pod/" + pods[1])
}

// killProcess kills the processes of this machine with a variable in their
// environment.
func (l *lab) killProcess(variable string) {
	l.t.Helper()
	killed := 0
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, file := range files {
		environment, err := os.ReadFile(file)
		if err != nil || !strings.Contains("\x00"+string(environment), "\x00"+variable+"\x00") {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(file, "/")[2])
		if err != nil {
			l.t.Fatal(err)
		}
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed != 1 {
		l.t.Errorf("%d processes have %s", killed, variable)
	}
}

func daemonSet(l *lab) {
	l.apply(`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: busybox, command: [sleep, "600"]}]
`)
	l.must("rollout", "status", "daemonset/agent", "--timeout=60s")
	if ready := l.get("daemonset/agent", ".status.numberReady"); ready != "1" {
		l.t.Errorf("%s pods on one node", ready)
	}
}
