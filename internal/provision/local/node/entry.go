//go:build linux && !slim

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
)

// ports is how many are tried from the wanted one on.
const ports = 100

// listenIngress takes the ingress's address: the one that the cluster had, the
// one wanted, or the next free port. Which one it is goes into the description.
// It is chosen by taking it: another cluster may be looking at the same moment.
func listenIngress(ctx context.Context, c *cluster.Cluster) (net.Listener, error) {
	wanted, err := netip.ParseAddrPort(c.IngressWanted)
	if err != nil {
		return nil, fmt.Errorf("read ingress address: %w", err)
	}
	addresses := []string{c.Ingress}
	for port := int(wanted.Port()); port < int(wanted.Port())+ports && port < 1<<16; port++ {
		addresses = append(addresses, netip.AddrPortFrom(wanted.Addr(), uint16(port)).String())
	}
	var listen net.ListenConfig
	var taken error
	for _, address := range addresses {
		if address == "" {
			continue
		}
		listener, err := listen.Listen(ctx, "tcp", address)
		if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) {
			taken = err
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("start ingress: %w", err)
		}
		if address == c.Ingress {
			return listener, nil
		}
		c.Ingress = address
		if err := c.Save(); err != nil {
			listener.Close()
			return nil, err
		}
		return listener, nil
	}
	return nil, fmt.Errorf("start ingress: no free port from %s on: %w", c.IngressWanted, taken)
}
