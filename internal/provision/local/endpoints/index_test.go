package endpoints

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
)

func start(t *testing.T, objects ...runtime.Object) (*Index, kubernetes.Interface) {
	t.Helper()
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	index, err := New(Options{Informers: factory, APIServer: netip.MustParseAddrPort("127.0.0.1:6443")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	factory.Start(ctx.Done())
	go func() { ended <- index.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		factory.Shutdown()
	})
	select {
	case <-index.Synced():
	case <-time.After(10 * time.Second):
		t.Fatal("waited 10s for the index to sync")
	}
	return index, client
}

func pod(name, ip string, change func(*corev1.Pod)) *corev1.Pod {
	made := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{"app": "web"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name:  "web",
			Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
		}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: ip,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
	if change != nil {
		change(made)
	}
	return made
}

func service(name string, change func(*corev1.Service)) *corev1.Service {
	made := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec: corev1.ServiceSpec{
			ClusterIP: "127.43.0.7",
			Selector:  map[string]string{"app": "web"},
			Ports:     []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}},
		},
	}
	if change != nil {
		change(made)
	}
	return made
}

func notReady(pod *corev1.Pod) { pod.Status.Conditions[0].Status = corev1.ConditionFalse }

func TestBackends(t *testing.T) {
	tests := map[string]struct {
		service *corev1.Service
		others  []runtime.Object
		want    []string
	}{
		"named port": {
			service: service("web", nil),
			others:  []runtime.Object{pod("b", "127.42.0.3", nil), pod("a", "127.42.0.2", nil)},
			want:    []string{"127.42.0.2:8080", "127.42.0.3:8080"},
		},
		"named port differs by pod, and is missing in one": {
			service: service("web", nil),
			others: []runtime.Object{
				pod("a", "127.42.0.2", func(p *corev1.Pod) { p.Spec.Containers[0].Ports[0].ContainerPort = 9090 }),
				pod("b", "127.42.0.3", nil),
				pod("c", "127.42.0.4", func(p *corev1.Pod) { p.Spec.Containers[0].Ports = nil }),
			},
			want: []string{"127.42.0.2:9090", "127.42.0.3:8080"},
		},
		"named port of a sidecar": {
			service: service("web", nil),
			others: []runtime.Object{pod("a", "127.42.0.2", func(p *corev1.Pod) {
				always := corev1.ContainerRestartPolicyAlways
				p.Spec.InitContainers, p.Spec.Containers[0].Ports = []corev1.Container{{
					RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 7070}},
				}}, nil
			})},
			want: []string{"127.42.0.2:7070"},
		},
		"numeric port": {
			service: service("web", func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromInt32(5432) }),
			others:  []runtime.Object{pod("a", "127.42.0.2", nil)},
			want:    []string{"127.42.0.2:5432"},
		},
		"port left out": {
			service: service("web", func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.IntOrString{} }),
			others:  []runtime.Object{pod("a", "127.42.0.2", nil)},
			want:    []string{"127.42.0.2:80"},
		},
		"only ready pods of this namespace and selector": {
			service: service("web", nil),
			others: []runtime.Object{
				pod("ready", "127.42.0.2", nil),
				pod("starting", "127.42.0.3", notReady),
				pod("addressless", "", nil),
				pod("done", "127.42.0.4", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
				pod("ending", "127.42.0.5", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }),
				pod("other", "127.42.0.6", func(p *corev1.Pod) { p.Labels["app"] = "worker" }),
				pod("elsewhere", "127.42.0.7", func(p *corev1.Pod) { p.Namespace = "bank" }),
			},
			want: []string{"127.42.0.2:8080"},
		},
		"addresses published whether ready or not": {
			service: service("web", func(s *corev1.Service) { s.Spec.PublishNotReadyAddresses = true }),
			others:  []runtime.Object{pod("starting", "127.42.0.3", notReady)},
			want:    []string{"127.42.0.3:8080"},
		},
		"no selector: endpoints written by hand": {
			service: service("web", func(s *corev1.Service) { s.Spec.Selector = nil }),
			others: []runtime.Object{&discoveryv1.EndpointSlice{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
				Ports:      []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(9000))}},
				Endpoints: []discoveryv1.Endpoint{
					{Addresses: []string{"10.1.2.3"}},
					{Addresses: []string{"10.1.2.4"}, Conditions: discoveryv1.EndpointConditions{Ready: new(false)}},
				},
			}},
			want: []string{"10.1.2.3:9000"},
		},
		"the API server": {
			service: service("kubernetes", func(s *corev1.Service) { s.Namespace, s.Spec.Selector = "default", nil }),
			want:    []string{"127.0.0.1:6443"},
		},
		"external name": {
			service: service("web", func(s *corev1.Service) {
				s.Spec.Type, s.Spec.ExternalName, s.Spec.ClusterIP = corev1.ServiceTypeExternalName, "db.example.com", ""
			}),
			others: []runtime.Object{pod("a", "127.42.0.2", nil)},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			index, _ := start(t, append(test.others, test.service)...)
			found := index.Get(Key{Namespace: test.service.Namespace, Name: test.service.Name})
			if found == nil {
				t.Fatal("the index does not know the service")
			}
			var got []string
			for _, backend := range found.Ports[0].Backends {
				got = append(got, backend.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("backends (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeadlessHostnames(t *testing.T) {
	index, _ := start(t,
		service("db", func(s *corev1.Service) { s.Spec.ClusterIP = corev1.ClusterIPNone }),
		pod("db-0", "127.42.0.2", func(p *corev1.Pod) { p.Spec.Hostname, p.Spec.Subdomain = "db-0", "db" }),
		pod("db-1", "127.42.0.3", func(p *corev1.Pod) { p.Spec.Hostname, p.Spec.Subdomain = "db-1", "elsewhere" }),
	)
	found := index.Get(Key{Namespace: "shop", Name: "db"})
	want := []Endpoint{
		{Addr: netip.MustParseAddr("127.42.0.2"), Hostname: "db-0"},
		{Addr: netip.MustParseAddr("127.42.0.3")},
	}
	if diff := cmp.Diff(want, found.Endpoints, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
	if !found.Headless || len(found.ClusterIPs) != 0 {
		t.Errorf("headless %v with addresses %v", found.Headless, found.ClusterIPs)
	}
}

func TestChangesAreTold(t *testing.T) {
	index, client := start(t, service("web", nil))
	key := Key{Namespace: "shop", Name: "web"}
	told := make(chan Key, 100)
	index.OnChange(func(changed Key) { told <- changed })
	expect := func(what string, backends int) {
		t.Helper()
		deadline := time.After(10 * time.Second)
		for {
			select {
			case <-told:
				found := index.Get(key)
				if backends < 0 && found == nil || found != nil && len(found.Ports[0].Backends) == backends {
					return
				}
			case <-deadline:
				t.Fatalf("waited 10s for %s: %+v", what, index.Get(key))
			}
		}
	}
	expect("the service that is there", 0)

	pods := client.CoreV1().Pods("shop")
	if _, err := pods.Create(t.Context(), pod("a", "127.42.0.2", nil), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("a pod that came", 1)
	if _, err := pods.Update(t.Context(), pod("a", "127.42.0.2", func(p *corev1.Pod) { p.Labels["app"] = "gone" }), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("a pod that was relabelled", 0)
	if err := client.CoreV1().Services("shop").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("a service that went", -1)
}
