// Package watch follows the resources of a release and their pods until all are
// ready, or until it is clear that one of them cannot become so, and then says
// which, why, and with which log lines.
package watch

import (
	"strings"
	"time"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Object names one resource to wait for.
type Object struct {
	Kind      string // "Deployment"
	Namespace string
	Name      string
	// UID, when set, ignores an older object of the same name.
	UID types.UID
	// Generation is the least that counts: a cache may still hold an older one.
	Generation int64
}

// String gives "deployment/backend".
func (o Object) String() string { return strings.ToLower(o.Kind) + "/" + o.Name }

// Watched says whether readiness means anything for a kind. Other kinds are
// ready when they exist.
func Watched(kind string) bool {
	switch kind {
	case "Deployment", "Rollout", "StatefulSet", "DaemonSet", "Job", "Pod", "PersistentVolumeClaim":
		return true
	}
	return false
}

// Snapshot is what the cluster holds of one moment, as far as readiness needs it.
type Snapshot struct {
	Now          time.Time
	Deployments  []*appsv1.Deployment
	Rollouts     []*v1alpha1.Rollout
	ReplicaSets  []*appsv1.ReplicaSet
	StatefulSets []*appsv1.StatefulSet
	DaemonSets   []*appsv1.DaemonSet
	Jobs         []*batchv1.Job
	Pods         []*corev1.Pod
	Claims       []*corev1.PersistentVolumeClaim
	Events       []*corev1.Event // warnings
}

// Limits say how long a pod may look broken before it counts as broken.
type Limits struct {
	// Restarts is how many restarts a container in CrashLoopBackOff is given.
	Restarts int32
	// Grace is what a missing Secret, ConfigMap or volume is given to appear.
	Grace time.Duration
}

// DefaultLimits are used for zero fields.
func DefaultLimits() Limits { return Limits{Restarts: 3, Grace: 10 * time.Second} }

func find[T metav1.Object](all []T, o Object) (T, bool) {
	for _, candidate := range all {
		if candidate.GetName() != o.Name || candidate.GetNamespace() != o.Namespace {
			continue
		}
		if o.UID != "" && candidate.GetUID() != o.UID || candidate.GetGeneration() < o.Generation {
			break
		}
		return candidate, true
	}
	var none T
	return none, false
}

// owned lists the objects whose controller is owner.
func owned[T metav1.Object](all []T, owner types.UID) []T {
	var mine []T
	for _, candidate := range all {
		if ref := metav1.GetControllerOf(candidate); ref != nil && ref.UID == owner {
			mine = append(mine, candidate)
		}
	}
	return mine
}

// warning gives the newest warning about the object with uid, of the given
// reasons, or of any that may tell of a failure.
func (s Snapshot) warning(uid types.UID, reasons ...string) *corev1.Event {
	var newest *corev1.Event
	for _, event := range s.Events {
		if event.InvolvedObject.UID != uid || len(reasons) > 0 && !contains(reasons, event.Reason) ||
			event.Reason == "MissingClusterDNS" || event.Reason == "DNSConfigForming" {
			continue
		}
		if newest == nil || eventTime(newest).Before(eventTime(event)) {
			newest = event
		}
	}
	return newest
}

func eventTime(e *corev1.Event) time.Time {
	if !e.LastTimestamp.IsZero() {
		return e.LastTimestamp.Time
	}
	if !e.EventTime.IsZero() {
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

func contains(all []string, one string) bool {
	for _, each := range all {
		if each == one {
			return true
		}
	}
	return false
}
