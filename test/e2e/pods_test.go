package e2e

import (
	"strings"
	"time"
)

func podChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"init containers run in order": initInOrder,
		"a failing init container":     initFails,
		"sidecar":                      sidecar,
		"SIGTERM ends a container":     endsOnTerm,
		"SIGKILL after the grace":      killedAfterGrace,
		"preStop exec":                 preStopExec,
		"preStop sleep":                preStopSleep,
		"restart policies":             restartPolicies,
		"postStart":                    postStart,
		"an image that is not known":   unknownImage,
		"termination message":          terminationMessage,
		"the deadline of a pod":        podDeadline,
	}
}

func initInOrder(l *lab) {
	l.apply(`
apiVersion: v1
kind: Pod
metadata: {name: ordered}
spec:
  volumes: [{name: data, emptyDir: {}}]
  initContainers:
  - {name: first, image: busybox, command: [sh, -c, "sleep 1; echo first >> /data/order"], volumeMounts: [{name: data, mountPath: /data}]}
  - {name: second, image: busybox, command: [sh, -c, "echo second >> /data/order"], volumeMounts: [{name: data, mountPath: /data}]}
  containers:
  - {name: main, image: busybox, command: [sh, -c, "echo main >> /data/order; cat /data/order; sleep 600"], volumeMounts: [{name: data, mountPath: /data}]}
`)
	l.ready("pod/ordered")
	if out := l.must("logs", "ordered", "-c", "main"); out != "first\nsecond\nmain\n" {
		l.t.Errorf("the order is %q", out)
	}
	if reasons := l.get("pod/ordered", ".status.initContainerStatuses[*].state.terminated.reason"); reasons != "Completed Completed" {
		l.t.Errorf("the init containers are %s", reasons)
	}
}

func initFails(l *lab) {
	l.apply(`
apiVersion: v1
kind: Pod
metadata: {name: never}
spec:
  restartPolicy: Never
  initContainers: [{name: check, image: busybox, command: [sh, -c, "echo not today; exit 4"]}]
  containers: [{name: main, image: busybox, command: [sh, -c, "echo should not run"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: again}
spec:
  initContainers: [{name: check, image: busybox, command: [sh, -c, "exit 4"]}]
  containers: [{name: main, image: busybox, command: [sh, -c, "echo should not run"]}]
`)
	l.reaches("pod/never", ".status.phase", "Failed")
	if out := l.must("logs", "never", "-c", "check"); out != "not today\n" {
		l.t.Errorf("it said %q", out)
	}
	if result := l.kubectl("logs", "never", "-c", "main"); strings.Contains(result.Stdout, "should not run") {
		l.t.Error("the main container ran")
	}
	l.Eventually(2*patience, "Init:CrashLoopBackOff", func() (bool, string) {
		row := l.kubectl("get", "pod", "again", "--no-headers").Stdout
		return strings.Contains(row, "Init:CrashLoopBackOff"), row
	})
}

// sidecar is an init container that goes on; it does not keep a pod from ending.
func sidecar(l *lab) {
	l.apply(`
apiVersion: v1
kind: Pod
metadata: {name: pair}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  initContainers: [{name: helper, image: busybox, restartPolicy: Always, command: [sh, -c, "echo helping; sleep 600"]}]
  containers: [{name: main, image: busybox, command: [sh, -c, "sleep 1; echo done"]}]
`)
	l.reaches("pod/pair", ".status.phase", "Succeeded")
	if out := l.must("logs", "pair", "-c", "helper"); out != "helping\n" {
		l.t.Errorf("the helper said %q", out)
	}
}

