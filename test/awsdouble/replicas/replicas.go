// Package replicas finds the pods behind Services, as EndpointSlices would tell: the
// cluster behind the AWS double has none, since its pods have addresses of loopback
// (docs/adr/0004).
package replicas

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Replicas knows what the cluster says now.
type Replicas struct {
	service func(namespace, name string) (*core.Service, error)
	pods    func(namespace string, selected map[string]string) ([]*core.Pod, error)
}

// Ask asks the cluster each time.
func Ask(client kubernetes.Interface) *Replicas {
	return &Replicas{
		service: func(namespace, name string) (*core.Service, error) {
			return client.CoreV1().Services(namespace).Get(context.Background(), name, meta.GetOptions{})
		},
		pods: func(namespace string, selected map[string]string) ([]*core.Pod, error) {
			list, err := client.CoreV1().Pods(namespace).List(context.Background(), meta.ListOptions{LabelSelector: labels.FormatLabels(selected)})
			if err != nil {
				return nil, err
			}
			var found []*core.Pod
			for i := range list.Items {
				found = append(found, &list.Items[i])
			}
			return found, nil
		},
	}
}

// Watch follows Services and pods until the test ends, for those who ask often.
func Watch(t testing.TB, target *rest.Config) *Replicas {
	t.Helper()
	client, err := kubernetes.NewForConfig(target)
	if err != nil {
		t.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	services, pods := factory.Core().V1().Services().Lister(), factory.Core().V1().Pods().Lister()
	Start(t, factory)
	return &Replicas{
		service: func(namespace, name string) (*core.Service, error) { return services.Services(namespace).Get(name) },
		pods: func(namespace string, selected map[string]string) ([]*core.Pod, error) {
			return pods.Pods(namespace).List(labels.SelectorFromSet(selected))
		},
	}
}

// Start has informers follow what they are asked for until the test ends.
func Start(t testing.TB, factory informers.SharedInformerFactory) {
	t.Helper()
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop) })
	factory.Start(stop)
	t.Cleanup(func() {
		end()
		factory.Shutdown()
	})
	late := time.AfterFunc(time.Minute, end)
	defer late.Stop()
	for kind, synced := range factory.WaitForCacheSync(stop) {
		if !synced {
			t.Fatalf("the cluster's %s did not come within a minute", kind)
		}
	}
}

// Ready gives host:port of each pod of a Service that is ready; port is the Service's,
// by number or name. Without any it is an error, which says why.
func (r *Replicas) Ready(namespace, service, port string) ([]string, error) {
	found, err := r.service(namespace, service)
	if err != nil {
		return nil, err
	}
	if len(found.Spec.Selector) == 0 {
		return nil, fmt.Errorf("service %s selects no pods", service)
	}
	pods, err := r.pods(namespace, found.Spec.Selector)
	if err != nil {
		return nil, err
	}
	var ready []string
	for _, pod := range pods {
		if pod.DeletionTimestamp != nil || !isReady(pod) {
			continue
		}
		for _, one := range found.Spec.Ports {
			if one.Name != port && fmt.Sprint(one.Port) != port {
				continue
			}
			if number := numberOf(pod, one); number > 0 {
				ready = append(ready, fmt.Sprintf("%s:%d", pod.Status.PodIP, number))
			}
		}
	}
	if len(ready) == 0 {
		return nil, fmt.Errorf("no replica of Service %s is ready on port %s", service, port)
	}
	return ready, nil
}

func isReady(pod *core.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == core.PodReady {
			return condition.Status == core.ConditionTrue
		}
	}
	return false
}

// numberOf gives the pod's port that a Service's port stands for; 0 if it has none.
func numberOf(pod *core.Pod, port core.ServicePort) int32 {
	if port.TargetPort.StrVal == "" {
		return port.TargetPort.IntVal
	}
	for _, container := range pod.Spec.Containers {
		for _, one := range container.Ports {
			if one.Name == port.TargetPort.StrVal {
				return one.ContainerPort
			}
		}
	}
	return 0
}
