package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/pocctl/pocctl/internal/deploy/watch"
)

// forever is what Helm is told; the real deadline is the operation's context.
const forever = 24 * time.Hour

// operation is one action of Helm's on one release. Helm drives the action;
// whatever it would wait for, our watcher waits for.
type operation struct {
	*action.Configuration
	client   *waitingClient
	progress Progress
}

type silent struct{}

func (silent) Waiting(string, ...any) {}
func (silent) Info(string, ...any)    {}

func (c *Client) operation(ctx context.Context, namespace, subject string, progress Progress) (*operation, error) {
	if progress == nil {
		progress = silent{}
	}
	configuration := &action.Configuration{}
	quiet := func(string, ...any) {}
	if err := configuration.Init(c.getter.in(namespace), namespace, "secret", quiet); err != nil {
		return nil, fmt.Errorf("prepare Helm: %w", err)
	}
	plain, ok := configuration.KubeClient.(*kube.Client)
	if !ok {
		return nil, fmt.Errorf("prepare Helm: unexpected client %T", configuration.KubeClient)
	}
	waiting := &waitingClient{Client: plain, ctx: ctx, options: c.watchOptions(subject, progress)}
	configuration.KubeClient = waiting
	return &operation{Configuration: configuration, client: waiting, progress: progress}, nil
}

// failure prefers what our watcher found to the text that Helm made of it.
func (o *operation) failure(err error) error {
	if err != nil && o.client.failure != nil {
		return o.client.failure
	}
	return err
}

// waitingClient is Helm's client with the waits replaced. Because the waits end
// with ctx, Helm's own bookkeeping always runs to its end.
type waitingClient struct {
	*kube.Client
	ctx     context.Context
	options watch.Options
	failure error
}

// Wait waits until a release's resources are ready.
func (w *waitingClient) Wait(resources kube.ResourceList, _ time.Duration) error {
	return w.keep(watch.Ready(w.ctx, objects(resources), w.options))
}

// WaitWithJobs is Wait: a Job is ready when it is complete.
func (w *waitingClient) WaitWithJobs(resources kube.ResourceList, timeout time.Duration) error {
	return w.Wait(resources, timeout)
}

// WatchUntilReady waits until a hook has run.
func (w *waitingClient) WatchUntilReady(resources kube.ResourceList, timeout time.Duration) error {
	return w.Wait(resources, timeout)
}

// WaitForDelete waits until the resources are gone.
func (w *waitingClient) WaitForDelete(resources kube.ResourceList, _ time.Duration) error {
	return w.keep(untilGone(w.ctx, resources, w.options))
}

// Update keeps back nothing, but ends before it when the operation has ended.
func (w *waitingClient) Update(original, target kube.ResourceList, force bool) (*kube.Result, error) {
	if err := w.ctx.Err(); err != nil {
		return &kube.Result{}, w.keep(context.Cause(w.ctx))
	}
	return w.Client.Update(original, target, force)
}

// Create is as Update.
func (w *waitingClient) Create(resources kube.ResourceList) (*kube.Result, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, w.keep(context.Cause(w.ctx))
	}
	return w.Client.Create(resources)
}

func (w *waitingClient) keep(err error) error {
	if err != nil && w.failure == nil {
		w.failure = err
	}
	return err
}

func objects(resources kube.ResourceList) []watch.Object {
	all := make([]watch.Object, 0, len(resources))
	for _, info := range resources {
		all = append(all, object(info))
	}
	return all
}

func object(info *resource.Info) watch.Object {
	one := watch.Object{Kind: kind(info).Kind, Namespace: info.Namespace, Name: info.Name}
	if accessor, err := meta.Accessor(info.Object); err == nil {
		one.UID, one.Generation = accessor.GetUID(), accessor.GetGeneration()
	}
	return one
}

func kind(info *resource.Info) schema.GroupVersionKind { return info.Mapping.GroupVersionKind }

// isContext says that err is only that the context ended.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
