package smoke

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/verify/shoptest"
)

// told keeps what a check says.
type told struct{ waiting, detail []string }

func (p *told) Waiting(format string, args ...any) {
	p.waiting = append(p.waiting, fmt.Sprintf(format, args...))
}

func (p *told) Detail(format string, args ...any) {
	p.detail = append(p.detail, fmt.Sprintf(format, args...))
}

const short = 50 * time.Millisecond // a deadline that is meant to pass

func TestTransaction(t *testing.T) {
	shop := shoptest.New(t)
	progress := &told{}
	checks := Checks(Options{Root: shop.Root})
	results, err := Run(t.Context(), checks, progress)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 || results[1].Name != Transaction || results[1].Seconds <= 0 {
		t.Errorf("results %+v", results)
	}
	product, order := "/api/v1/products/00000000-0000-7000-8000-000000000001", "/api/v1/orders/00000000-0000-7000-9000-000000000002"
	want := []string{"GET /readyz", "POST /api/v1/products", "GET " + product, "GET " + product,
		"GET /api/v1/products/search", "POST /api/v1/orders", "GET " + order, "GET " + order, "DELETE " + product, "GET " + product}
	if diff := cmp.Diff(want, shop.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if said := strings.Join(progress.detail, "\n"); !strings.HasPrefix(said, "migration 2 of 2\ncreate ") || !strings.Contains(said, "cached read ") {
		t.Errorf("details %q", said)
	}
}

func TestTransactionFails(t *testing.T) {
	on := func(method, part string, nth, status int) func(*http.Request) int {
		seen := 0
		return func(r *http.Request) int {
			if r.Method == method && strings.Contains(r.URL.Path, part) {
				if seen++; seen >= nth {
					return status
				}
			}
			return 0
		}
	}
	for name, test := range map[string]struct {
		fault   func(*http.Request) int
		noCache bool
		message string
		left    int
	}{
		"create":            {on("POST", "products", 1, 500), false, "transaction, create: expected status 201 from POST /api/v1/products, got status 500 with {\"title\":\"injected\"}", 0},
		"read":              {on("GET", "products", 1, 503), false, "transaction, read: expected status 200 from GET /api/v1/products/0", 0},
		"cached read":       {nil, true, `transaction, cached read: expected X-Cache: hit from GET /api/v1/products/`, 0},
		"search":            {on("GET", "search", 1, 404), false, "transaction, search: expected status 200", 0},
		"order":             {on("POST", "orders", 1, 503), false, "transaction, order: expected status 201 from POST /api/v1/orders, got status 503", 0},
		"confirmation":      {on("GET", "orders/0", 2, 401), false, "transaction, confirmation: expected status 200 from GET /api/v1/orders/0", 0},
		"delete":            {on("DELETE", "products", 1, 403), false, "transaction, delete: expected status 204", 1},
		"read when deleted": {on("GET", "products/0", 3, 200), false, "transaction, read when deleted: expected status 404", 0},
	} {
		t.Run(name, func(t *testing.T) {
			shop := shoptest.New(t)
			shop.Fault, shop.NoCache = test.fault, test.noCache
			_, err := Run(t.Context(), Checks(Options{Root: shop.Root}), &told{})
			expect(t, err, test.message, "curl -i '"+shop.URL)
			if left := shop.Products(); left != test.left {
				t.Errorf("%d products are left, want %d", left, test.left)
			}
		})
	}
}

func TestMigrationsFail(t *testing.T) {
	for name, test := range map[string]struct{ ready, message string }{
		"behind":      {`{"status":"not-ready","migrations":{"status":"failed","current":1,"head":2}}`, "got migration 1 of 2"},
		"no word":     {`{"status":"ready"}`, "got no word about migrations"},
		"another app": {`<html>It works!</html>`, "got status 200 with <html>It works!</html>"},
	} {
		t.Run(name, func(t *testing.T) {
			shop := shoptest.New(t)
			shop.Ready = test.ready
			results, err := Run(t.Context(), Checks(Options{Root: shop.Root, Deadline: short}), &told{})
			expect(t, err, test.message, "curl -i "+shop.Root+"/readyz")
			if !results[1].Skipped {
				t.Error("the transaction was tried all the same")
			}
		})
	}
}

func TestMigrationsOfAServiceThatIsGone(t *testing.T) {
	_, err := Run(t.Context(), Checks(Options{Root: "http://127.0.0.1:1", Deadline: short}), &told{})
	expect(t, err, "connection refused", "curl -i http://127.0.0.1:1/readyz")
}

func expect(t *testing.T, err error, message, fix string) {
	t.Helper()
	refused := fault.From(err)
	if refused == nil || refused.Code != fault.SmokeFailed || !strings.Contains(refused.Message, message) || !strings.Contains(refused.Fix, fix) {
		t.Errorf("got %v (fix %q), want %q and %q", err, refused.Fix, message, fix)
	}
}

var meta = metav1.ObjectMeta{Name: "backend", Namespace: "shop", Generation: 2}

func deploymentWith(change func(*appsv1.Deployment)) *appsv1.Deployment {
	three := int32(3)
	d := &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: &three},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}}
	change(d)
	return d
}

