package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const largestPacket = 64 << 10

// packets is one UDP port: every client address has a flow of its own, so that
// the answers find their way back.
type packets struct {
	proxy    *Proxy
	socket   net.PacketConn
	balancer *balancer

	mu    sync.Mutex
	flows map[netip.AddrPort]net.Conn
}

func (p *Proxy) listenUDP(ctx context.Context, address socket, balancer *balancer) (func(), error) {
	socket, err := p.options.ListenPacket("udp", address.addr.String())
	if err != nil {
		return nil, err
	}
	port := &packets{proxy: p, socket: socket, balancer: balancer, flows: map[netip.AddrPort]net.Conn{}}
	p.flows.Go(func() { port.serve(ctx) })
	return func() {
		socket.Close()
		port.mu.Lock()
		defer port.mu.Unlock()
		for _, flow := range port.flows {
			flow.Close()
		}
	}, nil
}

func (u *packets) serve(ctx context.Context) {
	buffer := make([]byte, largestPacket)
	for {
		size, from, err := u.socket.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			pause(ctx, acceptPause)
			continue
		}
		// A packet without a backend is lost, as UDP allows.
		if flow := u.flow(ctx, from); flow != nil {
			_, _ = flow.Write(buffer[:size])
		}
	}
}

func (u *packets) flow(ctx context.Context, client net.Addr) net.Conn {
	source := sourceOf(client)
	u.mu.Lock()
	defer u.mu.Unlock()
	if flow := u.flows[source]; flow != nil {
		return flow
	}
	backends := u.balancer.order(source.Addr())
	if len(backends) == 0 {
		return nil
	}
	flow, err := (&net.Dialer{}).DialContext(ctx, "udp", backends[0].String())
	if err != nil {
		return nil
	}
	u.balancer.reached(source.Addr(), backends[0])
	u.flows[source] = flow
	u.proxy.flows.Go(func() {
		defer context.AfterFunc(ctx, func() { flow.Close() })()
		u.answer(client, source, flow)
	})
	return flow
}

// answer carries the backend's packets back until none has come for a while, or
// the backend is gone.
func (u *packets) answer(client net.Addr, source netip.AddrPort, flow net.Conn) {
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.flows, source)
		flow.Close()
	}()
	buffer := make([]byte, largestPacket)
	for {
		_ = flow.SetReadDeadline(time.Now().Add(u.proxy.options.UDPIdle))
		size, err := flow.Read(buffer)
		if err != nil {
			return
		}
		if _, err := u.socket.WriteTo(buffer[:size], client); err != nil {
			return
		}
	}
}
