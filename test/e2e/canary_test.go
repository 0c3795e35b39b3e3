//go:build linux

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// TestCanary ships versions that are bad in ways of their own, and one that is as
// good as before, on the real controller, ingress and Prometheus.
func TestCanary(t *testing.T) {
	box := harness.New(t)
	box.Must(box.Pocctl("up", "--skip", "canary,verify", "-o", "json"))
	stable := func() string {
		return box.For(t).Must(box.Kubectl("get", "-n", "pocctl", "rollouts.argoproj.io/backend", "-o", "jsonpath={.status.stableRS} {.status.phase}"))
	}
	before := stable()

	// bad wants that the version is rolled back before it has more than a share of the
	// requests, and that the stable one serves as if nothing had been.
	bad := func(name, says string, most int, args ...string) {
		t.Run(name, func(t *testing.T) {
			box := box.For(t)
			result := box.Pocctl(append([]string{"canary", "--rate", "150", "-o", "json"}, args...)...)
			run := parse(t, result.Stdout)
			if result.Exit != 5 || run.Error == nil || run.Error.Code != "canary-rolled-back" || !strings.Contains(run.Error.Message, says) {
				t.Fatalf("exit %d, error %+v", result.Exit, run.Error)
			}
			if run.Canary == nil || run.Canary.Verdict != "rolled-back" || run.Canary.Weight > most {
				t.Errorf("canary: %+v", run.Canary)
			}
			if after := stable(); after != before {
				t.Errorf("stable is %s, was %s", after, before)
			}
			if status := box.Must(box.Pocctl("status")); !strings.Contains(status, "local up") {
				t.Errorf("status:\n%s", status)
			}
		})
	}
	bad("5% errors", "requests failed", 50, "--set", "config.extra.POCCTL_FAULT_ERROR_PERCENT=5")
	bad("slow", "300 ms", 50, "--set", "config.extra.POCCTL_FAULT_LATENCY=400ms")
	bad("slow in one of thirty, which p95 does not see", "p99 is", 75, "--set", "config.extra.POCCTL_FAULT_LATENCY=250ms", "--set", "config.extra.POCCTL_FAULT_LATENCY_PERCENT=3")
	bad("a crash loop", "CrashLoopBackOff", 0, "--set", "config.extra.POCCTL_LOG_LEVEL=nonsense")

	bad("a memory leak", "memory grows by", 75, "--set", "config.extra.POCCTL_FAULT_LEAK=500000")
	bad("never ready", "timed out", 0, "--set", "probes.readiness.initialDelaySeconds=600", "--set", "canary.progressDeadlineSeconds=15")

	t.Run("a broken migration", func(t *testing.T) {
		result := box.For(t).Pocctl("canary", "--set", "database.name=absent", "--set", "migration.activeDeadlineSeconds=15", "--set", "migration.backoffLimit=0", "-o", "json")
		run := parse(t, result.Stdout)
		if result.Exit != 1 || run.Error == nil || run.Error.Code != "rollout-failed" || run.Canary != nil {
			t.Errorf("exit %d, error %+v, canary %+v", result.Exit, run.Error, run.Canary)
		}
		if after := stable(); after != before {
			t.Errorf("stable is %s, was %s", after, before)
		}
	})

	t.Run("refused", func(t *testing.T) {
		box := box.For(t)
		for _, args := range [][]string{{"canary", "--set", "replicas"}, {"canary", "--rate", "0"}} {
			if result := box.Pocctl(args...); result.Exit != 2 {
				t.Errorf("%v: exit %d\n%s", args, result.Exit, result.Stderr)
			}
		}
		if result := box.Pocctl("canary", "abort"); result.Exit != 1 || !strings.Contains(result.Stderr, "no canary") {
			t.Errorf("abort of nothing: exit %d\n%s", result.Exit, result.Stderr)
		}
		if after := stable(); after != before {
			t.Errorf("stable is %s, was %s", after, before)
		}
	})

	t.Run("Prometheus away", func(t *testing.T) {
		box := box.For(t)
		box.Must(box.Kubectl("scale", "-n", "pocctl", "deployment/prometheus", "--replicas=0"))
		defer func() {
			box.Must(box.Kubectl("scale", "-n", "pocctl", "deployment/prometheus", "--replicas=1"))
			box.Must(box.Kubectl("rollout", "status", "-n", "pocctl", "deployment/prometheus", "--timeout=60s"))
		}()
		result := box.Pocctl("canary", "--rate", "150", "-o", "json")
		run := parse(t, result.Stdout)
		if result.Exit != 1 || run.Error == nil || run.Error.Code != "metrics-away" || run.Canary == nil || run.Canary.Verdict != "rolled-back" {
			t.Errorf("exit %d, error %+v, canary %+v", result.Exit, run.Error, run.Canary)
		}
		if after := stable(); after != before {
			t.Errorf("stable is %s, was %s", after, before)
		}
	})

	// unmeasured wants that what nothing can be said of is taken back, and called that.
	unmeasured := func(name string, says []string, args ...string) {
		t.Run(name, func(t *testing.T) {
			result := box.For(t).Pocctl(append([]string{"canary", "-o", "json"}, args...)...)
			run := parse(t, result.Stdout)
			if result.Exit != 4 || run.Error == nil || run.Error.Code != "canary-unmeasured" ||
				!slices.ContainsFunc(says, func(one string) bool { return strings.Contains(run.Error.Message, one) }) {
				t.Fatalf("exit %d, error %+v", result.Exit, run.Error)
			}
			if after := stable(); after != before {
				t.Errorf("stable is %s, was %s", after, before)
			}
		})
	}
	// Probes of the ingress are a few.
	unmeasured("hardly a request", []string{"the canary got no requests", "a verdict takes 100 requests"}, "--no-load")
	restore := renameMetric(t, box)
	unmeasured("a metric renamed", []string{"there are no series"}, "--rate", "150")
	restore()
	restore = spoilMetric(t, box)
	unmeasured("figures that are none", []string{"NaN"}, "--rate", "150")
	restore()

	t.Run("killed, and taken up", func(t *testing.T) {
		box := box.For(t)
		first := begin(t, box, "canary", "--rate", "150", "--set", "podAnnotations.change=one", "-o", "json")
		first.sees("10% of the requests")
		first.signal(t, syscall.SIGKILL)
		second := box.Pocctl("canary", "--set", "podAnnotations.change=another", "-o", "json")
		if refused := parse(t, second.Stdout); second.Exit != 1 || refused.Error == nil || refused.Error.Code != "canary-under-way" {
			t.Errorf("a second canary: exit %d, error %+v", second.Exit, refused.Error)
		}
		// The lock went with it, the canary did not; nor does it with one that is interrupted.
		third := begin(t, box, "canary", "--rate", "150", "-o", "json")
		third.sees("25% of the requests")
		third.signal(t, syscall.SIGINT)
		if exit := third.end().Exit; exit != 130 {
			t.Errorf("interrupted: exit %d", exit)
		}
		result := box.Pocctl("canary", "--rate", "150", "-o", "json")
		run := parse(t, result.Stdout)
		if result.Exit != 0 || run.Canary == nil || run.Canary.Verdict != "promoted" || run.Canary.Requests < 300 {
			t.Fatalf("exit %d, error %+v, canary %+v", result.Exit, run.Error, run.Canary)
		}
		if after := stable(); after == before || !strings.HasSuffix(after, "Healthy") {
			t.Errorf("stable is %s, was %s", after, before)
		}
		before = stable()
	})

	t.Run("back at once", func(t *testing.T) {
		result := box.For(t).Pocctl("rollback", "backend")
		if result.Exit != 0 || result.Seconds > 30 { // four steps take over 40
			t.Fatalf("exit %d after %.0f s\n%s", result.Exit, result.Seconds, result.Stderr)
		}
		if after := stable(); after == before || !strings.HasSuffix(after, "Healthy") {
			t.Errorf("stable is %s, was %s", after, before)
		}
		before = stable()
	})

	t.Run("what it stands on restarts in the middle", func(t *testing.T) {
		box := box.For(t)
		run := begin(t, box, "canary", "--rate", "150", "--set", "podAnnotations.change=three", "-o", "json")
		run.sees("10% of the requests")
		box.Must(box.Kubectl("delete", "pod", "-n", "pocctl", "-l", "app.kubernetes.io/name=argo-rollouts", "--wait=false"))
		run.sees("25% of the requests")
		box.Must(box.Kubectl("delete", "pod", "-n", "pocctl", "-l", "app.kubernetes.io/name=prometheus", "--wait=false"))
		run.sees("50% of the requests")
		for _, pid := range processes(t, box, " component node ") { // and with it the ingress
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}
		result := run.end()
		if ended := parse(t, result.Stdout); result.Exit != 0 || ended.Canary == nil || ended.Canary.Verdict != "promoted" {
			t.Fatalf("exit %d, error %+v, canary %+v", result.Exit, ended.Error, ended.Canary)
		}
		if after := stable(); after == before || !strings.HasSuffix(after, "Healthy") {
			t.Errorf("stable is %s, was %s", after, before)
		}
		before = stable()
	})

	t.Run("by hand", func(t *testing.T) {
		box := box.For(t)
		first := begin(t, box, "canary", "--rate", "150", "--set", "podAnnotations.change=two", "-o", "json")
		first.sees("10% of the requests")
		var held struct{ State struct{ Held bool } }
		if err := json.Unmarshal([]byte(box.Must(box.Pocctl("canary", "hold", "-o", "json"))), &held); err != nil || !held.State.Held {
			t.Errorf("hold: %v %+v", err, held)
		}
		box.Must(box.Pocctl("canary", "abort"))
		if exit := first.end().Exit; exit != 5 {
			t.Errorf("exit %d", exit)
		}
		if after := stable(); after != before {
			t.Errorf("stable is %s, was %s", after, before)
		}
	})
}
