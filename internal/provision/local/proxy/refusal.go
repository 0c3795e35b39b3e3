package proxy

import (
	"errors"
	"fmt"
	"syscall"
)

var errProtocol = errors.New("the protocol is not served")

// explain says why a socket could not be had, and what to do about it.
func explain(address socket, err error) string {
	switch {
	case errors.Is(err, errProtocol):
		return fmt.Sprintf("%s on %s is not served: only TCP and UDP are", address.protocol, address.addr)
	case errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM):
		return fmt.Sprintf("%s is not served: an ordinary user may not listen on port %d. "+
			"Give the Service a port of 1024 or above, or allow it on this machine: "+
			"sudo sysctl net.ipv4.ip_unprivileged_port_start=%d. The ingress is not affected.",
			address.addr, address.addr.Port(), address.addr.Port())
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("%s is not served: a program of this machine listens on port %d at every address. "+
			"Stop it, have it listen on 127.0.0.1 alone, or give the Service another port.",
			address.addr, address.addr.Port())
	default:
		return fmt.Sprintf("%s is not served: %v", address.addr, err)
	}
}
