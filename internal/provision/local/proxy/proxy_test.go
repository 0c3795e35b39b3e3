package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

const patience = 10 * time.Second

// cluster is a set of Services that the test changes.
type cluster struct {
	mu       sync.Mutex
	services map[endpoints.Key]*endpoints.Service
	changed  func(endpoints.Key)
}

func (c *cluster) Get(key endpoints.Key) *endpoints.Service {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.services[key]
}

func (c *cluster) OnChange(changed func(endpoints.Key)) {
	c.mu.Lock()
	c.changed = changed
	c.mu.Unlock()
	for key := range c.services {
		changed(key)
	}
}

func (c *cluster) put(key endpoints.Key, service *endpoints.Service) {
	c.mu.Lock()
	if service == nil {
		delete(c.services, key)
	} else {
		c.services[key] = service
	}
	changed := c.changed
	c.mu.Unlock()
	if changed != nil {
		changed(key)
	}
}

// events keeps what the proxy says on Services.
type events struct{ told chan string }

func (e events) Eventf(object runtime.Object, kind, reason, format string, args ...any) {
	e.told <- fmt.Sprintf("%s %s %s: %s", object.(*corev1.ObjectReference).Name, kind, reason, fmt.Sprintf(format, args...))
}

var web = endpoints.Key{Namespace: "shop", Name: "web"}

func serviceAt(address string, protocol corev1.Protocol, backends ...netip.AddrPort) *endpoints.Service {
	at := netip.MustParseAddrPort(address)
	return &endpoints.Service{
		Key:        web,
		ClusterIPs: []netip.Addr{at.Addr()},
		Ports:      []endpoints.Port{{Protocol: protocol, Number: at.Port(), Backends: backends}},
	}
}

func run(t *testing.T, options Options, service *endpoints.Service) *cluster {
	t.Helper()
	c := &cluster{services: map[endpoints.Key]*endpoints.Service{}}
	if service != nil {
		c.services[service.Key] = service
	}
	options.Services = c
	options.Logger = slog.New(slog.DiscardHandler)
	if options.Drain == 0 {
		options.Drain = time.Millisecond
	}
	proxy, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- proxy.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Errorf("waited %s for the proxy to end", patience)
		}
	})
	return c
}

// pod answers every line with its own name, then what the client sent.
func pod(t *testing.T, address string, name string) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				sent, err := io.ReadAll(connection) // returns once the client has closed its half
				if err == nil {
					fmt.Fprintf(connection, "%s got %d bytes", name, len(sent))
				}
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func call(address string, size int) (string, error) {
	connection, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	if _, err := io.Copy(connection, strings.NewReader(strings.Repeat("x", size))); err != nil {
		return "", err
	}
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(connection)
	return string(answer), err
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

func TestRoundRobinWithHalfClose(t *testing.T) {
	const address = "127.43.211.1:28473"
	a, b := pod(t, "127.42.211.1:0", "a"), pod(t, "127.42.211.2:0", "b")
	run(t, Options{}, serviceAt(address, corev1.ProtocolTCP, a, b))
	eventually(t, "the service port", func() bool { _, err := call(address, 0); return err == nil })
	got := map[string]int{}
	for range 20 {
		answer, err := call(address, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		got[answer]++
	}
	if got["a got 1048576 bytes"] != 10 || got["b got 1048576 bytes"] != 10 {
		t.Errorf("answers %v, want ten of each pod", got)
	}
}

func TestAnotherPodIsTriedWhenOneRefuses(t *testing.T) {
	const address = "127.43.211.2:28473"
	dead := netip.MustParseAddrPort("127.42.211.3:1")
	run(t, Options{}, serviceAt(address, corev1.ProtocolTCP, dead, pod(t, "127.42.211.4:0", "live")))
	eventually(t, "the service port", func() bool { _, err := call(address, 0); return err == nil })
	for range 10 {
		if answer, err := call(address, 1); err != nil || answer != "live got 1 bytes" {
			t.Fatalf("got %q, %v", answer, err)
		}
	}
}

func TestNoReadyPodResetsAtOnce(t *testing.T) {
	const address = "127.43.211.3:28473"
	services := run(t, Options{}, serviceAt(address, corev1.ProtocolTCP))
	reset := func() bool {
		_, err := call(address, 1)
		return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	}
	eventually(t, "a reset", reset)

	services.put(web, serviceAt(address, corev1.ProtocolTCP, pod(t, "127.42.211.5:0", "a")))
	eventually(t, "a pod that became ready", func() bool { answer, _ := call(address, 1); return answer == "a got 1 bytes" })

	services.put(web, nil)
	eventually(t, "the port to be free again", func() bool {
		_, err := call(address, 1)
		return errors.Is(err, syscall.ECONNREFUSED)
	})
}

func TestOpenConnectionOutlivesItsService(t *testing.T) {
	const address = "127.43.211.4:28473"
	services := run(t, Options{}, serviceAt(address, corev1.ProtocolTCP, echo(t, "127.42.211.6:0")))
	var connection net.Conn
	eventually(t, "the service port", func() (open bool) {
		var err error
		connection, err = net.Dial("tcp", address)
		return err == nil
	})
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	say := func(word string) {
		t.Helper()
		if _, err := connection.Write([]byte(word)); err != nil {
			t.Fatal(err)
		}
		heard := make([]byte, len(word))
		if _, err := io.ReadFull(connection, heard); err != nil || string(heard) != word {
			t.Fatalf("said %q, heard %q, %v", word, heard, err)
		}
	}
	say("before")
	services.put(web, nil)
	eventually(t, "the port to be free again", func() bool {
		_, err := call(address, 0)
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	say("after")
}

// echo is a pod that sends back what it gets.
func echo(t *testing.T, address string) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer connection.Close(); _, _ = io.Copy(connection, connection) }()
		}
	}()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func TestEndingClosesWhatDoesNotEnd(t *testing.T) {
	const address = "127.43.211.5:28473"
	services := &cluster{services: map[endpoints.Key]*endpoints.Service{
		web: serviceAt(address, corev1.ProtocolTCP, pod(t, "127.42.211.7:0", "a")),
	}}
	proxy, err := New(Options{Services: services, Drain: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- proxy.Run(ctx) }()
	eventually(t, "the service port", func() bool { _, err := call(address, 0); return err == nil })
	held, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	cancel()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatalf("waited %s for the proxy to end with a connection open", patience)
	}
	_ = held.SetReadDeadline(time.Now().Add(patience))
	if _, err := held.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the held connection reads %v, want it closed", err)
	}
}

