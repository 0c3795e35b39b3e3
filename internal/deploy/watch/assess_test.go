package watch

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pocctl/pocctl/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files anew")

func now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func TestAssess(t *testing.T) {
	deployment := Object{Kind: "Deployment", Namespace: "shop", Name: "backend"}
	set := Object{Kind: "StatefulSet", Namespace: "shop", Name: "postgres"}
	job := Object{Kind: "Job", Namespace: "shop", Name: "migrate"}
	for _, test := range []struct {
		name     string
		object   Object
		snapshot Snapshot
		want     string // of State.String
		ready    bool
		reason   string // of the failure; empty: none
	}{
		{name: "not there", object: deployment, want: "backend not there yet"},
		{name: "ready", object: deployment, snapshot: deployed(3, 3, 3), want: "backend 3/3 ready", ready: true},
		{name: "old generation in the cache", object: withGeneration(deployment, 2), snapshot: deployed(3, 3, 3), want: "backend not there yet"},
		{name: "another object of the name", object: withUID(deployment, "old"), snapshot: deployed(3, 3, 3), want: "backend not there yet"},
		{name: "not observed yet", object: deployment, snapshot: unobserved(deployed(3, 3, 3)), want: "backend 3/3 ready"},
		{name: "old version still there", object: deployment, snapshot: surplus(deployed(3, 3, 3)), want: "backend 3/3 of the new version, the old one ends"},
		{name: "creating", object: deployment, snapshot: deployed(3, 3, 2, waiting("b-1", "ContainerCreating", "", 0)),
			want: "backend 2/3 ready; pod b-1: ContainerCreating"},
		{name: "first crash", object: deployment, snapshot: deployed(1, 1, 0, crashed("b-1", 1)),
			want: "backend 0/1 ready; pod b-1: CrashLoopBackOff, exit code 7 after 1 restart"},
		{name: "crash loop", object: deployment, snapshot: deployed(1, 1, 0, crashed("b-1", 3)), reason: "CrashLoopBackOff, exit code 7 after 3 restarts",
			want: "backend 0/1 ready; pod b-1: CrashLoopBackOff, exit code 7 after 3 restarts"},
		{name: "crash loop of the old version", object: deployment, snapshot: deployed(1, 1, 0, ofOldReplicaSet(crashed("b-1", 9))),
			want: "backend 0/1 ready"},
		{name: "crash loop of a pod that is being deleted", object: deployment, snapshot: deployed(1, 1, 0, deleted(crashed("b-1", 9))),
			want: "backend 0/1 ready"},
		{name: "the registry stumbles", object: deployment, snapshot: deployed(1, 1, 0, waiting("b-1", "ErrImagePull", "i/o timeout", 0)),
			want: "backend 0/1 ready; pod b-1: ErrImagePull"},
		{name: "no such image", object: deployment, snapshot: deployed(1, 1, 0, waiting("b-1", "ErrImagePull", "manifest unknown", 0)),
			want: "backend 0/1 ready; pod b-1: ErrImagePull", reason: "ErrImagePull"},
		{name: "image back-off", object: deployment, snapshot: deployed(1, 1, 0, waiting("b-1", "ImagePullBackOff", "", 0)),
			want: "backend 0/1 ready; pod b-1: ImagePullBackOff", reason: "ImagePullBackOff"},
		{name: "young pod without its secret", object: deployment, snapshot: deployed(1, 1, 0, aged(time.Second, waiting("b-1", "CreateContainerConfigError", "", 0))),
			want: "backend 0/1 ready; pod b-1: CreateContainerConfigError"},
		{name: "pod without its secret", object: deployment, snapshot: deployed(1, 1, 0, aged(time.Minute, waiting("b-1", "CreateContainerConfigError", "", 0))),
			want: "backend 0/1 ready; pod b-1: CreateContainerConfigError", reason: "CreateContainerConfigError"},
		{name: "progress deadline", object: deployment, snapshot: stalled(deployed(1, 1, 0)),
			want: "backend 0/1 ready", reason: "ProgressDeadlineExceeded"},
		{name: "quota", object: deployment, snapshot: warned(deployed(1, 0, 0), "rs-new", "FailedCreate", `pods "b" is forbidden: exceeded quota: none`),
			want: "backend 0/1 updated", reason: "FailedCreate"},
		{name: "service account comes later", object: deployment, want: "backend 0/1 updated",
			snapshot: warned(deployed(1, 0, 0), "rs-new", "FailedCreate", `pods "b" is forbidden: error looking up service account`)},
		{name: "not schedulable", object: deployment, snapshot: deployed(1, 1, 0, unschedulable("b-1")),
			want: "backend 0/1 ready; pod b-1: not scheduled: 0/1 nodes are available"},
		{name: "stateful set ready", object: set, snapshot: stateful(1), want: "postgres 1/1 ready", ready: true},
		{name: "volume that is never bound", object: set, snapshot: unboundClaim(stateful(0), time.Minute),
			want: "postgres 0/1 ready; pod postgres-0: unbound volume claim data-postgres-0", reason: "unbound volume claim data-postgres-0"},
		{name: "volume that may be bound yet", object: set, snapshot: unboundClaim(stateful(0), time.Second),
			want: "postgres 0/1 ready; pod postgres-0: pending"},
		{name: "job runs", object: job, snapshot: jobWith(), want: "migrate running"},
		{name: "job complete", object: job, snapshot: jobWith(batchv1.JobCondition{Type: batchv1.JobComplete, Status: "True"}), want: "migrate complete", ready: true},
		{name: "job whose pod has succeeded", object: job, snapshot: succeededPod(jobWith()), want: "migrate complete", ready: true},
		{name: "job failed", object: job, want: "migrate failed", reason: "exit code 7",
			snapshot: jobWith(batchv1.JobCondition{Type: batchv1.JobFailed, Status: "True", Reason: "BackoffLimitExceeded"})},
		{name: "job out of time", object: job, want: "migrate failed", reason: "DeadlineExceeded",
			snapshot: jobWith(batchv1.JobCondition{Type: batchv1.JobFailed, Status: "True", Reason: "DeadlineExceeded"})},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.snapshot.Now = now()
			state := Assess(test.snapshot, []Object{test.object}, DefaultLimits())[0]
			if got := state.String(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			if state.Ready != test.ready {
				t.Errorf("ready %v, want %v", state.Ready, test.ready)
			}
			reason := ""
			if state.Failure != nil {
				reason = state.Failure.Reason
			}
			if reason != test.reason {
				t.Errorf("failure %q, want %q", reason, test.reason)
			}
		})
	}
}

