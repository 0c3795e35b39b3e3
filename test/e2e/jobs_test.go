package e2e

import "strings"

func jobChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"Job with completions": jobCompletes,
		"Job that fails":       jobFails,
		"Job that is mended":   jobRetries,
		"CronJob":              cronJob,
		"Job with a deadline":  jobDeadline,
	}
}

func jobCompletes(l *lab) {
	l.apply(`
apiVersion: batch/v1
kind: Job
metadata: {name: many}
spec:
  completions: 5
  parallelism: 2
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: busybox, command: [sh, -c, "echo part $JOB_COMPLETION_INDEX"]}]
`)
	l.must("wait", "job/many", "--for=condition=complete", "--timeout=60s")
	out := l.must("logs", "-l", "job-name=many", "--tail=-1")
	l.want(out, "part 0", "part 1", "part 2", "part 3", "part 4")
	if succeeded := l.get("job/many", ".status.succeeded"); succeeded != "5" {
		l.t.Errorf("%s of 5 succeeded", succeeded)
	}
}

func jobFails(l *lab) {
	l.apply(`
apiVersion: batch/v1
kind: Job
metadata: {name: hopeless}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: busybox, command: [sh, -c, "echo no way; exit 7"]}]
`)
	l.must("wait", "job/hopeless", "--for=condition=failed", "--timeout=60s")
	if reason := l.get("job/hopeless", ".status.conditions[?(@.type=='Failed')].reason"); reason != "BackoffLimitExceeded" {
		l.t.Errorf("the reason is %s", reason)
	}
	if out := l.must("logs", "job/hopeless"); out != "no way\n" {
		l.t.Errorf("it said %q", out)
	}
}

// jobRetries fails once; the volume remembers.
func jobRetries(l *lab) {
	l.apply(`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: memory}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: second-try}
spec:
  backoffLimit: 3
  template:
    spec:
      restartPolicy: Never
      volumes: [{name: memory, persistentVolumeClaim: {claimName: memory}}]
      containers:
      - name: main
        image: busybox
        command: [sh, -c, "test -e /memory/tried && exit 0; touch /memory/tried; exit 1"]
        volumeMounts: [{name: memory, mountPath: /memory}]
`)
	l.must("wait", "job/second-try", "--for=condition=complete", "--timeout=120s")
	if counts := l.get("job/second-try", ".status.failed") + " " + l.get("job/second-try", ".status.succeeded"); counts != "1 1" {
		l.t.Errorf("failed and succeeded pods: %s", counts)
	}
}

// cronJob makes one, and starts a run of it by hand: its own comes on the minute.
func cronJob(l *lab) {
	l.must("create", "cronjob", "nightly", "--image=busybox", "--schedule=* * * * *", "--", "echo", "it is time")
	l.must("create", "job", "now", "--from=cronjob/nightly")
	l.must("wait", "job/now", "--for=condition=complete", "--timeout=60s")
	if out := l.must("logs", "job/now"); out != "it is time\n" {
		l.t.Errorf("it said %q", out)
	}
	l.Eventually(2*patience, "the schedule to make a Job", func() (bool, string) {
		jobs := l.must("get", "jobs", "-o", "name")
		return strings.Contains(jobs, "job.batch/nightly-"), jobs
	})
}

func jobDeadline(l *lab) {
	l.apply(`
apiVersion: batch/v1
kind: Job
metadata: {name: late}
spec:
  activeDeadlineSeconds: 2
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: busybox, command: [sleep, "600"]}]
`)
	l.must("wait", "job/late", "--for=condition=failed", "--timeout=60s")
	if reason := l.get("job/late", ".status.conditions[?(@.type=='Failed')].reason"); reason != "DeadlineExceeded" {
		l.t.Errorf("the reason is %s", reason)
	}
}
