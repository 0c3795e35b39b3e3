package smoke

import (
	"context"
	"fmt"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pocctl/pocctl/internal/deploy/rollout"
)

// components checks that every Deployment and StatefulSet of a namespace is
// fully ready, and every Job of a Helm hook done.
type components struct{ Options }

func (c components) check(ctx context.Context, progress Progress) error {
	return poll(ctx, c.Deadline, Components, progress, c.ask)
}

func (c components) ask(ctx context.Context) (string, *mismatch) {
	all := "every component in namespace " + c.Namespace + " ready"
	get := fmt.Sprintf("pocctl status, or kubectl -n %s get deployments,statefulsets,jobs", c.Namespace)
	unread := func(err error) (string, *mismatch) { return "", &mismatch{expected: all, got: err.Error(), next: get} }

	deployments, err := c.Kubernetes.AppsV1().Deployments(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return unread(err)
	}
	stateful, err := c.Kubernetes.AppsV1().StatefulSets(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return unread(err)
	}
	jobs, err := c.Kubernetes.BatchV1().Jobs(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return unread(err)
	}
	var rollouts []*v1alpha1.Rollout
	if c.Rollouts != nil {
		if rollouts, err = c.Rollouts(ctx, c.Namespace); err != nil {
			return unread(err)
		}
	}
	for _, one := range rollouts {
		if state := rollout.StateOf(one); !state.Whole() && !state.UnderWay() {
			return "", &mismatch{
				expected: "rollout " + one.Name + " ready", got: state.String(),
				next: fmt.Sprintf("kubectl -n %s describe rollouts.argoproj.io %s", c.Namespace, one.Name),
			}
		}
	}
	if len(deployments.Items)+len(stateful.Items)+len(rollouts) == 0 {
		return "", &mismatch{expected: all, got: "none there", next: get}
	}
	for i := range stateful.Items {
		if found := statefulSet(&stateful.Items[i]); found != nil {
			return "", found
		}
	}
	for i := range jobs.Items {
		if found := job(&jobs.Items[i]); found != nil {
			return "", found
		}
	}
	for i := range deployments.Items {
		if found := deployment(&deployments.Items[i]); found != nil {
			return "", found
		}
	}
	text := fmt.Sprintf("%d deployments and %d stateful sets ready", len(deployments.Items), len(stateful.Items))
	if len(rollouts) > 0 {
		text = fmt.Sprintf("%d rollouts, %s", len(rollouts), text)
	}
	return text, nil
}

func deployment(d *appsv1.Deployment) *mismatch {
	want := replicas(d.Spec.Replicas)
	s := d.Status
	for _, condition := range s.Conditions {
		stuck := condition.Type == appsv1.DeploymentProgressing && condition.Status == corev1.ConditionFalse
		if stuck && s.ObservedGeneration >= d.Generation {
			found := notReady("deployment", d.ObjectMeta, want, s.ReadyReplicas)
			found.got, found.final = condition.Message, true
			return found
		}
	}
	if s.ObservedGeneration < d.Generation || s.UpdatedReplicas != want || s.ReadyReplicas != want ||
		s.AvailableReplicas != want || s.Replicas != want {
		return notReady("deployment", d.ObjectMeta, want, min(s.ReadyReplicas, s.UpdatedReplicas))
	}
	return nil
}

func statefulSet(set *appsv1.StatefulSet) *mismatch {
	want := replicas(set.Spec.Replicas)
	s := set.Status
	if s.ObservedGeneration < set.Generation || s.ReadyReplicas != want || s.Replicas != want ||
		s.UpdateRevision != "" && s.UpdateRevision != s.CurrentRevision && s.UpdatedReplicas != want {
		return notReady("statefulset", set.ObjectMeta, want, s.ReadyReplicas)
	}
	return nil
}

// job looks at the Jobs of Helm hooks: others may well be under way. Helm removes
// a hook's Job when it is done, unless told not to.
func job(j *batchv1.Job) *mismatch {
	if _, hook := j.Annotations["helm.sh/hook"]; !hook {
		return nil
	}
	found := &mismatch{
		expected: "job " + j.Name + " complete",
		got:      fmt.Sprintf("%d pods active, %d failed", j.Status.Active, j.Status.Failed),
		next:     fmt.Sprintf("kubectl -n %s logs job/%s", j.Namespace, j.Name),
	}
	for _, condition := range j.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete:
			return nil
		case batchv1.JobFailed:
			found.got, found.final = "it failed: "+condition.Message, true
		}
	}
	return found
}

func notReady(kind string, object metav1.ObjectMeta, want, ready int32) *mismatch {
	return &mismatch{
		expected: fmt.Sprintf("%s %s ready", kind, object.Name),
		got:      fmt.Sprintf("%d of %d replicas ready", ready, want),
		next:     fmt.Sprintf("kubectl -n %s describe %s %s", object.Namespace, kind, object.Name),
	}
}

func replicas(asked *int32) int32 {
	if asked == nil {
		return 1 // the API's default
	}
	return *asked
}
