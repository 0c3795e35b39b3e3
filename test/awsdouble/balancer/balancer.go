// Package balancer is the load balancer of the AWS double: what AWS' controller makes
// of Ingresses of class alb. It goes by their paths, and by the weights of their actions.
package balancer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	discovery "k8s.io/api/discovery/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	networklisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/rest"
)

const (
	class = "alb"
	// actions begins the annotation that says what becomes of requests to a backend of
	// that name.
	actions = "alb.ingress.kubernetes.io/actions."
	// byAction is the port of a backend that is no Service, but an action.
	byAction = "use-annotation"
)

// balancer knows what the cluster says now.
type balancer struct {
	ingresses networklisters.IngressLister
	services  corelisters.ServiceLister
	slices    discoverylisters.EndpointSliceLister
}

// Serve gives what answers the balancer's requests, until the test ends. Where it can't
// send one on it answers 503, as the real one, with the reason.
func Serve(t testing.TB, target *rest.Config) http.Handler {
	t.Helper()
	client, err := kubernetes.NewForConfig(target)
	if err != nil {
		t.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	b := &balancer{
		ingresses: factory.Networking().V1().Ingresses().Lister(),
		services:  factory.Core().V1().Services().Lister(),
		slices:    factory.Discovery().V1().EndpointSlices().Lister(),
	}
	stop := make(chan struct{})
	factory.Start(stop)
	t.Cleanup(func() {
		close(stop)
		factory.Shutdown()
	})
	for kind, synced := range factory.WaitForCacheSync(stop) {
		if !synced {
			t.Fatalf("the balancer can't watch %s", kind)
		}
	}
	// A replica that ends closes what it no longer answers on.
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 2 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(&url.URL{Scheme: "http", Host: request.In.Header.Get(chosen)})
			request.Out.Header.Del(chosen)
			request.Out.Host = request.In.Host
			request.SetXForwarded()
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, err := b.choose(r.URL.Path)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		r.Header.Set(chosen, address)
		proxy.ServeHTTP(w, r)
	})
}

// chosen carries the target to where the request is rewritten; it never leaves.
const chosen = "X-Balancer-Target"

// choose gives the address of a replica for a path.
func (b *balancer) choose(path string) (string, error) {
	all, err := b.ingresses.List(labels.Everything())
	if err != nil {
		return "", err
	}
	ingress, backend := match(all, path)
	if backend == nil {
		return "", fmt.Errorf("no Ingress of class %s takes %s", class, path)
	}
	group := target{Service: backend.Name, Port: portOf(backend.Port)}
	if backend.Port.Name == byAction {
		if group, err = act(ingress, backend.Name); err != nil {
			return "", err
		}
	}
	return b.replica(ingress.Namespace, group)
}

// match gives the Ingress with the longest path that path begins with.
func match(all []*networking.Ingress, path string) (ingress *networking.Ingress, backend *networking.IngressServiceBackend) {
	longest := -1
	for _, one := range all {
		if one.Spec.IngressClassName == nil || *one.Spec.IngressClassName != class {
			continue
		}
		for _, rule := range one.Spec.Rules {
			if rule.HTTP == nil {
				continue
			}
			for _, way := range rule.HTTP.Paths {
				prefix := strings.TrimSuffix(way.Path, "/")
				if way.Backend.Service != nil && len(prefix) > longest && (path == prefix || strings.HasPrefix(path, prefix+"/")) {
					longest, ingress, backend = len(prefix), one, way.Backend.Service
				}
			}
		}
	}
	return ingress, backend
}

func portOf(port networking.ServiceBackendPort) string {
	if port.Name != "" {
		return port.Name
	}
	return fmt.Sprint(port.Number)
}

// target is a Service and its port, by number or name, with its share of the requests.
type target struct {
	Service string `json:"serviceName"`
	Port    string `json:"servicePort"`
	Weight  int    `json:"weight"`
}

// act takes one of an action's targets, by their weights.
func act(ingress *networking.Ingress, name string) (target, error) {
	text, has := ingress.Annotations[actions+name]
	if !has {
		return target{}, fmt.Errorf("Ingress %s has no action %s", ingress.Name, name)
	}
	var action struct {
		Type    string `json:"type"`
		Forward struct {
			Groups []target `json:"targetGroups"`
		} `json:"forwardConfig"`
	}
	if err := json.Unmarshal([]byte(text), &action); err != nil || action.Type != "forward" {
		return target{}, fmt.Errorf("action %s of Ingress %s: %q: %w", name, ingress.Name, text, errors.Join(err))
	}
	sum := 0
	for _, group := range action.Forward.Groups {
		sum += group.Weight
	}
	if sum <= 0 {
		return target{}, fmt.Errorf("action %s of Ingress %s sends requests nowhere: %s", name, ingress.Name, text)
	}
	at := rand.IntN(sum)
	for _, group := range action.Forward.Groups {
		if at -= group.Weight; at < 0 {
			return group, nil
		}
	}
	return target{}, errors.New("weights do not add up")
}

// replica gives the address of a pod of the Service that is ready: targets are pods.
func (b *balancer) replica(namespace string, group target) (string, error) {
	service, err := b.services.Services(namespace).Get(group.Service)
	if err != nil {
		return "", err
	}
	port := ""
	for _, one := range service.Spec.Ports {
		if one.Name == group.Port || fmt.Sprint(one.Port) == group.Port {
			port = one.Name
		}
	}
	parts, err := b.slices.EndpointSlices(namespace).List(labels.SelectorFromSet(labels.Set{discovery.LabelServiceName: service.Name}))
	if err != nil {
		return "", err
	}
	var ready []string
	for _, part := range parts {
		for _, one := range part.Ports {
			if one.Name == nil || *one.Name != port || one.Port == nil {
				continue
			}
			for _, endpoint := range part.Endpoints {
				if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
					ready = append(ready, fmt.Sprintf("%s:%d", endpoint.Addresses[0], *one.Port))
				}
			}
		}
	}
	if len(ready) == 0 {
		return "", fmt.Errorf("no replica of Service %s is ready on port %s", service.Name, group.Port)
	}
	return ready[rand.IntN(len(ready))], nil
}