func TestRefusedPortIsSaidAndTriedAgain(t *testing.T) {
	tests := map[string]struct {
		refusal error
		says    string
	}{
		"privileged": {syscall.EACCES, "ip_unprivileged_port_start=28473"},
		"taken":      {syscall.EADDRINUSE, "a program of this machine listens on port 28473"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			const address = "127.43.211.6:28473"
			told := make(chan string, 100)
			attempts := 0
			options := Options{
				Events: events{told}, RetryFirst: time.Millisecond, RetryMost: 4 * time.Millisecond,
				Listen: func(network, address string) (net.Listener, error) {
					if attempts++; attempts < 4 {
						return nil, &net.OpError{Op: "listen", Err: test.refusal}
					}
					return net.Listen(network, address)
				},
			}
			run(t, options, serviceAt(address, corev1.ProtocolTCP, pod(t, "127.42.211.8:0", "a")))
			if first := <-told; !strings.HasPrefix(first, "web Warning PortNotServed: ") || !strings.Contains(first, test.says) {
				t.Errorf("first event %q, want one that says %q", first, test.says)
			}
			if second := <-told; !strings.HasPrefix(second, "web Normal PortServed: ") {
				t.Errorf("second event %q, want PortServed: the refusal is said once", second)
			}
			if answer, err := call(address, 1); err != nil || answer != "a got 1 bytes" {
				t.Errorf("got %q, %v", answer, err)
			}
		})
	}
}

func TestUDP(t *testing.T) {
	const address = "127.43.211.7:28453"
	backend, err := net.ListenPacket("udp", "127.42.211.9:0")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	go func() {
		buffer := make([]byte, 1500)
		for {
			size, from, err := backend.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = backend.WriteTo([]byte(strings.ToUpper(string(buffer[:size]))), from)
		}
	}()
	run(t, Options{}, serviceAt(address, corev1.ProtocolUDP, backend.LocalAddr().(*net.UDPAddr).AddrPort()))
	ask := func(question string) string {
		connection, err := net.Dial("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_, _ = connection.Write([]byte(question))
		_ = connection.SetReadDeadline(time.Now().Add(time.Second))
		buffer := make([]byte, 1500)
		size, _ := connection.Read(buffer)
		return string(buffer[:size])
	}
	eventually(t, "the service port", func() bool { return ask("hello") == "HELLO" })
	if got := ask("other client"); got != "OTHER CLIENT" {
		t.Errorf("got %q", got)
	}
}

func TestClientAffinity(t *testing.T) {
	now := time.Unix(0, 0)
	b := newBalancer()
	b.now = func() time.Time { return now }
	one, two := netip.MustParseAddrPort("127.42.0.1:80"), netip.MustParseAddrPort("127.42.0.2:80")
	client := netip.MustParseAddr("127.42.0.9")
	take := func() netip.AddrPort {
		backend := b.order(client)[0]
		b.reached(client, backend)
		return backend
	}
	b.set([]netip.AddrPort{one, two}, time.Minute)
	first := take()
	for range 5 {
		if got := take(); got != first {
			t.Fatalf("got %s, want the same backend %s", got, first)
		}
	}
	now = now.Add(2 * time.Minute)
	if got := take(); got == first {
		t.Errorf("got %s again after the affinity had ended", got)
	}
	b.set([]netip.AddrPort{first}, time.Minute)
	if got := take(); got != first {
		t.Errorf("got %s, which is no backend any more", got)
	}
}
