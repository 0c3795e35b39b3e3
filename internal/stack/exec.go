package stack

import (
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"

	"github.com/pocctl/pocctl/internal/fault"
)

// Exec runs a command in a ready pod of a release, with the pod's own settings,
// and gives its exit code as an error.
func (s *Stack) Exec(ctx context.Context, release string, command []string, stdout, stderr io.Writer) error {
	environment := s.options.Environment
	if !s.platform.status(ctx).Running {
		return fault.New(fault.NotUp, "env", environment.Name)
	}
	client, err := s.Deployer()
	if err != nil {
		return err
	}
	pods, err := client.Kubernetes().CoreV1().Pods(environment.Namespace).List(ctx, metav1.ListOptions{LabelSelector: releaseLabel + "=" + release})
	if err != nil {
		return fmt.Errorf("list pods of %s: %w", release, err)
	}
	for _, pod := range pods.Items {
		if !podReady(pod) {
			continue
		}
		request := client.Kubernetes().CoreV1().RESTClient().Post().
			Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
			VersionedParams(&corev1.PodExecOptions{Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
		executor, err := remotecommand.NewSPDYExecutor(client.Config(), "POST", request.URL())
		if err != nil {
			return fmt.Errorf("run %s in pod %s: %w", command[0], pod.Name, err)
		}
		err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: stdout, Stderr: stderr})
		var ended utilexec.CodeExitError
		if errors.As(err, &ended) {
			return fault.New(fault.CommandFailed, "command", command[0], "pod", pod.Name, "code", ended.Code)
		}
		return err
	}
	return fault.New(fault.PodUnknown, "name", release, "known", s.known(pods.Items))
}

func podReady(pod corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil
		}
	}
	return false
}