func TestStuckPodOfAnOlderRevision(t *testing.T) {
	snapshot := stateful(0)
	snapshot.Now = now()
	pod := crashed("postgres-0", 9)
	pod.OwnerReferences = controlledBy("sts")
	pod.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: "old"}
	snapshot.Pods = []*corev1.Pod{pod}
	state := Assess(snapshot, []Object{{Kind: "StatefulSet", Namespace: "shop", Name: "postgres"}}, DefaultLimits())[0]
	if len(state.Stuck) != 1 || state.Failure != nil {
		t.Errorf("stuck %d, failure %+v; want the old pod to be replaced, not blamed", len(state.Stuck), state.Failure)
	}
}

// TestFailureTexts keeps what people read of a failure.
func TestFailureTexts(t *testing.T) {
	for name, failure := range map[string]Failure{
		"crash": {Object: Object{Kind: "Deployment", Namespace: "shop", Name: "backend"}, Pod: "backend-7d9c", Container: "backend",
			Reason: "CrashLoopBackOff, exit code 1 after 3 restarts", Previous: true,
			Logs:  []string{`{"level":"info","msg":"starting"}`, `{"level":"fatal","msg":"connect to postgres: connection refused"}`},
			Event: "BackOff: Back-off restarting failed container backend"},
		"image": {Object: Object{Kind: "Deployment", Namespace: "shop", Name: "backend"}, Pod: "backend-7d9c", Container: "backend",
			Reason: "ErrImagePull", Message: "image shop:1 is not built in; known are postgres, redis"},
		"hook": {Object: Object{Kind: "Job", Namespace: "shop", Name: "backend-migrate"}, Pod: "backend-migrate-x", Container: "migrate",
			Reason: "exit code 1", Logs: []string{"ERROR: relation products exists"}},
		"quota": {Object: Object{Kind: "StatefulSet", Namespace: "shop", Name: "postgres"}, Reason: "FailedCreate", Message: "exceeded quota: none"},
	} {
		t.Run(name, func(t *testing.T) {
			shown := fault.New(fault.RolloutFailed, "release", "release demo", "resource", failure.Object,
				"outcome", failure.outcome(), "detail", failure.Describe(), "next", kubectl(failure))
			got := shown.Error() + "\nfix: " + shown.Fix + "\n"
			golden := filepath.Join("testdata", name+".golden.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func meta(name, uid string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID(uid), Generation: 1,
		CreationTimestamp: metav1.NewTime(now().Add(-time.Minute))}
}

func controlledBy(uid string) []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{UID: types.UID(uid), Controller: &yes}}
}

func withGeneration(o Object, generation int64) Object { o.Generation = generation; return o }
func withUID(o Object, uid types.UID) Object           { o.UID = uid; return o }

// rollout is a deployment with its old and new replica set and some pods of the new one.
func deployed(wanted, updated, available int32, pods ...*corev1.Pod) Snapshot {
	const revision = "deployment.kubernetes.io/revision"
	deployment := &appsv1.Deployment{ObjectMeta: meta("backend", "d"), Spec: appsv1.DeploymentSpec{Replicas: &wanted}}
	deployment.Annotations = map[string]string{revision: "2"}
	deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: wanted, UpdatedReplicas: updated, AvailableReplicas: available}
	fresh, old := &appsv1.ReplicaSet{ObjectMeta: meta("b-new", "rs-new")}, &appsv1.ReplicaSet{ObjectMeta: meta("b-old", "rs-old")}
	fresh.OwnerReferences, old.OwnerReferences = controlledBy("d"), controlledBy("d")
	fresh.Annotations, old.Annotations = map[string]string{revision: "2"}, map[string]string{revision: "1"}
	return Snapshot{Deployments: []*appsv1.Deployment{deployment}, ReplicaSets: []*appsv1.ReplicaSet{old, fresh}, Pods: pods}
}

