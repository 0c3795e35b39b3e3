package e2e

import (
	"strconv"
	"strings"
)

func probeChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"startup probe":                   startupProbe,
		"readiness gates traffic":         readinessGates,
		"liveness restarts with back-off": livenessRestarts,
		"liveness by HTTP":                livenessHTTP,
		"TCP probe":                       tcpProbe,
		"crash loop":                      crashLoop,
		"a command that is not there":     startError,
	}
}

// startupProbe holds the other probes off until the container says that it has
// started: here its liveness would fail before.
func startupProbe(l *lab) {
	l.apply("%s", shellPod("slow", "while ! [ -e /tmp/go ]; do sleep 0.1; done; touch /tmp/started; sleep 600", `
    startupProbe: {exec: {command: [test, -e, /tmp/started]}, periodSeconds: 1, failureThreshold: 60}
    livenessProbe: {exec: {command: [test, -e, /tmp/started]}, periodSeconds: 1, failureThreshold: 1}
    readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1}
`))
	l.Eventually(patience, "a failed startup probe", func() (bool, string) {
		events := l.kubectl("events", "--for", "pod/slow").Stdout
		return strings.Contains(events, "Startup probe failed"), events
	})
	if status := l.get("pod/slow", ".status.containerStatuses[0].started") + l.get("pod/slow", ".status.containerStatuses[0].ready"); status != "falsefalse" {
		l.t.Errorf("before the start it is started and ready: %s", status)
	}
	l.must("exec", "slow", "--", "touch", "/tmp/go")
	l.ready("pod/slow")
	if restarts := l.get("pod/slow", ".status.containerStatuses[0].restartCount"); restarts != "0" {
		l.t.Errorf("%s restarts: liveness did not wait for the start", restarts)
	}
}

// readinessGates takes one of two pods out of its Service and back.
func readinessGates(l *lab) {
	l.greeter("web", 2)
	pods := strings.Fields(l.must("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"))
	l.must("exec", pods[0], "--", "touch", "/tmp/unready")
	l.reaches("pod/"+pods[0], ".status.containerStatuses[0].ready", "false")
	if seen := l.answers("http://web:8080/", 12); len(seen) != 1 || seen[pods[1]] == 0 {
		l.t.Errorf("with %s unready, answers come from %v", pods[0], seen)
	}
	l.want(l.must("describe", "pod", pods[0]), "Readiness probe failed", "503")
	if restarts := l.get("pod/"+pods[0], ".status.containerStatuses[0].restartCount"); restarts != "0" {
		l.t.Errorf("readiness restarted the container %s times", restarts)
	}
	l.must("exec", pods[0], "--", "rm", "/tmp/unready")
	l.ready("pod/" + pods[0])
	l.Eventually(patience, "both pods to answer", func() (bool, string) {
		seen := l.answers("http://web:8080/", 12)
		return len(seen) == 2, strconv.Itoa(len(seen))
	})
}

func livenessRestarts(l *lab) {
	l.apply("%s", shellPod("ill", "sleep 600", `
    livenessProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 1}
`))
	l.Eventually(2*patience, "a restart and the back-off", func() (bool, string) {
		status := l.get("pod/ill", ".status.containerStatuses[0].restartCount") + " " +
			l.get("pod/ill", ".status.containerStatuses[0].state.waiting.reason")
		count, reason, _ := strings.Cut(status, " ")
		number, _ := strconv.Atoi(count)
		return number >= 1 && reason == "CrashLoopBackOff", status
	})
	l.want(l.must("describe", "pod", "ill"), "Liveness probe failed", "Back-off restarting failed container", "will be restarted")
}

func livenessHTTP(l *lab) {
	l.apply(`
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: greeter
    image: %s
    env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
    livenessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1, failureThreshold: 2}
    readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
`, greeterImage)
	l.ready("pod/web")
	l.must("exec", "web", "--", "touch", "/tmp/unhealthy")
	l.reaches("pod/web", ".status.containerStatuses[0].restartCount", "1")
	l.ready("pod/web") // the new container has a /tmp of its own
	l.want(l.must("logs", "-p", "web"), "asked to end", "ended cleanly")
}

func tcpProbe(l *lab) {
	l.apply(`
apiVersion: v1
kind: Pod
metadata: {name: open}
spec:
  containers:
  - name: greeter
    image: %[1]s
    env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: shut}
spec:
  containers:
  - name: greeter
    image: %[1]s
    env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
    readinessProbe: {tcpSocket: {port: 8081}, periodSeconds: 1}
`, greeterImage)
	l.ready("pod/open")
	l.Eventually(patience, "the other's probe to fail", func() (bool, string) {
		events := l.kubectl("events", "--for", "pod/shut").Stdout
		return strings.Contains(events, "connection refused"), events
	})
	if ready := l.get("pod/shut", ".status.containerStatuses[0].ready"); ready != "false" {
		l.t.Errorf("the pod whose port is shut is ready: %s", ready)
	}
}

func crashLoop(l *lab) {
	l.apply("%s", shellPod("crash", "echo I am out; exit 9", ""))
	l.Eventually(2*patience, "CrashLoopBackOff", func() (bool, string) {
		row := l.kubectl("get", "pod", "crash", "--no-headers").Stdout
		return strings.Contains(row, "CrashLoopBackOff"), row
	})
	if code := l.get("pod/crash", ".status.containerStatuses[0].lastState.terminated.exitCode"); code != "9" {
		l.t.Errorf("exit code %s", code)
	}
	if out := l.must("logs", "crash"); out != "I am out\n" {
		l.t.Errorf("logs %q", out)
	}
}

func startError(l *lab) {
	l.apply(`
apiVersion: v1
kind: Pod
metadata: {name: absent}
spec:
  restartPolicy: Never
  containers: [{name: main, image: busybox, command: [no-such-program]}]
`)
	l.reaches("pod/absent", ".status.phase", "Failed")
	l.want(l.get("pod/absent", ".status.containerStatuses[0].state.terminated"), "no-such-program", "not found", "128")
}
