package watch

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
)

const logLines = 20

func (f Failure) outcome() string {
	if f.Object.Kind == "Job" || f.Object.Kind == "Pod" {
		return "failed"
	}
	return "cannot become ready"
}

// Describe says what failed and shows the evidence below it.
func (f Failure) Describe() string {
	var where []string
	if f.Pod != "" {
		where = append(where, "pod "+f.Pod)
	}
	if f.Container != "" {
		where = append(where, "container "+f.Container)
	}
	text := f.Reason
	if f.Message != "" {
		text += ": " + f.Message
	}
	if len(where) > 0 {
		text = strings.Join(where, ", ") + ": " + text
	}
	return text + f.evidence()
}

func (f Failure) evidence() string {
	var text strings.Builder
	if len(f.Logs) > 0 {
		fmt.Fprintf(&text, "\n  its last lines:")
		for _, each := range f.Logs {
			fmt.Fprintf(&text, "\n    %s", each)
		}
	}
	if f.Event != "" {
		fmt.Fprintf(&text, "\n  last event: %s", f.Event)
	}
	return text.String()
}

// kubectl gives the plain command that looks further.
func kubectl(f Failure) string {
	in := "kubectl --namespace " + f.Object.Namespace
	switch {
	case f.Pod != "" && len(f.Logs) > 0:
		command := in + " logs " + f.Pod
		if f.Container != "" {
			command += " --container " + f.Container
		}
		if f.Previous {
			command += " --previous"
		}
		return command
	case f.Pod != "":
		return in + " describe pod " + f.Pod
	}
	return in + " describe " + f.Object.String()
}

// lastLines fetches the end of the pod's log; none when there is none to be had.
// It outlives ctx, which may be what ended.
func lastLines(ctx context.Context, client kubernetes.Interface, f Failure) []string {
	if f.Pod == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, previous := range []bool{f.Previous, false} {
		tail := int64(logLines)
		raw, err := client.CoreV1().Pods(f.Object.Namespace).GetLogs(f.Pod, &corev1.PodLogOptions{
			Container: f.Container, Previous: previous, TailLines: &tail,
		}).DoRaw(ctx)
		text := strings.TrimRight(string(raw), "\n")
		if err == nil && text != "" {
			lines := strings.Split(text, "\n")
			return lines[max(0, len(lines)-logLines):]
		}
	}
	return nil
}
