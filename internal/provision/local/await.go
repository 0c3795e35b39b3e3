package local

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/controlplane"
	"github.com/pocctl/pocctl/internal/provision/local/supervisor"
)

// maxRestarts is how often a component may fall before the wait for it ends.
const maxRestarts = 3

// AwaitAPI waits until the API server answers.
func (e *Environment) AwaitAPI(ctx context.Context, progress Progress) error {
	return e.await(ctx, progress, "the Kubernetes API", func(status cluster.Status) bool {
		return component(status, controlplane.APIServer).Ready
	})
}

// AwaitNode waits until the node is ready to run pods.
func (e *Environment) AwaitNode(ctx context.Context, progress Progress) error {
	if err := e.await(ctx, progress, "the node's processes", func(status cluster.Status) bool {
		return status.Phase == cluster.Running
	}); err != nil {
		return err
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	return e.await(ctx, progress, "node "+cluster.NodeName+" to be Ready", func(cluster.Status) bool {
		return nodeReady(ctx, client)
	})
}

// APIReady says whether the API server answers now.
func (e *Environment) APIReady(ctx context.Context) bool {
	client, err := e.Client()
	if err != nil {
		return false
	}
	return client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil
}

// NodeReady says whether the node can run pods now.
func (e *Environment) NodeReady(ctx context.Context) bool {
	client, err := e.Client()
	return err == nil && nodeReady(ctx, client)
}

// Client gives a client of the cluster's API, as its administrator.
func (e *Environment) Client() (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", e.Cluster().Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 100, 200
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return client, nil
}

// await polls what the supervisor says, and ends early when it has given up.
func (e *Environment) await(ctx context.Context, progress Progress, what string, done func(cluster.Status) bool) error {
	progress.Waiting("%s", what)
	began := time.Now()
	return poll(ctx, func() (bool, error) {
		pid, err := supervisor.Holder(e.options.Directory)
		if err != nil {
			return false, err
		}
		status, err := cluster.ReadStatus(e.options.Directory)
		if err != nil || status.PID != pid {
			if pid == 0 && time.Since(began) > 2*time.Second {
				return false, e.supervisorGone(status)
			}
			return false, nil
		}
		for _, one := range status.Components {
			if one.Restarts >= maxRestarts && !one.Ready {
				return false, e.componentFails(one)
			}
		}
		return done(status), nil
	})
}

func (e *Environment) supervisorGone(status cluster.Status) error {
	detail := status.Error
	if detail == "" {
		detail = "it ended without a word"
	}
	return fault.New(fault.ClusterFailed, "component", "the supervisor", "detail", detail, "log", e.Cluster().Log("supervisor"))
}

func (e *Environment) componentFails(one cluster.ComponentStatus) error {
	lines := strings.Split(one.LastExit, "\n")
	return fault.New(fault.ClusterFailed, "component", one.Name, "detail",
		fmt.Sprintf("%s, %d times; its last words: %s", lines[0], one.Restarts, lines[len(lines)-1]),
		"log", e.Cluster().Log(one.Name))
}

func component(status cluster.Status, name string) cluster.ComponentStatus {
	for _, one := range status.Components {
		if one.Name == name {
			return one
		}
	}
	return cluster.ComponentStatus{}
}

func nodeReady(ctx context.Context, client kubernetes.Interface) bool {
	node, err := client.CoreV1().Nodes().Get(ctx, cluster.NodeName, metav1.GetOptions{})
	if err != nil {
		return false
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// poll asks until the answer is yes or an error, or ctx ends.
func poll(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
