package deploytest

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

func lifecycle(t *testing.T, b *bench) {
	inSync := func(want bool, when string) {
		t.Helper()
		got, err := b.InSync(t.Context(), b.release)
		if err != nil || got != want {
			t.Fatalf("%s: in sync %v, %v; want %v", when, got, err, want)
		}
	}
	inSync(false, "before install")
	b.mustUpsert(t, "replicas", 2, "hookArgs", b.cluster.Succeed)
	inSync(true, "after install")
	if !b.progress.has("info: deployment/probe 2/2 ready") || !b.progress.has("info: job/probe-hook complete") {
		t.Error("progress did not tell of the workload and the hook becoming ready")
	}

	configs := b.Kubernetes().CoreV1().ConfigMaps(b.release.Namespace)
	if err := configs.Delete(t.Context(), "probe", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	inSync(false, "after a resource was deleted by hand")
	b.mustUpsert(t, "replicas", 2, "hookArgs", b.cluster.Succeed)
	inSync(true, "after mending it")

	b.release.Values["replicas"] = 1
	inSync(false, "with other values")
	diff, err := b.Diff(t.Context(), b.release)
	if err != nil || len(diff.Changes) != 1 || diff.Changes[0].Resource != "deployment/probe" {
		t.Fatalf("diff %+v, %v; want a change of deployment/probe", diff, err)
	}
	b.mustUpsert(t, "replicas", 1)
	if err := b.Rollback(t.Context(), b.release, 0, b.progress); err != nil {
		t.Fatalf("roll back: %v", err)
	}
	if got, want := b.statuses(t), []string{"superseded", "superseded", "superseded", "deployed"}; !cmp.Equal(got, want) {
		t.Errorf("history %v, want %v", got, want)
	}
	if err := b.Uninstall(t.Context(), b.release, true, b.progress); err != nil {
		t.Fatalf("uninstall: %v", err)
	}
	pods, err := b.Kubernetes().CoreV1().Pods(b.release.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 0 {
		t.Errorf("after uninstall: %d pods, %v", len(pods.Items), err)
	}
	if err := b.Uninstall(t.Context(), b.release, true, b.progress); err != nil {
		t.Errorf("uninstall again: %v", err)
	}
}

func crashLoop(t *testing.T, b *bench) {
	err := b.upsert(t.Context(), "args", b.cluster.Fail, "extraConfig", "left-over")
	wantFault(t, err, fault.RolloutFailed, "deployment/probe", "pod probe-", "container main", "CrashLoopBackOff", "its last lines", "logs probe-")
	if got := b.statuses(t); !cmp.Equal(got, []string{"failed"}) {
		t.Errorf("history %v, want one failed revision, open to inspection", got)
	}
	b.mustUpsert(t)
	_, err = b.Kubernetes().CoreV1().ConfigMaps(b.release.Namespace).Get(t.Context(), "left-over", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("what only the failed revision had is still there: %v", err)
	}
}

func failingHook(t *testing.T, b *bench) {
	err := b.upsert(t.Context(), "hookArgs", b.cluster.Fail)
	wantFault(t, err, fault.RolloutFailed, "job/probe-hook", "container hook", "exit code", "its last lines")
	if _, err := b.Kubernetes().BatchV1().Jobs(b.release.Namespace).Get(t.Context(), "probe-hook", metav1.GetOptions{}); err != nil {
		t.Errorf("the failed hook is not there to be inspected: %v", err)
	}
	b.mustUpsert(t, "hookArgs", b.cluster.Succeed)
}

func missingSecret(t *testing.T, b *bench) {
	err := b.upsert(t.Context(), "secret", "nowhere")
	wantFault(t, err, fault.RolloutFailed, "CreateContainerConfigError", "nowhere", "describe pod probe-")
}

func deadline(t *testing.T, b *bench) {
	// Room for a slow hook, and too little for sixty pods, one after the other.
	b.release.Timeout = 15 * time.Second
	b.release.Values = nil
	err := b.upsert(t.Context(), "args", b.cluster.Serve, "replicas", 60, "hookArgs", b.cluster.Succeed, "image", b.cluster.Image,
		"secret", "", "stateful", true)
	wantFault(t, err, fault.RolloutTimeout, "statefulset/probe", "/60 ready")
}

func cancelled(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(1500*time.Millisecond, cancel)
	err := b.upsert(ctx, "args", b.cluster.Fail)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the context's", err)
	}
	for _, status := range b.statuses(t) {
		if status != "failed" {
			t.Errorf("a cancelled deployment left status %s", status)
		}
	}
	b.mustUpsert(t)
}

// pending imitates a kill -9 in the middle: a stored revision that says it is under way.
func pending(t *testing.T, b *bench) {
	for _, status := range []string{"pending-install", "pending-upgrade", "pending-rollback", "uninstalling"} {
		b.mustUpsert(t, "extraConfig", status)
		b.setStatus(t, status)
		if in, err := b.InSync(t.Context(), b.release); in || err != nil {
			t.Errorf("%s: in sync %v, %v", status, in, err)
		}
		b.mustUpsert(t)
		if in, err := b.InSync(t.Context(), b.release); !in || err != nil {
			t.Errorf("after mending %s: in sync %v, %v", status, in, err)
		}
		configs, err := b.Kubernetes().CoreV1().ConfigMaps(b.release.Namespace).List(t.Context(), metav1.ListOptions{})
		for _, config := range configs.Items {
			if err != nil || config.Name == status {
				t.Errorf("after mending %s: its configmap is still there (%v)", status, err)
			}
		}
	}
	if !b.progress.has("was interrupted (pending-install)") || !b.progress.has("was being removed") {
		t.Error("the mending was not said")
	}
}

func refused(t *testing.T, b *bench) {
	if err := b.EnsureNamespace(t.Context(), b.release.Namespace, nil); err != nil {
		t.Fatal(err)
	}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "none"}}
	quota.Spec.Hard = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}
	quotas := b.Kubernetes().CoreV1().ResourceQuotas(b.release.Namespace)
	made, err := quotas.Create(t.Context(), quota, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for made.Status.Hard == nil { // a quota counts once its controller has seen it
		if made, err = quotas.Get(t.Context(), "none", metav1.GetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	wantFault(t, b.upsert(t.Context()), fault.RolloutFailed, "deployment/probe", "exceeded quota")
	wantFault(t, b.upsert(t.Context(), "replicas", "many"), fault.ValuesInvalid, "replicas")
	wantFault(t, b.upsert(t.Context(), "replicas", -1), fault.ResourceRefused, "must be greater than or equal to 0")
}

// stuckStatefulSet repairs a broken pod: Kubernetes alone would keep it for ever.
func stuckStatefulSet(t *testing.T, b *bench) {
	wantFault(t, b.upsert(t.Context(), "stateful", true, "args", b.cluster.Fail), fault.RolloutFailed, "statefulset/probe", "pod probe-0")
	b.mustUpsert(t, "stateful", true)
}

func secretKept(t *testing.T, b *bench) {
	if err := b.EnsureNamespace(t.Context(), b.release.Namespace, nil); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ give, want map[string]string }{
		{map[string]string{"password": "first"}, map[string]string{"password": "first"}},
		{map[string]string{"password": "second", "other": "x"}, map[string]string{"password": "first", "other": "x"}},
	} {
		got, err := b.EnsureSecret(t.Context(), b.release.Namespace, "auth", step.give)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("secret (-want +got):\n%s", diff)
		}
	}
}
