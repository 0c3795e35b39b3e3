// Package proxy makes ClusterIPs work: it listens on every Service's address
// and port and forwards to a ready pod. TCP and UDP; NodePorts, external and
// load-balancer addresses are not served, since everything in the local
// environment can reach a ClusterIP.
package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/workqueue"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

// Services is what the proxy needs of the endpoint index.
type Services interface {
	Get(endpoints.Key) *endpoints.Service
	OnChange(func(endpoints.Key))
}

// Recorder takes events; record.EventRecorder is one.
type Recorder interface {
	Eventf(object runtime.Object, eventtype, reason, messageFmt string, args ...any)
}

// Options says how the proxy works. Services is required.
type Options struct {
	Services Services
	// Events is told, on the Service, of a port that cannot be served.
	Events Recorder
	// Logger is slog's default where nil.
	Logger *slog.Logger
	// DialTimeout bounds one attempt to reach a pod; 1 second by default.
	DialTimeout time.Duration
	// Drain is how long open connections may go on once Run is told to end;
	// 1 second by default.
	Drain time.Duration
	// RetryFirst and RetryMost bound the time between attempts to listen on a
	// port that could not be had; 1 second and 1 minute by default.
	RetryFirst, RetryMost time.Duration
	// UDPIdle ends a UDP client's flow after that long without a packet; 30
	// seconds by default.
	UDPIdle time.Duration
	// Listen and ListenPacket stand in for the net package's in tests.
	Listen       func(network, address string) (net.Listener, error)
	ListenPacket func(network, address string) (net.PacketConn, error)
}

// Proxy serves ClusterIPs.
type Proxy struct {
	options Options
	queue   workqueue.TypedRateLimitingInterface[endpoints.Key]
	open    map[socket]*listener // only Run's goroutine touches it
	refused map[socket]string    // sockets that could not be had, and why
	flows   sync.WaitGroup
}

// socket is one address that a Service wants served.
type socket struct {
	service  endpoints.Key
	protocol corev1.Protocol
	addr     netip.AddrPort
}

// listener is an open socket with the balancer behind it.
type listener struct {
	balancer *balancer
	close    func()
}

// New makes a proxy; nothing listens before Run.
func New(options Options) (*Proxy, error) {
	if options.Services == nil {
		return nil, errors.New("make service proxy: no services given")
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.Listen == nil {
		options.Listen = net.Listen
	}
	if options.ListenPacket == nil {
		options.ListenPacket = net.ListenPacket
	}
	for _, setting := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&options.DialTimeout, time.Second},
		{&options.Drain, time.Second},
		{&options.RetryFirst, time.Second},
		{&options.RetryMost, time.Minute},
		{&options.UDPIdle, 30 * time.Second},
	} {
		if *setting.value == 0 {
			*setting.value = setting.standard
		}
	}
	return &Proxy{
		options: options,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[endpoints.Key](options.RetryFirst, options.RetryMost)),
		open:    map[socket]*listener{},
		refused: map[socket]string{},
	}, nil
}

// Run follows the Services until ctx ends, then stops listening, gives open
// connections Options.Drain to end and closes the rest. It may be called once.
func (p *Proxy) Run(ctx context.Context) error {
	connections, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	defer context.AfterFunc(ctx, p.queue.ShutDown)()
	p.options.Services.OnChange(p.queue.Add)
	for {
		key, ended := p.queue.Get()
		if ended {
			break
		}
		if p.reconcile(connections, key) {
			p.queue.Forget(key)
		} else {
			p.queue.AddRateLimited(key)
		}
		p.queue.Done(key)
	}
	for _, open := range p.open {
		open.close()
	}
	drained := time.AfterFunc(p.options.Drain, abort)
	defer drained.Stop()
	p.flows.Wait()
	return nil
}

// reconcile makes the sockets of one Service what they should be, and says
// whether it got them all.
func (p *Proxy) reconcile(ctx context.Context, key endpoints.Key) bool {
	service := p.options.Services.Get(key)
	wanted := map[socket]endpoints.Port{}
	if service != nil {
		for _, ip := range service.ClusterIPs {
			for _, port := range service.Ports {
				wanted[socket{key, port.Protocol, netip.AddrPortFrom(ip, port.Number)}] = port
			}
		}
	}
	for address, open := range p.open {
		if _, keep := wanted[address]; address.service == key && !keep {
			open.close()
			delete(p.open, address)
		}
	}
	for address := range p.refused {
		if _, keep := wanted[address]; address.service == key && !keep {
			delete(p.refused, address)
		}
	}
	complete := true
	for address, port := range wanted {
		if open := p.open[address]; open != nil {
			open.balancer.set(port.Backends, service.Affinity)
			continue
		}
		balancer := newBalancer()
		balancer.set(port.Backends, service.Affinity) // before the first client can come
		if open := p.listen(ctx, service, address, balancer); open != nil {
			p.open[address] = open
		} else {
			complete = false
		}
	}
	return complete
}

// listen opens the socket, or says on the Service why it could not. A socket is
// held even while no pod is ready: were it free, a client would reach whatever
// program of this machine listens on that port at every address.
func (p *Proxy) listen(ctx context.Context, service *endpoints.Service, address socket, balancer *balancer) *listener {
	var closeSocket func()
	var err error
	switch address.protocol {
	case corev1.ProtocolTCP:
		closeSocket, err = p.listenTCP(ctx, address, balancer)
	case corev1.ProtocolUDP:
		closeSocket, err = p.listenUDP(ctx, address, balancer)
	default:
		err = errProtocol
	}
	if err != nil {
		if reason := explain(address, err); p.refused[address] != reason {
			p.refused[address] = reason
			p.options.Logger.Warn("service port is not served", "service", address.service, "reason", reason)
			p.event(service, corev1.EventTypeWarning, "PortNotServed", reason)
		}
		return nil
	}
	if _, before := p.refused[address]; before {
		delete(p.refused, address)
		p.event(service, corev1.EventTypeNormal, "PortServed", "the service proxy now listens on "+address.addr.String())
	}
	return &listener{balancer: balancer, close: closeSocket}
}

func (p *Proxy) event(service *endpoints.Service, kind, reason, message string) {
	if p.options.Events != nil {
		p.options.Events.Eventf(service.Reference(), kind, reason, "%s", message)
	}
}