// gracefulPod is a shellPod with a grace of its own, in seconds.
func gracefulPod(name, grace, script, more string) string {
	return `
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `}
spec:
  terminationGracePeriodSeconds: ` + grace + `
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "` + script + `"]
` + more
}

// timedDelete deletes a pod while its log is followed; it gives what the pod
// said to its end, and how long that took.
func (l *lab) timedDelete(pod string) (said string, seconds float64) {
	l.t.Helper()
	l.logged(pod, "ready")
	follow := make(chan string)
	go func() { follow <- l.kubectl("logs", "-f", pod).Stdout }()
	began := time.Now()
	l.must("delete", "pod", pod, "--timeout=60s")
	return <-follow, time.Since(began).Seconds()
}

func endsOnTerm(l *lab) {
	l.apply("%s", gracefulPod("polite", "30", "trap 'echo told to go; exit 0' TERM; echo ready; while :; do sleep 0.1; done", ""))
	said, seconds := l.timedDelete("polite")
	l.want(said, "told to go")
	if seconds > 25 {
		l.t.Errorf("it took %.0f s: the whole grace", seconds)
	}
}

func killedAfterGrace(l *lab) {
	l.apply("%s", gracefulPod("deaf", "2", "trap 'echo told to go' TERM; echo ready; while :; do sleep 0.1; done", ""))
	said, seconds := l.timedDelete("deaf")
	l.want(said, "told to go")
	if seconds < 2 || seconds > 20 {
		l.t.Errorf("a grace of 2 s took %.1f s", seconds)
	}
}

func preStopExec(l *lab) {
	l.apply("%s", gracefulPod("hooked", "30", "trap 'cat /tmp/said; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
		"    lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 1; echo prepared > /tmp/said']}}}\n"))
	if said, _ := l.timedDelete("hooked"); !strings.Contains(said, "prepared") {
		l.t.Errorf("the signal came before the hook had ended: %q", said)
	}
}

func preStopSleep(l *lab) {
	l.apply("%s", gracefulPod("sleeper", "30", "trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
		"    lifecycle: {preStop: {sleep: {seconds: 3}}}\n"))
	said, seconds := l.timedDelete("sleeper")
	l.want(said, "told")
	if seconds < 3 || seconds > 25 {
		l.t.Errorf("a hook of 3 s took %.1f s", seconds)
	}
}

func restartPolicies(l *lab) {
	for name, policy := range map[string]string{"fine": "OnFailure", "once": "Never", "broken": "OnFailure"} {
		script := "exit 0"
		if name != "fine" {
			script = "exit 3"
		}
		l.apply("%s", shellPod(name, script, "  restartPolicy: "+policy+"\n"))
	}
	l.reaches("pod/fine", ".status.phase", "Succeeded")
	l.reaches("pod/once", ".status.phase", "Failed")
	l.Eventually(patience, "a restart", func() (bool, string) {
		count := l.get("pod/broken", ".status.containerStatuses[0].restartCount")
		return count != "" && count != "0", count
	})
	if count := l.get("pod/once", ".status.containerStatuses[0].restartCount"); count != "0" {
		l.t.Errorf("restartPolicy Never restarted %s times", count)
	}
}

func postStart(l *lab) {
	l.apply("%s", shellPod("hooked", "while ! [ -e /tmp/hook ]; do sleep 0.1; done; echo the hook ran; sleep 600",
		"    lifecycle: {postStart: {exec: {command: [touch, /tmp/hook]}}}\n"))
	l.logged("hooked", "the hook ran")
}

func unknownImage(l *lab) {
	l.must("run", "stranger", "--image=nginx:1.29")
	l.Eventually(patience, "ErrImagePull", func() (bool, string) {
		row := l.kubectl("get", "pod", "stranger", "--no-headers").Stdout
		return strings.Contains(row, "ErrImagePull") || strings.Contains(row, "ImagePullBackOff"), row
	})
	l.want(l.must("describe", "pod", "stranger"), "image nginx:1.29 is not known here", "busybox", "ghcr.io/pocctl/pocctl", greeterImage, "images:")
}

func terminationMessage(l *lab) {
	l.apply("%s", shellPod("teller", "echo last will > /dev/termination-log; exit 1", "  restartPolicy: Never\n"))
	l.reaches("pod/teller", ".status.phase", "Failed")
	if message := l.get("pod/teller", ".status.containerStatuses[0].state.terminated.message"); message != "last will\n" {
		l.t.Errorf("the message is %q", message)
	}
	l.apply("%s", shellPod("logger", "echo from the log; exit 1", "    terminationMessagePolicy: FallbackToLogsOnError\n  restartPolicy: Never\n"))
	l.reaches("pod/logger", ".status.phase", "Failed")
	if message := l.get("pod/logger", ".status.containerStatuses[0].state.terminated.message"); message != "from the log\n" {
		l.t.Errorf("the message is %q", message)
	}
}

func podDeadline(l *lab) {
	l.apply("%s", shellPod("late", "sleep 600", "  restartPolicy: Never\n  activeDeadlineSeconds: 2\n"))
	l.reaches("pod/late", ".status.phase", "Failed")
	if reason := l.get("pod/late", ".status.reason"); reason != "DeadlineExceeded" {
		l.t.Errorf("the reason is %s", reason)
	}
}
