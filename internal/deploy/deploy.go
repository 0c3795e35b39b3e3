// Package deploy puts Helm releases onto a cluster, waits for them with a
// watcher of its own, and says what would change, what is there and what failed.
package deploy

import (
	"context"
	"fmt"
	"time"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	argo "github.com/argoproj/argo-rollouts/pkg/client/clientset/versioned"
	"helm.sh/helm/v3/pkg/chart"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pocctl/pocctl/internal/deploy/watch"
)

// Progress hears what is being waited for, and lines worth keeping.
type Progress = watch.Progress

// Options say which cluster, and how to wait.
type Options struct {
	// Config reaches the cluster; it wins over Kubeconfig.
	Config *rest.Config
	// Kubeconfig is the path of a kubeconfig file, used with its current context.
	Kubeconfig string
	// Namespace is where a release goes that names none; "default" if empty.
	Namespace string
	// Limits bound how long a broken pod may hope; zero fields take the defaults.
	Limits watch.Limits
	// Next gives the command that looks further into a failure; nil means kubectl.
	Next func(watch.Failure) string
	// History is how many revisions of a release are kept; 10 if zero.
	History int
}

// Release is one Helm release as it should be.
type Release struct {
	Name string
	// Namespace is made when it is missing; empty means the client's.
	Namespace string
	// Chart comes from LoadChart.
	Chart *chart.Chart
	// Values are merged over the chart's own.
	Values map[string]any
	// Fingerprint identifies what is behind an image whose content may change
	// under one name, and gives "" for any other. Pods are replaced when it
	// changes. It may be nil.
	Fingerprint func(image string) (string, error)
	// Timeout bounds one operation, waiting included; 5 minutes if zero.
	Timeout time.Duration
}

// Client works on the releases of one cluster. It is safe for concurrent use on
// different releases.
type Client struct {
	options    Options
	config     *rest.Config
	kubernetes kubernetes.Interface
	rollouts   argo.Interface
	getter     *getter
}

// New makes a Client. It does not call the cluster.
func New(options Options) (*Client, error) {
	config := options.Config
	if config == nil {
		loaded, err := clientcmd.BuildConfigFromFlags("", options.Kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("read kubeconfig %s: %w", options.Kubeconfig, err)
		}
		config = loaded
	}
	config = rest.CopyConfig(config)
	config.QPS = -1                           // the API server has its own fairness
	config.WarningHandler = rest.NoWarnings{} // it would write to stderr
	if options.Namespace == "" {
		options.Namespace = "default"
	}
	if options.History == 0 {
		options.History = 10
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a Kubernetes client: %w", err)
	}
	getter, err := newGetter(config, options.Namespace)
	if err != nil {
		return nil, err
	}
	rollouts, err := argo.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client of Argo Rollouts: %w", err)
	}
	return &Client{options: options, config: config, kubernetes: client, rollouts: rollouts, getter: getter}, nil
}

// Rollouts lists those of a namespace.
func (c *Client) Rollouts(ctx context.Context, namespace string) ([]*v1alpha1.Rollout, error) {
	found, err := c.rollouts.ArgoprojV1alpha1().Rollouts(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	all := make([]*v1alpha1.Rollout, len(found.Items))
	for i := range found.Items {
		all[i] = &found.Items[i]
	}
	return all, nil
}

// Config gives the configuration that reaches the cluster.
func (c *Client) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Kubernetes gives the client for the cluster's own kinds.
func (c *Client) Kubernetes() kubernetes.Interface { return c.kubernetes }

func (c *Client) namespace(release Release) string {
	if release.Namespace != "" {
		return release.Namespace
	}
	return c.options.Namespace
}

func (c *Client) watchOptions(name string, progress Progress) watch.Options {
	return watch.Options{
		Client:   c.kubernetes,
		Rollouts: c,
		Subject:  "release " + name,
		Progress: progress,
		Started:  time.Now(),
		Limits:   c.options.Limits,
		Next:     c.options.Next,
	}
}

// deadline bounds ctx by the release's timeout.
func (r Release) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = 5 * time.Minute
	}
	return context.WithTimeout(ctx, timeout)
}
