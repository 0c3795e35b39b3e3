// Package endpoints tells which ready addresses stand behind each Service of
// the local environment. API validation refuses loopback addresses in
// EndpointSlices, so ready pods are followed here by the Service's selector, as
// the EndpointSlice controller would.
package endpoints

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// Options says what the index is built from.
type Options struct {
	// Informers gives Services, Pods and EndpointSlices. New asks it for them;
	// the owner starts it after New.
	Informers informers.SharedInformerFactory
	// APIServer stands behind the Service default/kubernetes. Where it is not
	// valid, that Service has no endpoint.
	APIServer netip.AddrPort
}

// Index maps each Service to its ready addresses. It is safe for concurrent use.
type Index struct {
	apiServer netip.AddrPort
	services  corelisters.ServiceLister
	pods      corelisters.PodLister
	slices    discoverylisters.EndpointSliceLister
	informed  []cache.InformerSynced
	queue     workqueue.TypedInterface[Key]
	synced    chan struct{}

	mu       sync.RWMutex
	current  map[Key]*Service
	watchers []func(Key)
}

// New makes an index; it is empty until Run has read the cluster.
func New(options Options) (*Index, error) {
	if options.Informers == nil {
		return nil, errors.New("make endpoint index: no informers given")
	}
	services := options.Informers.Core().V1().Services()
	pods := options.Informers.Core().V1().Pods()
	endpointSlices := options.Informers.Discovery().V1().EndpointSlices()
	index := &Index{
		apiServer: options.APIServer,
		services:  services.Lister(),
		pods:      pods.Lister(),
		slices:    endpointSlices.Lister(),
		queue:     workqueue.NewTyped[Key](),
		synced:    make(chan struct{}),
		current:   map[Key]*Service{},
	}
	for _, source := range []struct {
		informer cache.SharedIndexInformer
		changed  func(any)
	}{
		{services.Informer(), index.serviceChanged},
		{pods.Informer(), index.podChanged},
		{endpointSlices.Informer(), index.sliceChanged},
	} {
		registration, err := source.informer.AddEventHandler(handler(source.changed))
		if err != nil {
			return nil, fmt.Errorf("watch for endpoint index: %w", err)
		}
		index.informed = append(index.informed, registration.HasSynced)
	}
	return index, nil
}

// Run follows the cluster until ctx ends. It may be called once.
func (x *Index) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, x.queue.ShutDown)()
	if !cache.WaitForCacheSync(ctx.Done(), x.informed...) {
		return nil // ctx has ended
	}
	services, err := x.services.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list services: %w", err)
	}
	for _, service := range services {
		x.refresh(Key{Namespace: service.Namespace, Name: service.Name})
	}
	close(x.synced)
	for {
		key, ended := x.queue.Get()
		if ended {
			return nil
		}
		x.refresh(key)
		x.queue.Done(key)
	}
}

// Synced is closed once the index holds every Service that there was when Run began.
func (x *Index) Synced() <-chan struct{} { return x.synced }

// Get gives the Service, or nil where there is none.
func (x *Index) Get(key Key) *Service {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.current[key]
}

// List gives all Services in no order.
func (x *Index) List() []*Service {
	x.mu.RLock()
	defer x.mu.RUnlock()
	all := make([]*Service, 0, len(x.current))
	for _, service := range x.current {
		all = append(all, service)
	}
	return all
}

// OnChange calls changed for every Service that comes, changes or goes, and at
// once for those that are there. Calls come one after another and must not
// block; Get then tells the newest state.
func (x *Index) OnChange(changed func(Key)) {
	x.mu.Lock()
	x.watchers = append(x.watchers, changed)
	known := make([]Key, 0, len(x.current))
	for key := range x.current {
		known = append(known, key)
	}
	x.mu.Unlock()
	for _, key := range known {
		changed(key)
	}
}

func (x *Index) refresh(key Key) {
	next := x.resolve(key)
	x.mu.Lock()
	previous := x.current[key]
	same := reflect.DeepEqual(previous, next)
	if next == nil {
		delete(x.current, key)
	} else {
		x.current[key] = next
	}
	watchers := x.watchers
	x.mu.Unlock()
	if same {
		return
	}
	for _, changed := range watchers {
		changed(key)
	}
}

func (x *Index) resolve(key Key) *Service {
	service, err := x.services.Services(key.Namespace).Get(key.Name)
	if err != nil {
		return nil // listers fail only with "not found"
	}
	described := describe(service)
	switch {
	case described.ExternalName != "":
	case key == Key{Namespace: corev1.NamespaceDefault, Name: "kubernetes"}:
		if x.apiServer.IsValid() {
			described.addFixed(x.apiServer)
		}
	case len(service.Spec.Selector) == 0:
		slices, _ := x.slices.EndpointSlices(key.Namespace).List(labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: key.Name}))
		described.addSlices(slices)
	default:
		pods, _ := x.pods.Pods(key.Namespace).List(labels.SelectorFromSet(service.Spec.Selector))
		described.addPods(service, pods)
	}
	return described
}

func (x *Index) serviceChanged(object any) {
	service := object.(*corev1.Service)
	x.queue.Add(Key{Namespace: service.Namespace, Name: service.Name})
}

func (x *Index) podChanged(object any) {
	pod := object.(*corev1.Pod)
	services, _ := x.services.Services(pod.Namespace).List(labels.Everything())
	for _, service := range services {
		if len(service.Spec.Selector) > 0 && labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
			x.queue.Add(Key{Namespace: service.Namespace, Name: service.Name})
		}
	}
}

func (x *Index) sliceChanged(object any) {
	slice := object.(*discoveryv1.EndpointSlice)
	if name := slice.Labels[discoveryv1.LabelServiceName]; name != "" {
		x.queue.Add(Key{Namespace: slice.Namespace, Name: name})
	}
}

// handler tells changed of both states of an object that changed, since a pod
// may have left one Service and joined another.
func handler(changed func(any)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    changed,
		UpdateFunc: func(old, now any) { changed(old); changed(now) },
		DeleteFunc: func(object any) {
			if gone, missed := object.(cache.DeletedFinalStateUnknown); missed {
				object = gone.Obj
			}
			changed(object)
		},
	}
}
