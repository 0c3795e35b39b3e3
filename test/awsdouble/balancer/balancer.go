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

	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	networklisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/rest"

	"github.com/pocctl/pocctl/test/awsdouble/replicas"
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
	replicas  *replicas.Replicas
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
	b := &balancer{ingresses: factory.Networking().V1().Ingresses().Lister(), replicas: replicas.Watch(t, target)}
	replicas.Start(t, factory)
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
	ready, err := b.replicas.Ready(ingress.Namespace, group.Service, group.Port)
	if err != nil {
		return "", err
	}
	return ready[rand.IntN(len(ready))], nil // targets are pods
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
		return target{}, fmt.Errorf("ingress %s has no action %s", ingress.Name, name)
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
