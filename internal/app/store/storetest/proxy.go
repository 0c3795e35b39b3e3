package storetest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy is a TCP address before a server's socket: a test can take the
// server away and bring it back.
type Proxy struct {
	address string
	network string
	target  string

	mutex       sync.Mutex
	listener    net.Listener
	connections map[net.Conn]bool
	work        sync.WaitGroup
}

// NewProxy makes a proxy to target, a Unix socket or a TCP address as network
// says. Nothing listens at its address until Up.
func NewProxy(t testing.TB, network, target string) *Proxy {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a port: %v", err)
	}
	defer listener.Close()
	p := &Proxy{address: listener.Addr().String(), network: network, target: target, connections: map[net.Conn]bool{}}
	t.Cleanup(p.Down)
	return p
}

// Address is host:port.
func (p *Proxy) Address() string { return p.address }

// Up takes connections.
func (p *Proxy) Up(t testing.TB) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", p.address)
	if err != nil {
		t.Fatalf("bring the proxy up: %v", err)
	}
	p.mutex.Lock()
	p.listener = listener
	p.mutex.Unlock()
	p.work.Go(func() {
		for {
			client, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				p.work.Go(func() { p.join(client) })
			}
		}
	})
}

// Down refuses connections, and cuts those there are.
func (p *Proxy) Down() {
	p.mutex.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for connection := range p.connections {
		_ = connection.Close()
	}
	p.mutex.Unlock()
	p.work.Wait()
}

func (p *Proxy) join(client net.Conn) {
	defer client.Close()
	server, err := (&net.Dialer{}).DialContext(context.Background(), p.network, p.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.hold(client, server) {
		return
	}
	defer p.release(client, server)
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(server, client); _ = server.Close() })
	both.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
	both.Wait()
}

func (p *Proxy) hold(connections ...net.Conn) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, connection := range connections {
		p.connections[connection] = true
	}
	return p.listener != nil
}

func (p *Proxy) release(connections ...net.Conn) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, connection := range connections {
		delete(p.connections, connection)
	}
}