func unobserved(s Snapshot) Snapshot { s.Deployments[0].Status.ObservedGeneration = 0; return s }
func surplus(s Snapshot) Snapshot    { s.Deployments[0].Status.Replicas++; return s }

func stalled(s Snapshot) Snapshot {
	s.Deployments[0].Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: "False", Reason: "ProgressDeadlineExceeded"}}
	return s
}

func warned(s Snapshot, uid, reason, message string) Snapshot {
	s.Events = append(s.Events, &corev1.Event{InvolvedObject: corev1.ObjectReference{UID: types.UID(uid)}, Type: "Warning", Reason: reason, Message: message})
	return s
}

func pod(name string, status corev1.ContainerStatus) *corev1.Pod {
	one := &corev1.Pod{ObjectMeta: meta(name, name)}
	one.OwnerReferences = controlledBy("rs-new")
	one.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{status}}
	return one
}

func waiting(name, reason, message string, restarts int32) *corev1.Pod {
	return pod(name, corev1.ContainerStatus{Name: "main", RestartCount: restarts,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}})
}

func crashed(name string, restarts int32) *corev1.Pod {
	one := waiting(name, "CrashLoopBackOff", "back-off", restarts)
	one.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 7}
	return one
}

func unschedulable(name string) *corev1.Pod {
	one := pod(name, corev1.ContainerStatus{Name: "main"})
	one.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: "False", Message: "0/1 nodes\nare available"}}
	return one
}

func ofOldReplicaSet(p *corev1.Pod) *corev1.Pod { p.OwnerReferences = controlledBy("rs-old"); return p }

func deleted(p *corev1.Pod) *corev1.Pod {
	at := metav1.NewTime(now())
	p.DeletionTimestamp = &at
	return p
}

func aged(age time.Duration, p *corev1.Pod) *corev1.Pod {
	p.CreationTimestamp = metav1.NewTime(now().Add(-age))
	return p
}

func stateful(ready int32) Snapshot {
	set := &appsv1.StatefulSet{ObjectMeta: meta("postgres", "sts")}
	set.Status = appsv1.StatefulSetStatus{ObservedGeneration: 1, Replicas: 1, ReadyReplicas: ready, UpdatedReplicas: ready, CurrentRevision: "new", UpdateRevision: "new"}
	return Snapshot{StatefulSets: []*appsv1.StatefulSet{set}}
}

func unboundClaim(s Snapshot, age time.Duration) Snapshot {
	one := &corev1.Pod{ObjectMeta: meta("postgres-0", "postgres-0"), Status: corev1.PodStatus{Phase: corev1.PodPending}}
	one.OwnerReferences = controlledBy("sts")
	one.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: "new"}
	one.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data-postgres-0"}}}}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: meta("data-postgres-0", "claim"), Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}}
	claim.CreationTimestamp = metav1.NewTime(now().Add(-age))
	s.Pods, s.Claims = []*corev1.Pod{one}, []*corev1.PersistentVolumeClaim{claim}
	return warned(s, "claim", "FailedBinding", "no storage class is set")
}

func succeededPod(s Snapshot) Snapshot {
	s.Pods[0].Status.Phase = corev1.PodSucceeded
	return s
}

func jobWith(conditions ...batchv1.JobCondition) Snapshot {
	job := &batchv1.Job{ObjectMeta: meta("migrate", "job"), Status: batchv1.JobStatus{Conditions: conditions}}
	one := pod("migrate-x", corev1.ContainerStatus{Name: "migrate"})
	one.OwnerReferences = controlledBy("job")
	if len(conditions) == 0 {
		one.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: "True"}}
	} else if conditions[0].Type == batchv1.JobFailed {
		one.Status.ContainerStatuses[0].State.Terminated = &corev1.ContainerStateTerminated{ExitCode: 7}
	}
	return Snapshot{Jobs: []*batchv1.Job{job}, Pods: []*corev1.Pod{one}}
}
