package stack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/pocctl/pocctl/internal/fault"
)

// LogOptions say which logs, and where to.
type LogOptions struct {
	// Name is a release, a pod, the beginning of a pod's name, or a part of the
	// platform; empty means all pods of the namespace.
	Name string
	// Container limits it to one container of each pod.
	Container string
	Follow    bool
	Previous  bool
	// Tail is how many of the newest lines of each container; negative for all.
	Tail int64
	// Since leaves out what is older; zero leaves out nothing.
	Since time.Duration
	Out   io.Writer
	// Paint colours the prefix of a line.
	Paint func(string) string
}

// releaseLabel is what charts put on a release's pods.
const releaseLabel = "app.kubernetes.io/instance"

// Logs writes logs. A name that has none is a fault.PodUnknown, and an
// environment that is not up a fault.NotUp.
func (s *Stack) Logs(ctx context.Context, options LogOptions) error {
	if path := s.platform.log(options.Name); path != "" {
		err := tailFile(ctx, path, options)
		if errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.NotUp, "env", s.options.Environment.Name)
		}
		return err
	}
	if !s.platform.status(ctx).Running {
		return fault.New(fault.NotUp, "env", s.options.Environment.Name)
	}
	client, err := s.Deployer()
	if err != nil {
		return err
	}
	namespace := s.options.Environment.Namespace
	pods, err := client.Kubernetes().CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	chosen := choosePods(pods.Items, options.Name)
	if len(chosen) == 0 {
		return fault.New(fault.PodUnknown, "name", options.Name, "known", s.known(pods.Items))
	}
	out := &lineWriter{out: options.Out}
	group, ctx := errgroup.WithContext(ctx)
	for _, pod := range chosen {
		for _, container := range containersOf(pod, options.Container) {
			read := func() error { return streamLog(ctx, client.Kubernetes(), pod, container, out, options) }
			if options.Follow {
				group.Go(read)
			} else if err := read(); err != nil {
				return err
			}
		}
	}
	return group.Wait()
}

func choosePods(pods []corev1.Pod, name string) []corev1.Pod {
	if name == "" {
		return pods
	}
	for _, matches := range []func(corev1.Pod) bool{
		func(pod corev1.Pod) bool { return pod.Name == name },
		func(pod corev1.Pod) bool { return pod.Labels[releaseLabel] == name },
		func(pod corev1.Pod) bool { return strings.HasPrefix(pod.Name, name) },
	} {
		var chosen []corev1.Pod
		for _, pod := range pods {
			if matches(pod) {
				chosen = append(chosen, pod)
			}
		}
		if len(chosen) > 0 {
			return chosen
		}
	}
	return nil
}

func containersOf(pod corev1.Pod, only string) []string {
	var names []string
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		waits := status.State.Waiting != nil && status.LastTerminationState.Terminated == nil
		if !waits && (only == "" || status.Name == only) {
			names = append(names, status.Name)
		}
	}
	return names
}

func (s *Stack) known(pods []corev1.Pod) string {
	names := map[string]bool{}
	for _, pod := range pods {
		names[pod.Name] = true
		if release := pod.Labels[releaseLabel]; release != "" {
			names[release] = true
		}
	}
	for _, component := range s.platform.parts() {
		names[component] = true
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return strings.Join(sorted, ", ")
}

func streamLog(ctx context.Context, client kubernetes.Interface, pod corev1.Pod, container string, out *lineWriter, options LogOptions) error {
	request := &corev1.PodLogOptions{Container: container, Follow: options.Follow, Previous: options.Previous}
	if options.Tail >= 0 {
		request.TailLines = &options.Tail
	}
	if options.Since > 0 {
		seconds := int64(max(1, options.Since.Seconds()))
		request.SinceSeconds = &seconds
	}
	stream, err := client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, request).Stream(ctx)
	if err != nil && options.Previous {
		return nil // this container has had one run only
	}
	if err != nil {
		return fmt.Errorf("read log of pod %s: %w", pod.Name, err)
	}
	defer stream.Close()
	prefix := pod.Name
	if len(pod.Spec.Containers)+len(pod.Spec.InitContainers) > 1 {
		prefix += "/" + container
	}
	return out.copy(stream, options.Paint(prefix)+" ")
}

// lineWriter writes whole lines of several sources.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *lineWriter) copy(source io.Reader, prefix string) error {
	reader := bufio.NewReader(source)
	for {
		line, err := reader.ReadString('\n')
		if line != "" {
			w.mu.Lock()
			_, writeErr := io.WriteString(w.out, prefix+strings.TrimSuffix(line, "\n")+"\n")
			w.mu.Unlock()
			if writeErr != nil {
				return fmt.Errorf("write logs: %w", writeErr)
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read logs: %w", err)
		}
	}
}

// followEvery is how often a followed file is looked at.
const followEvery = 200 * time.Millisecond

// tailFile writes the last lines of a log file, and goes on if it is followed.
func tailFile(ctx context.Context, path string, options LogOptions) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	lines := strings.SplitAfter(string(content), "\n")
	if options.Tail >= 0 && int64(len(lines)) > options.Tail+1 {
		lines = lines[int64(len(lines))-options.Tail-1:]
	}
	if _, err := io.WriteString(options.Out, strings.Join(lines, "")); err != nil {
		return fmt.Errorf("write logs: %w", err)
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for options.Follow {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := io.Copy(options.Out, file); err != nil {
			return fmt.Errorf("write logs: %w", err)
		}
	}
	return nil
}
