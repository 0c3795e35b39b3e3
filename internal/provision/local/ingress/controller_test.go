package ingress

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
)

type events struct{ told chan string }

func (e events) Eventf(object runtime.Object, kind, reason, format string, args ...any) {
	e.told <- fmt.Sprintf("%s %s %s: %s", object.(*networkingv1.Ingress).Name, kind, reason, fmt.Sprintf(format, args...))
}

func class(name string) change {
	return func(ingress *networkingv1.Ingress) { ingress.Spec.IngressClassName = &name }
}

func run(t *testing.T, pods *backends, objects ...runtime.Object) (string, kubernetes.Interface, chan string) {
	t.Helper()
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 100)
	ingress, err := New(Options{
		Listener: listener, Informers: factory, Services: pods, Client: client.NetworkingV1(),
		Events: events{told}, Logger: slog.New(slog.DiscardHandler), Drain: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	factory.Start(ctx.Done())
	go func() { ended <- ingress.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Errorf("waited %s for the ingress to end", patience)
		}
		factory.Shutdown()
	})
	return "http://" + listener.Addr().String(), client, told
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

func TestIngressesAreFollowed(t *testing.T) {
	pods := &backends{all: map[string][]netip.AddrPort{}}
	pods.put("web", pod(t, named("web")))
	url, client, _ := run(t, pods)
	status := func() int { code, _ := send(t, "GET", url, "", nil); return code }
	eventually(t, "the ingress to have no route", func() bool { return status() == 404 })

	ingresses := client.NetworkingV1().Ingresses("shop")
	if _, err := ingresses.Create(t.Context(), made("web", class("nginx"), rule("", "/", prefix, "web")), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the route", func() bool { return status() == 200 })
	eventually(t, "the status", func() bool {
		found, err := ingresses.Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		written := found.Status.LoadBalancer.Ingress
		return len(written) == 1 && written[0].Hostname == "localhost"
	})
	if err := ingresses.Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the route to go", func() bool { return status() == 404 })
}

func TestClasses(t *testing.T) {
	standard := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{
		Name: "nginx", Annotations: map[string]string{networkingv1.AnnotationIsDefaultIngressClass: "true"},
	}}
	byAnnotation := func(name string) change {
		return func(ingress *networkingv1.Ingress) { ingress.Annotations[classAnnotation] = name }
	}
	tests := map[string]struct {
		ingress *networkingv1.Ingress
		classes []runtime.Object
		want    int
	}{
		"ours":                      {made("it", class("nginx"), rule("", "/", prefix, "web")), nil, 200},
		"another":                   {made("it", class("traefik"), rule("", "/", prefix, "web")), []runtime.Object{standard}, 404},
		"ours by annotation":        {made("it", byAnnotation("nginx"), rule("", "/", prefix, "web")), nil, 200},
		"another by annotation":     {made("it", byAnnotation("traefik"), rule("", "/", prefix, "web")), []runtime.Object{standard}, 404},
		"none, and none is default": {made("it", rule("", "/", prefix, "web")), nil, 404},
		"none, and ours is default": {made("it", rule("", "/", prefix, "web")), []runtime.Object{standard}, 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pods := &backends{all: map[string][]netip.AddrPort{}}
			pods.put("web", pod(t, named("web")))
			url, _, _ := run(t, pods, append(test.classes, test.ingress)...)
			eventually(t, fmt.Sprintf("status %d", test.want), func() bool {
				code, _ := send(t, "GET", url, "", nil)
				return code == test.want
			})
		})
	}
}

func TestWhatIsNotFollowedIsSaidOnce(t *testing.T) {
	secured := func(ingress *networkingv1.Ingress) {
		ingress.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{"a.test"}}}
	}
	pods := &backends{all: map[string][]netip.AddrPort{}}
	_, client, told := run(t, pods, made("it", class("nginx"), rule("a.test", "/", prefix, "web"), secured, annotated("auth-url", "x")))
	select {
	case said := <-told:
		for _, want := range []string{"it Warning NotFollowed: ", "auth-url is not supported", "the TLS section has no effect"} {
			if !strings.Contains(said, want) {
				t.Errorf("event %q, want it to say %q", said, want)
			}
		}
	case <-time.After(patience):
		t.Fatalf("waited %s for an event", patience)
	}
	// Another Ingress makes the routes anew; its own event follows the rebuild.
	if _, err := client.NetworkingV1().Ingresses("shop").Create(t.Context(), made("other", class("nginx"), secured), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case said := <-told:
		if !strings.HasPrefix(said, "other ") {
			t.Errorf("event %q, want the other Ingress's alone", said)
		}
	case <-time.After(patience):
		t.Fatalf("waited %s for the other Ingress's event", patience)
	}
}
