//go:build linux && !slim

package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/dns"
	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
	"github.com/pocctl/pocctl/internal/provision/local/ingress"
	"github.com/pocctl/pocctl/internal/provision/local/objects"
	"github.com/pocctl/pocctl/internal/provision/local/pki"
	"github.com/pocctl/pocctl/internal/provision/local/proxy"
	"github.com/pocctl/pocctl/internal/provision/local/storage"
)

// services are what a cluster has beside its kubelet: the service proxy, DNS,
// the ingress, and the provisioner of volumes.
type services struct {
	cluster   cluster.Cluster
	client    clientset.Interface
	informers informers.SharedInformerFactory
	index     *endpoints.Index
	names     *dns.Server
	proxy     *proxy.Proxy
	ingress   *ingress.Ingress
	volumes   *storage.Controller
	registry  *prometheus.Registry
	events    record.EventBroadcaster
	log       *slog.Logger
	kubelet   atomic.Bool // it has started
}

func newServices(ctx context.Context, c cluster.Cluster, files pki.Bundle, log *slog.Logger) (*services, error) {
	config, err := clientConfig(files.NodeServices.Kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect node services: %w", err)
	}
	s := &services{
		cluster: c, client: client, log: log,
		informers: informers.NewSharedInformerFactory(client, 0),
		registry:  prometheus.NewRegistry(),
		events:    record.NewBroadcaster(),
	}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), objects.New(s.informers))
	recorder := s.events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "pocctl-node", Host: cluster.NodeName})

	if s.index, err = endpoints.New(endpoints.Options{Informers: s.informers, APIServer: c.APIServer()}); err != nil {
		return nil, fmt.Errorf("start endpoints: %w", err)
	}
	if s.names, err = dns.New(dns.Options{Services: s.index, Address: c.DNS().String(), HostsDir: c.Hosts(), Logger: log}); err != nil {
		return nil, fmt.Errorf("start DNS: %w", err)
	}
	if s.proxy, err = proxy.New(proxy.Options{Services: s.index, Events: recorder, Logger: log}); err != nil {
		return nil, fmt.Errorf("start service proxy: %w", err)
	}
	if s.volumes, err = storage.New(ctx, storage.Options{Client: client, Informers: s.informers, Directory: c.Volumes(), Log: log}); err != nil {
		return nil, fmt.Errorf("start volume provisioner: %w", err)
	}
	entry, err := listenIngress(ctx, &c)
	if err != nil {
		return nil, err
	}
	if s.ingress, err = ingress.New(ingress.Options{
		Listener: entry, Informers: s.informers, Services: s.index, Client: client.NetworkingV1(),
		Events: recorder, Registerer: s.registry, Logger: log,
	}); err != nil {
		return nil, fmt.Errorf("start ingress: %w", err)
	}
	return s, nil
}

// hostsFile gives the file that pods of namespace see as /etc/hosts.
func (s *services) hostsFile(namespace string) string {
	path, err := s.names.HostsFile(namespace)
	if err != nil {
		s.log.Warn("write hosts file", "namespace", namespace, "error", err)
		return ""
	}
	return path
}

func (s *services) run(ctx context.Context) error {
	s.events.StartRecordingToSink(&typedcore.EventSinkImpl{Interface: s.client.CoreV1().Events("")})
	defer s.events.Shutdown()
	s.informers.Start(ctx.Done())
	defer s.informers.Shutdown()

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.index.Run(ctx) })
	group.Go(func() error { return s.names.Run(ctx) })
	group.Go(func() error { return s.proxy.Run(ctx) })
	group.Go(func() error { return s.ingress.Run(ctx) })
	group.Go(func() error { return s.volumes.Run(ctx) })
	group.Go(func() error { return s.serveMetrics(ctx) })
	return group.Wait()
}

// serveMetrics serves /metrics, and /readyz once the kubelet runs and the network
// knows every Service.
func (s *services) serveMetrics(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		status := http.StatusServiceUnavailable
		select {
		case <-s.index.Synced():
			if s.kubelet.Load() {
				status = http.StatusOK
			}
		default:
		}
		w.WriteHeader(status)
	})
	server := &http.Server{Addr: s.cluster.NodeMetrics().String(), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.ListenAndServe(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve node metrics: %w", err)
	}
	return nil
}