func statefulSetWith(ready int32) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "postgres", Namespace: "shop"},
		Status: appsv1.StatefulSetStatus{Replicas: 1, ReadyReplicas: ready}}
}

func jobWith(hook bool, condition batchv1.JobConditionType) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "migrate", Namespace: "shop"}}
	if hook {
		j.Annotations = map[string]string{"helm.sh/hook": "pre-upgrade"}
	}
	if condition != "" {
		j.Status.Conditions = []batchv1.JobCondition{{Type: condition, Status: corev1.ConditionTrue, Message: "BackoffLimitExceeded"}}
	}
	return j
}

func TestComponents(t *testing.T) {
	ready := deploymentWith(func(*appsv1.Deployment) {})
	for name, test := range map[string]struct {
		objects []runtime.Object
		message string // empty if they are ready
		fix     string
	}{
		"ready":             {[]runtime.Object{ready, statefulSetWith(1), jobWith(true, batchv1.JobComplete), otherJob()}, "", ""},
		"nothing there":     {nil, "got none there", "pocctl status"},
		"a set not ready":   {[]runtime.Object{ready, statefulSetWith(0)}, "expected statefulset postgres ready, got 0 of 1 replicas ready", "kubectl -n shop describe statefulset postgres"},
		"too few":           {[]runtime.Object{deploymentWith(func(d *appsv1.Deployment) { d.Status.ReadyReplicas = 2 })}, "got 2 of 3 replicas ready", "describe deployment backend"},
		"an old generation": {[]runtime.Object{deploymentWith(func(d *appsv1.Deployment) { d.Status.ObservedGeneration = 1 })}, "expected deployment backend ready", "describe"},
		"an old replica":    {[]runtime.Object{deploymentWith(func(d *appsv1.Deployment) { d.Status.Replicas = 4 })}, "expected deployment backend ready", "describe"},
		"stuck": {[]runtime.Object{deploymentWith(func(d *appsv1.Deployment) {
			d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Message: "it has timed out progressing"}}
		})}, "got it has timed out progressing", "describe deployment backend"},
		"a hook under way": {[]runtime.Object{ready, jobWith(true, "")}, "expected job migrate complete, got 0 pods active, 0 failed", "logs job/migrate"},
		"a hook failed":    {[]runtime.Object{ready, jobWith(true, batchv1.JobFailed)}, "got it failed: BackoffLimitExceeded", "logs job/migrate"},
	} {
		t.Run(name, func(t *testing.T) {
			checks := Checks(Options{Kubernetes: fake.NewClientset(test.objects...), Namespace: "shop", Deadline: short})
			_, err := Run(t.Context(), checks, &told{})
			if test.message == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			expect(t, err, test.message, test.fix)
		})
	}
}

// otherJob is a Job of no hook, which may be under way.
func otherJob() *batchv1.Job {
	j := jobWith(false, "")
	j.Name = "report"
	return j
}

// A check waits for what is not yet so, says what it waits for, and stops when
// the run is cancelled.
func TestComponentsAreWaitedFor(t *testing.T) {
	client := fake.NewClientset(statefulSetWith(0))
	progress := &waiter{seen: make(chan string, 100)}
	done := make(chan error, 1)
	go func() {
		_, err := Run(t.Context(), Checks(Options{Kubernetes: client, Namespace: "shop"}), progress)
		done <- err
	}()
	if waits := <-progress.seen; waits != "statefulset postgres ready (now: 0 of 1 replicas ready)" {
		t.Errorf("waits for %q", waits)
	}
	if _, err := client.AppsV1().StatefulSets("shop").UpdateStatus(t.Context(), statefulSetWith(1), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWaitIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	progress := &waiter{seen: make(chan string, 100), then: cancel}
	_, err := Run(ctx, Checks(Options{Kubernetes: fake.NewClientset(statefulSetWith(0)), Namespace: "shop"}), progress)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

type waiter struct {
	seen chan string
	then func()
}

func (w *waiter) Waiting(format string, args ...any) {
	w.seen <- fmt.Sprintf(format, args...)
	if w.then != nil {
		w.then()
	}
}

func (w *waiter) Detail(string, ...any) {}
