//go:build linux && !slim

// Package node is the one node of a local cluster: the kubelet with the process
// runtime, and what a cluster's network and storage need beside it.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/controlplane"
	"github.com/pocctl/pocctl/internal/provision/local/exporter/program"
	"github.com/pocctl/pocctl/internal/provision/local/image"
	"github.com/pocctl/pocctl/internal/provision/local/kubernetes"
	"github.com/pocctl/pocctl/internal/provision/local/pki"
	"github.com/pocctl/pocctl/internal/provision/local/runtime"
)

// Options of a node.
type Options struct {
	Cluster cluster.Cluster
	// Log is told what happens.
	Log *slog.Logger
}

// stopPods bounds the time that pods get to end when the node does.
const stopPods = 3 * time.Second

// Run runs the node until ctx ends, then stops its pods.
func Run(ctx context.Context, options Options) error {
	c := options.Cluster
	files, err := controlplane.Certificates(c)
	if err != nil {
		return err
	}
	services, err := newServices(ctx, c, files, options.Log)
	if err != nil {
		return err
	}
	exporter, err := program.Install(c.NodeRoot())
	if err != nil {
		return err
	}
	catalogue := image.NewCatalogue(builtin(c, exporter)...)
	catalogue.Set(environmentImages(c)...)
	containers, err := runtime.New(ctx, runtime.Options{
		Directory:     c.NodeRoot() + "/runtime",
		Images:        catalogue,
		PodCIDR:       c.PodRange(),
		HostsFile:     services.hostsFile,
		Env:           func(pod runtime.Pod) map[string]string { return containerEnvironment(c, pod) },
		DataDirectory: c.Volumes(),
		Log:           options.Log,
	})
	if err != nil {
		return fmt.Errorf("start runtime: %w", err)
	}
	defer stop(containers, options.Log) //nolint:contextcheck // ctx has ended by then

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return services.run(ctx) })
	group.Go(func() error { followImages(ctx, c, catalogue, options.Log); return nil })
	group.Go(func() error {
		if err := startKubelet(ctx, c, files, containers, catalogue); err != nil {
			return err
		}
		services.kubelet.Store(true)
		return nil
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// startKubelet makes the Node object, then starts the kubelet that keeps it.
func startKubelet(ctx context.Context, c cluster.Cluster, files pki.Bundle, containers *runtime.Runtime, catalogue *image.Catalogue) error {
	config, err := clientConfig(files.Node.Kubeconfig)
	if err != nil {
		return err
	}
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect node: %w", err)
	}
	if err := ensureObject(ctx, client, c); err != nil {
		return err
	}
	return kubernetes.StartKubelet(ctx, kubernetes.KubeletOptions{
		NodeName:        cluster.NodeName,
		Client:          config,
		Root:            c.NodeRoot(),
		PodLogs:         c.PodLogs(),
		DNS:             c.DNS().Addr(),
		Address:         c.Kubelet(),
		ClientAuthority: files.ClusterAuthority.Certificate,
		Certificate:     files.Kubelet.Certificate,
		Key:             files.Kubelet.Key,
		Runtime:         containers,
		Images:          image.NewService(catalogue, c.NodeRoot()),
	})
}

// containerEnvironment tells a container of this cluster where things are. It
// wins over the pod's own: the Service named kubernetes has port 443, which only
// root may serve, so clients are sent to the API server itself.
func containerEnvironment(c cluster.Cluster, pod runtime.Pod) map[string]string {
	return map[string]string{
		"KUBERNETES_SERVICE_HOST": c.APIServer().Addr().String(),
		"KUBERNETES_SERVICE_PORT": fmt.Sprint(c.APIServer().Port()),
		"POCCTL_DNS":              c.DNS().String(),
		"POCCTL_NAMESPACE":        pod.Namespace,
		"POCCTL_CLUSTER":          c.Directory,
	}
}

// stop ends the pods in whatever context the node itself was ended.
func stop(containers *runtime.Runtime, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), stopPods)
	defer cancel()
	if err := containers.Close(ctx); err != nil {
		log.Warn("stop pods", "error", err)
	}
}

func clientConfig(kubeconfig string) (*rest.Config, error) {
	if _, err := os.Stat(kubeconfig); err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 100, 200
	return config, nil
}
