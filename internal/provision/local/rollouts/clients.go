//go:build linux && !slim

package rollouts

import (
	"fmt"
	"os"

	"github.com/argoproj/argo-rollouts/controller/metrics"
	clientset "github.com/argoproj/argo-rollouts/pkg/client/clientset/versioned"
	"github.com/argoproj/pkg/kubeclientmetrics"
	smiclientset "github.com/servicemeshinterface/smi-sdk-go/pkg/gen/client/split/clientset/versioned"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/argoproj/argo-rollouts/utils/defaults"
)

// clients are the ways to the API server that the controllers want.
type clients struct {
	kubernetes kubernetes.Interface
	rollouts   clientset.Interface
	dynamic    dynamic.Interface
	meshes     smiclientset.Interface
	requests   *metrics.K8sRequestsCountProvider
	// namespace is what is watched; empty is all of them.
	namespace string
}

func connect(config *rest.Config, s settings) (clients, error) {
	c := clients{requests: &metrics.K8sRequestsCountProvider{}}
	if s.namespaced {
		if c.namespace = defaults.Namespace(); c.namespace == "" {
			return c, fmt.Errorf("--namespaced: neither POD_NAMESPACE nor a service account tells the namespace of %s", hostname())
		}
	}
	kubeclientmetrics.AddMetricsTransportWrapper(config, c.requests.IncKubernetesRequest)
	var err error
	if c.kubernetes, err = kubernetes.NewForConfig(config); err != nil {
		return c, err
	}
	if c.rollouts, err = clientset.NewForConfig(config); err != nil {
		return c, err
	}
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return c, err
	}
	c.meshes, err = smiclientset.NewForConfig(config)
	return c, err
}

// everywhere says whether objects of no namespace are looked at too.
func (c clients) everywhere() bool { return c.namespace == metav1.NamespaceAll }

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "this machine"
	}
	return name
}
