package controlplane

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/pki"
)

// pollEvery is how often a component is asked whether it is ready: often, since
// the whole cluster is up within seconds.
const pollEvery = 25 * time.Millisecond

// AwaitReady returns when the component answers, or with ctx's error.
func AwaitReady(ctx context.Context, component string, c cluster.Cluster, files pki.Bundle) error {
	probe, err := probeOf(component, c, files)
	if err != nil {
		return err
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if probe(ctx) == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", component, ctx.Err())
		case <-tick.C:
		}
	}
}

func probeOf(component string, c cluster.Cluster, files pki.Bundle) (func(context.Context) error, error) {
	switch component {
	case APIServer:
		client, err := adminClient(files)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) error {
			return get(ctx, client, "https://"+c.APIServer().String()+"/readyz")
		}, nil
	case Node:
		return func(ctx context.Context) error {
			return get(ctx, http.DefaultClient, "http://"+c.NodeMetrics().String()+"/readyz")
		}, nil
	case Etcd:
		return func(ctx context.Context) error {
			connection, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", c.EtcdClient().String())
			if err != nil {
				return err
			}
			return connection.Close()
		}, nil
	default:
		// The others serve nothing; what they do shows in the API.
		return func(context.Context) error { return nil }, nil
	}
}

func adminClient(files pki.Bundle) (*http.Client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", files.Admin.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	client.Timeout = 5 * time.Second
	return client, nil
}

func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}
