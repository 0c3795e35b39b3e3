package watch

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// State is what a Snapshot says of one Object.
type State struct {
	Object Object
	Ready  bool
	// Summary is short: "2/3 ready".
	Summary string
	// Pod is the pod that holds it up, and Trouble what is the matter with it.
	Pod     string
	Trouble string
	// Event is the pod's last warning.
	Event string
	// Stuck are pods of an older revision that a StatefulSet will not replace by
	// itself, because they never became ready.
	Stuck []*corev1.Pod
	// Failure is set when waiting longer is pointless.
	Failure *Failure
}

// String gives "backend 2/3 ready; pod backend-x: ContainerCreating".
func (s State) String() string {
	text := s.Object.Name + " " + s.Summary
	if s.Ready || s.Trouble == "" {
		return text
	}
	if s.Pod == "" {
		return text + "; " + s.Trouble
	}
	return text + "; pod " + s.Pod + ": " + s.Trouble
}

// Failure is why an object cannot become ready.
type Failure struct {
	Object    Object
	Pod       string
	Container string
	Reason    string // "CrashLoopBackOff"
	Message   string
	Previous  bool // the log lines of the container's previous run are the telling ones
	Event     string
	Logs      []string
}

// Assess says of every object whether it is ready in the snapshot. It is a pure function.
func Assess(snapshot Snapshot, objects []Object, limits Limits) []State {
	states := make([]State, 0, len(objects))
	for _, object := range objects {
		state := assess(snapshot, object, limits)
		state.Object = object
		if state.Failure != nil {
			state.Failure.Object = object
		}
		states = append(states, state)
	}
	return states
}

func assess(s Snapshot, o Object, limits Limits) State {
	switch o.Kind {
	case "Deployment":
		if found, ok := find(s.Deployments, o); ok {
			return s.deployment(found, limits)
		}
	case "Rollout":
		if found, ok := find(s.Rollouts, o); ok {
			return s.rollout(found, limits)
		}
	case "StatefulSet":
		if found, ok := find(s.StatefulSets, o); ok {
			return s.statefulSet(found, limits)
		}
	case "DaemonSet":
		if found, ok := find(s.DaemonSets, o); ok {
			return s.daemonSet(found, limits)
		}
	case "Job":
		if found, ok := find(s.Jobs, o); ok {
			return s.job(found, limits)
		}
	case "Pod":
		if found, ok := find(s.Pods, o); ok {
			return s.singlePod(found, limits)
		}
	case "PersistentVolumeClaim":
		if found, ok := find(s.Claims, o); ok {
			return s.claim(found, limits)
		}
	default:
		return State{Ready: true, Summary: "exists"}
	}
	return State{Summary: "not there yet"}
}

func (s Snapshot) deployment(d *appsv1.Deployment, limits Limits) State {
	wanted := replicas(d.Spec.Replicas)
	observed := d.Status.ObservedGeneration >= d.Generation
	state := State{Summary: ready(d.Status.AvailableReplicas, wanted)}
	if observed && d.Status.UpdatedReplicas < wanted {
		state.Summary = fmt.Sprintf("%d/%d updated", d.Status.UpdatedReplicas, wanted)
	}
	if observed && d.Status.Replicas > wanted && d.Status.AvailableReplicas >= wanted {
		state.Summary = fmt.Sprintf("%d/%d of the new version, the old one ends", min(d.Status.UpdatedReplicas, wanted), wanted)
	}
	state.Ready = observed && d.Status.UpdatedReplicas == wanted && d.Status.AvailableReplicas == wanted && d.Status.Replicas == wanted
	if state.Ready || !observed {
		return state
	}
	current := s.currentReplicaSet(d)
	if current == nil {
		return state
	}
	s.blame(&state, owned(s.Pods, current.UID), limits)
	if state.Failure == nil {
		state.Failure = s.refused(current.UID)
	}
	for _, condition := range d.Status.Conditions {
		if state.Failure == nil && condition.Type == appsv1.DeploymentProgressing && condition.Reason == "ProgressDeadlineExceeded" {
			state.Failure = &Failure{Pod: state.Pod, Reason: condition.Reason, Message: state.Trouble}
		}
	}
	return state
}

// currentReplicaSet finds the one of the deployment's present template: pods of
// an older one may be broken without being the new version's fault.
func (s Snapshot) currentReplicaSet(d *appsv1.Deployment) *appsv1.ReplicaSet {
	const revision = "deployment.kubernetes.io/revision"
	for _, set := range owned(s.ReplicaSets, d.UID) {
		if set.Annotations[revision] == d.Annotations[revision] {
			return set
		}
	}
	return nil
}

func (s Snapshot) statefulSet(set *appsv1.StatefulSet, limits Limits) State {
	wanted := replicas(set.Spec.Replicas)
	observed := set.Status.ObservedGeneration >= set.Generation
	updated := set.Status.UpdateRevision == set.Status.CurrentRevision || set.Status.UpdatedReplicas == wanted
	if set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		updated = true
	}
	state := State{Summary: ready(set.Status.ReadyReplicas, wanted)}
	state.Ready = observed && updated && set.Status.ReadyReplicas == wanted && set.Status.Replicas == wanted
	if state.Ready || !observed {
		return state
	}
	current, older := byRevision(owned(s.Pods, set.UID), set.Status.UpdateRevision)
	for _, pod := range older {
		if pod.DeletionTimestamp != nil || podReady(pod) {
			continue
		}
		if _, failure := s.trouble(pod, limits); failure != nil {
			state.Stuck = append(state.Stuck, pod)
		}
	}
	s.blame(&state, current, limits)
	if state.Failure == nil {
		state.Failure = s.refused(set.UID)
	}
	return state
}

