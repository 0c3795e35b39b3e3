package watch

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// blame puts the pod that holds the state up into it, the worst one first.
func (s Snapshot) blame(state *State, pods []*corev1.Pod, limits Limits) {
	for _, pod := range pods {
		if pod.DeletionTimestamp != nil || podReady(pod) || pod.Status.Phase == corev1.PodSucceeded {
			continue
		}
		trouble, failure := s.trouble(pod, limits)
		if failure != nil && state.Failure == nil {
			state.Pod, state.Trouble, state.Failure = pod.Name, trouble, failure
		}
		if state.Trouble == "" {
			state.Pod, state.Trouble, state.Event = pod.Name, trouble, line(s.warning(pod.UID))
		}
	}
}

// trouble says in a few words what a pod that is not ready waits for, and gives
// a Failure when it waits in vain.
func (s Snapshot) trouble(pod *corev1.Pod, limits Limits) (string, *Failure) {
	if failure := s.unbound(pod, limits); failure != nil {
		return failure.Reason, failure
	}
	statuses := append(append([]corev1.ContainerStatus{}, pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...)
	trouble := ""
	for _, status := range statuses {
		words, fatal := s.container(pod, status, limits)
		if fatal {
			return words, &Failure{
				Pod:       pod.Name,
				Container: status.Name,
				Reason:    words,
				Message:   waitingMessage(status),
				Previous:  status.RestartCount > 0,
				Event:     line(s.warning(pod.UID)),
			}
		}
		if trouble == "" {
			trouble = words
		}
	}
	if trouble != "" {
		return trouble, nil
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return "not scheduled: " + oneLine(condition.Message), nil
		}
	}
	if event := s.warning(pod.UID, "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"); event != nil {
		return event.Reason + ": " + oneLine(event.Message), nil
	}
	return strings.ToLower(string(pod.Status.Phase)), nil
}

// container gives a container's state in a few words and whether it is final.
func (s Snapshot) container(pod *corev1.Pod, status corev1.ContainerStatus, limits Limits) (string, bool) {
	if waiting := status.State.Waiting; waiting != nil {
		young := s.Now.Sub(pod.CreationTimestamp.Time) < limits.Grace
		switch waiting.Reason {
		case "", "PodInitializing":
			return "", false
		case "InvalidImageName", "ErrImageNeverPull", "ImagePullBackOff":
			return waiting.Reason, true
		case "ErrImagePull":
			// A registry may stumble; that an image does not exist is final.
			return waiting.Reason, definite(waiting.Message)
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			return waiting.Reason, !young
		case "CrashLoopBackOff":
			words := "CrashLoopBackOff after " + count(status.RestartCount, "restart")
			if last := status.LastTerminationState.Terminated; last != nil {
				words = fmt.Sprintf("CrashLoopBackOff, exit code %d after %s", last.ExitCode, count(status.RestartCount, "restart"))
			}
			return words, status.RestartCount >= limits.Restarts
		}
		return waiting.Reason, false
	}
	if ended := status.State.Terminated; ended != nil && ended.ExitCode != 0 {
		return fmt.Sprintf("exit code %d", ended.ExitCode), false
	}
	if running := status.State.Running; running != nil && !status.Ready {
		if status.Started != nil && !*status.Started {
			return "starting", false
		}
		return "running, not ready", false
	}
	return "", false
}

// unbound finds a volume claim of the pod that cannot be bound.
func (s Snapshot) unbound(pod *corev1.Pod, limits Limits) *Failure {
	if pod.Status.Phase != corev1.PodPending {
		return nil
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil {
			continue
		}
		claim, ok := find(s.Claims, Object{Namespace: pod.Namespace, Name: volume.PersistentVolumeClaim.ClaimName})
		if !ok {
			continue
		}
		if state := s.claim(claim, limits); state.Failure != nil {
			state.Failure.Pod = pod.Name
			return state.Failure
		}
	}
	return nil
}

// definite says that trying to pull the image again will not help.
func definite(pullError string) bool {
	lower := strings.ToLower(pullError)
	for _, sign := range []string{"not found", "not built in", "manifest unknown", "unauthorized", "denied", "invalid reference", "no such image"} {
		if strings.Contains(lower, sign) {
			return true
		}
	}
	return false
}

func podReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func succeeded(pods []*corev1.Pod) int32 {
	n := int32(0)
	for _, pod := range pods {
		if pod.Status.Phase == corev1.PodSucceeded {
			n++
		}
	}
	return n
}

func lastPod(pods []*corev1.Pod) *corev1.Pod {
	var last *corev1.Pod
	for _, pod := range pods {
		if last == nil || last.CreationTimestamp.Before(&pod.CreationTimestamp) {
			last = pod
		}
	}
	return last
}

// exitOf names the container of a pod that ended badly, and how.
func exitOf(pod *corev1.Pod) (container, how string) {
	for _, status := range append(append([]corev1.ContainerStatus{}, pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...) {
		if ended := status.State.Terminated; ended != nil && ended.ExitCode != 0 {
			return status.Name, fmt.Sprintf("exit code %d", ended.ExitCode)
		}
	}
	return "", ""
}

func waitingMessage(status corev1.ContainerStatus) string {
	waiting := status.State.Waiting
	if waiting == nil || waiting.Reason == "CrashLoopBackOff" {
		return "" // it only names the back-off, which the reason does too
	}
	return oneLine(waiting.Message)
}

func line(event *corev1.Event) string {
	if event == nil {
		return ""
	}
	return event.Reason + ": " + oneLine(event.Message)
}

func message(event *corev1.Event) string {
	if event == nil {
		return ""
	}
	return oneLine(event.Message)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func count(n int32, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
