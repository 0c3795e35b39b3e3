package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"
)

const acceptPause = 50 * time.Millisecond // after a failed accept, such as too many open files

func (p *Proxy) listenTCP(ctx context.Context, address socket, balancer *balancer) (func(), error) {
	socket, err := p.options.Listen("tcp", address.addr.String())
	if err != nil {
		return nil, err
	}
	p.flows.Go(func() {
		for {
			accepted, err := socket.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				p.options.Logger.Warn("accept a connection", "service", address.service, "error", err)
				pause(ctx, acceptPause)
				continue
			}
			p.flows.Go(func() { p.forward(ctx, address, accepted.(*net.TCPConn), balancer) })
		}
	})
	return func() { socket.Close() }, nil
}

// forward joins a client with the first backend that takes the connection. With
// none, the client is reset at once rather than left to wait.
func (p *Proxy) forward(ctx context.Context, address socket, client *net.TCPConn, balancer *balancer) {
	defer client.Close()
	source := client.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	dialer := net.Dialer{Timeout: p.options.DialTimeout}
	for _, backend := range balancer.order(source) {
		dialed, err := dialer.DialContext(ctx, "tcp", backend.String())
		if err != nil {
			p.options.Logger.Debug("backend is not reachable", "service", address.service, "backend", backend, "error", err)
			continue
		}
		balancer.reached(source, backend)
		join(ctx, client, dialed.(*net.TCPConn))
		return
	}
	_ = client.SetLinger(0) // makes the close a reset
}

// join copies both ways until both directions have ended; each ends on its own,
// so that a client may close its half and still read the answer.
func join(ctx context.Context, client, backend *net.TCPConn) {
	defer backend.Close()
	defer context.AfterFunc(ctx, func() { reset(client, backend) })()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		stream(client, backend)
	}()
	stream(backend, client)
	<-answered
}

// stream copies from one side to the other, then passes on how it ended: a
// close as a close of that half, a failure as a reset of both.
func stream(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		reset(to, from)
		return
	}
	_ = to.CloseWrite()
}

func reset(connections ...*net.TCPConn) {
	for _, connection := range connections {
		_ = connection.SetLinger(0)
		connection.Close()
	}
}

func pause(ctx context.Context, duration time.Duration) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func sourceOf(address net.Addr) netip.AddrPort {
	if udp, is := address.(*net.UDPAddr); is {
		return udp.AddrPort()
	}
	return netip.AddrPort{}
}
