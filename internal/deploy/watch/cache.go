package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	toolscache "k8s.io/client-go/tools/cache"
)

// cache follows the kinds that readiness needs, in a few namespaces.
type cache struct {
	changed   chan struct{} // holds one token when something changed since it was read
	cancel    context.CancelFunc
	factories []informers.SharedInformerFactory
	reads     []func(*Snapshot)

	mutex sync.Mutex
	err   error
	errAt time.Time
}

func startCache(ctx context.Context, client kubernetes.Interface, namespaces []string) (*cache, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := &cache{changed: make(chan struct{}, 1), cancel: cancel}
	for _, namespace := range namespaces {
		if err := c.follow(client, namespace); err != nil {
			cancel()
			return nil, err
		}
	}
	for _, factory := range c.factories {
		factory.StartWithContext(ctx)
	}
	for _, factory := range c.factories {
		for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
			if !synced {
				err := c.lastError()
				c.stop()
				if err == nil {
					err = context.Cause(ctx)
				}
				return nil, fmt.Errorf("list %s: %w", kind, err)
			}
		}
	}
	return c, nil
}

func (c *cache) follow(client kubernetes.Interface, namespace string) error {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	warnings := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.FieldSelector = "type=Warning" }))
	c.factories = append(c.factories, factory, warnings)

	apps, core, batch := factory.Apps().V1(), factory.Core().V1(), factory.Batch().V1()
	all := labels.Everything()
	c.reads = append(c.reads, func(s *Snapshot) {
		deployments, _ := apps.Deployments().Lister().List(all)
		replicaSets, _ := apps.ReplicaSets().Lister().List(all)
		statefulSets, _ := apps.StatefulSets().Lister().List(all)
		daemonSets, _ := apps.DaemonSets().Lister().List(all)
		jobs, _ := batch.Jobs().Lister().List(all)
		pods, _ := core.Pods().Lister().List(all)
		claims, _ := core.PersistentVolumeClaims().Lister().List(all)
		events, _ := warnings.Core().V1().Events().Lister().List(all)
		s.Deployments = append(s.Deployments, deployments...)
		s.ReplicaSets = append(s.ReplicaSets, replicaSets...)
		s.StatefulSets = append(s.StatefulSets, statefulSets...)
		s.DaemonSets = append(s.DaemonSets, daemonSets...)
		s.Jobs = append(s.Jobs, jobs...)
		s.Pods = append(s.Pods, pods...)
		s.Claims = append(s.Claims, claims...)
		s.Events = append(s.Events, events...)
	})
	for _, informer := range []toolscache.SharedIndexInformer{
		apps.Deployments().Informer(), apps.ReplicaSets().Informer(), apps.StatefulSets().Informer(), apps.DaemonSets().Informer(),
		batch.Jobs().Informer(), core.Pods().Informer(), core.PersistentVolumeClaims().Informer(), warnings.Core().V1().Events().Informer(),
	} {
		// The default handler writes to stderr; the last error is told if the wait fails.
		if err := informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *toolscache.Reflector, err error) { c.note(err) }); err != nil {
			return fmt.Errorf("set the watch's error handler: %w", err)
		}
		poke := func() {
			select {
			case c.changed <- struct{}{}:
			default:
			}
		}
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { poke() },
			UpdateFunc: func(any, any) { poke() },
			DeleteFunc: func(any) { poke() },
		}); err != nil {
			return fmt.Errorf("follow %s: %w", namespace, err)
		}
	}
	return nil
}

func (c *cache) snapshot(now time.Time) Snapshot {
	snapshot := Snapshot{Now: now}
	for _, read := range c.reads {
		read(&snapshot)
	}
	slices.SortFunc(snapshot.Pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return snapshot
}

func (c *cache) note(err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.err, c.errAt = err, time.Now()
}

// lastError gives what the watches ran into lately; they mend themselves of the rest.
func (c *cache) lastError() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if time.Since(c.errAt) > 15*time.Second {
		return nil
	}
	return c.err
}

func (c *cache) stop() {
	c.cancel()
	for _, factory := range c.factories {
		factory.Shutdown()
	}
}