func byRevision(pods []*corev1.Pod, revision string) (current, older []*corev1.Pod) {
	for _, pod := range pods {
		if pod.Labels[appsv1.ControllerRevisionHashLabelKey] == revision {
			current = append(current, pod)
		} else {
			older = append(older, pod)
		}
	}
	return current, older
}

func (s Snapshot) daemonSet(set *appsv1.DaemonSet, limits Limits) State {
	wanted := set.Status.DesiredNumberScheduled
	observed := set.Status.ObservedGeneration >= set.Generation
	state := State{Summary: ready(set.Status.NumberAvailable, wanted)}
	state.Ready = observed && set.Status.UpdatedNumberScheduled == wanted && set.Status.NumberAvailable == wanted
	if state.Ready || !observed {
		return state
	}
	s.blame(&state, owned(s.Pods, set.UID), limits)
	if state.Failure == nil {
		state.Failure = s.refused(set.UID)
	}
	return state
}

func (s Snapshot) job(job *batchv1.Job, limits Limits) State {
	state := State{Summary: "running"}
	pods := owned(s.Pods, job.UID)
	for _, condition := range job.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete:
			return State{Ready: true, Summary: "complete"}
		case batchv1.JobFailed:
			state.Summary = "failed"
			state.Failure = &Failure{Reason: condition.Reason, Message: condition.Message}
			if pod := lastPod(pods); pod != nil {
				state.Failure.Pod = pod.Name
				if container, how := exitOf(pod); container != "" && condition.Reason == batchv1.JobReasonBackoffLimitExceeded {
					state.Failure.Container, state.Failure.Reason, state.Failure.Message = container, how, ""
				}
				state.Failure.Event = line(s.warning(pod.UID))
			}
			return state
		default: // on its way to one of these
		}
	}
	if succeeded(pods) >= replicas(job.Spec.Completions) {
		return State{Ready: true, Summary: "complete"} // its controller says so a second later
	}
	if job.Status.Failed > 0 {
		state.Summary = fmt.Sprintf("running again after %d failed", job.Status.Failed)
	}
	s.blame(&state, pods, limits)
	if state.Failure == nil {
		state.Failure = s.refused(job.UID)
	}
	return state
}

func (s Snapshot) singlePod(pod *corev1.Pod, limits Limits) State {
	switch {
	case pod.Status.Phase == corev1.PodSucceeded:
		return State{Ready: true, Summary: "succeeded"}
	case pod.Status.Phase == corev1.PodFailed:
		failure := &Failure{Pod: pod.Name, Reason: "Failed", Message: pod.Status.Message, Event: line(s.warning(pod.UID))}
		if container, how := exitOf(pod); container != "" {
			failure.Container, failure.Reason = container, how
		}
		return State{Summary: "failed", Failure: failure}
	case pod.Spec.RestartPolicy == corev1.RestartPolicyAlways && podReady(pod):
		return State{Ready: true, Summary: "ready"}
	}
	state := State{Summary: strings.ToLower(string(pod.Status.Phase))}
	s.blame(&state, []*corev1.Pod{pod}, limits)
	return state
}

func (s Snapshot) claim(claim *corev1.PersistentVolumeClaim, limits Limits) State {
	if claim.Status.Phase == corev1.ClaimBound {
		return State{Ready: true, Summary: "bound"}
	}
	state := State{Summary: strings.ToLower(string(claim.Status.Phase))}
	event := s.warning(claim.UID, "ProvisioningFailed", "FailedBinding")
	if claim.Status.Phase == corev1.ClaimLost || event != nil && s.Now.Sub(claim.CreationTimestamp.Time) > limits.Grace {
		state.Failure = &Failure{Reason: "unbound volume claim " + claim.Name, Message: message(event), Event: line(event)}
	}
	return state
}

// refused finds out that the API server turned down the owner's pods, by a
// quota or an admission rule.
func (s Snapshot) refused(owner types.UID) *Failure {
	event := s.warning(owner, "FailedCreate")
	if event == nil {
		return nil
	}
	text := event.Message
	if strings.Contains(text, "error looking up service account") || strings.Contains(text, "AlreadyExists") || strings.Contains(text, "already exists") {
		return nil // mended by the next try
	}
	if !strings.Contains(text, "forbidden") && !strings.Contains(text, "exceeded quota") && !strings.Contains(text, "is invalid") {
		return nil
	}
	return &Failure{Reason: event.Reason, Message: oneLine(text)}
}

func replicas(wanted *int32) int32 {
	if wanted == nil {
		return 1
	}
	return *wanted
}

func ready(have, wanted int32) string { return fmt.Sprintf("%d/%d ready", have, wanted) }
