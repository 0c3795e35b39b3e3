// Package ingress is the local environment's way in: an HTTP reverse proxy that
// follows Ingress objects with the semantics of ingress-nginx, its canary
// annotations and metrics included, and goes straight to ready pods. It serves
// plain HTTP/1.1; a TLS section is said to be without effect.
package ingress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	networkingclient "k8s.io/client-go/kubernetes/typed/networking/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
)

const (
	classAnnotation = "kubernetes.io/ingress.class"
	statusRetry     = time.Second
)

// Recorder takes events; record.EventRecorder is one.
type Recorder interface {
	Eventf(object runtime.Object, eventtype, reason, messageFmt string, args ...any)
}

// Options says what the ingress serves and where. Listener, Informers and
// Services are required.
type Options struct {
	// Listener takes the clients' connections; Run closes it.
	Listener net.Listener
	// Informers gives Ingresses and IngressClasses. New asks it for them; the
	// owner starts it after New.
	Informers informers.SharedInformerFactory
	// Services tells the ready pods behind a Service.
	Services Services
	// Client writes the Ingresses' status; nil leaves it alone.
	Client networkingclient.IngressesGetter
	// Events is told, on the Ingress, of what could not be followed.
	Events Recorder
	// Class is the class served; "nginx" by default. An Ingress without a class
	// is served too while the IngressClass of that name is the default one.
	Class string
	// Address goes into the Ingresses' status; the hostname "localhost" by default.
	Address networkingv1.IngressLoadBalancerIngress
	// Registerer takes the metrics; nil registers them nowhere.
	Registerer prometheus.Registerer
	// Drain is how long requests may go on once Run is told to end; 2 seconds by
	// default.
	Drain time.Duration
	// Random gives a number from 0 up to, not including, its argument; it decides
	// on canary weights.
	Random func(int) int
	// Logger is slog's default where nil.
	Logger *slog.Logger
}

// Ingress serves the cluster's Ingresses.
type Ingress struct {
	options   Options
	handler   *handler
	ingresses networkinglisters.IngressLister
	classes   networkinglisters.IngressClassLister
	informed  []cache.InformerSynced
	changed   chan struct{}
	said      map[types.UID]string // problems already told, by Ingress
}

// New makes an ingress; nothing is served before Run.
func New(options Options) (*Ingress, error) {
	if options.Listener == nil || options.Informers == nil || options.Services == nil {
		return nil, errors.New("make ingress: a listener, informers and services are needed")
	}
	if options.Class == "" {
		options.Class = "nginx"
	}
	if options.Address.IP == "" && options.Address.Hostname == "" {
		options.Address.Hostname = "localhost"
	}
	if options.Drain == 0 {
		options.Drain = 2 * time.Second
	}
	if options.Random == nil {
		options.Random = rand.IntN
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	measured, err := newMetrics(options.Registerer)
	if err != nil {
		return nil, err
	}
	objects := options.Informers.Networking().V1()
	made := &Ingress{
		options:   options,
		handler:   newHandler(options.Services, measured, options.Random, options.Logger),
		ingresses: objects.Ingresses().Lister(),
		classes:   objects.IngressClasses().Lister(),
		changed:   make(chan struct{}, 1),
		said:      map[types.UID]string{},
	}
	for _, informer := range []cache.SharedIndexInformer{objects.Ingresses().Informer(), objects.IngressClasses().Informer()} {
		registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { made.mark() },
			UpdateFunc: func(any, any) { made.mark() },
			DeleteFunc: func(any) { made.mark() },
		})
		if err != nil {
			return nil, fmt.Errorf("watch for ingress: %w", err)
		}
		made.informed = append(made.informed, registration.HasSynced)
	}
	return made, nil
}

// Run serves until ctx ends, then lets requests end within Options.Drain. It may
// be called once.
func (i *Ingress) Run(ctx context.Context) error {
	requests, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	server := &http.Server{
		Handler:           i.handler,
		ReadHeaderTimeout: time.Minute,
		IdleTimeout:       75 * time.Second, // ingress-nginx's default
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(i.options.Logger.Handler(), slog.LevelDebug),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(i.options.Listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve ingress: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.options.Drain)
		defer cancel()
		if err := server.Shutdown(ending); err != nil {
			server.Close()
		}
		return nil
	})
	group.Go(func() error { i.follow(ctx); return nil })
	return group.Wait()
}

func (i *Ingress) mark() {
	select {
	case i.changed <- struct{}{}:
	default: // a rebuild is due already and will see this change too
	}
}

func (i *Ingress) follow(ctx context.Context) {
	if !cache.WaitForCacheSync(ctx.Done(), i.informed...) {
		return
	}
	i.mark()
	for {
		select {
		case <-ctx.Done():
			return
		case <-i.changed:
		}
		if !i.rebuild(ctx) {
			time.AfterFunc(statusRetry, i.mark)
		}
	}
}

// rebuild makes the routes anew, and says whether every status is written.
func (i *Ingress) rebuild(ctx context.Context) bool {
	all, _ := i.ingresses.List(labels.Everything()) // a lister does not fail
	var served []*networkingv1.Ingress
	for _, ingress := range all {
		if i.serves(ingress) {
			served = append(served, ingress)
		}
	}
	routes, problems := buildTable(served)
	i.handler.table.Store(routes)
	complete := true
	present := map[types.UID]bool{}
	for _, ingress := range served {
		present[ingress.UID] = true
		i.say(ingress, problems[keyOf(ingress)])
		if err := i.publish(ctx, ingress); err != nil {
			i.options.Logger.Warn("write status", "ingress", keyOf(ingress), "error", err)
			complete = false
		}
	}
	for uid := range i.said {
		if !present[uid] {
			delete(i.said, uid)
		}
	}
	return complete
}

func (i *Ingress) serves(ingress *networkingv1.Ingress) bool {
	if class := ingress.Spec.IngressClassName; class != nil {
		return *class == i.options.Class
	}
	if class, has := ingress.Annotations[classAnnotation]; has {
		return class == i.options.Class
	}
	class, err := i.classes.Get(i.options.Class)
	return err == nil && class.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true"
}

// say tells each set of problems once.
func (i *Ingress) say(ingress *networkingv1.Ingress, problems []string) {
	if len(ingress.Spec.TLS) > 0 {
		problems = append(problems, "the TLS section has no effect: the local ingress serves plain HTTP on loopback")
	}
	message := strings.Join(problems, "; ")
	if i.said[ingress.UID] == message {
		return
	}
	i.said[ingress.UID] = message
	if message == "" || i.options.Events == nil {
		return
	}
	i.options.Events.Eventf(ingress, "Warning", "NotFollowed", "%s", message)
}

func (i *Ingress) publish(ctx context.Context, ingress *networkingv1.Ingress) error {
	wanted := []networkingv1.IngressLoadBalancerIngress{i.options.Address}
	if i.options.Client == nil || reflect.DeepEqual(ingress.Status.LoadBalancer.Ingress, wanted) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": networkingv1.IngressStatus{
		LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: wanted},
	}})
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	_, err = i.options.Client.Ingresses(ingress.Namespace).Patch(ctx, ingress.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}
