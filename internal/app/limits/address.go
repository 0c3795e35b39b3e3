package limits

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// maxHops bounds how many addresses of a list are looked at.
const maxHops = 32

// ErrForwarded says that a trusted proxy passed on something that is no list of
// addresses. Such a request is answered with 400.
var ErrForwarded = errors.New("the list of addresses that the request came through can't be read")

// ProxyOptions say whose word is taken for a client's address.
type ProxyOptions struct {
	// Trusted are addresses and CIDR prefixes of the proxies before the service.
	// None: a client's address is that of its connection.
	Trusted []string
	// Forwarded has the Forwarded field (RFC 7239) read in place of
	// X-Forwarded-For. Proxies must then set or remove it.
	Forwarded bool
}

// Proxies find a client's address. The zero value trusts nobody.
type Proxies struct {
	trusted   []netip.Prefix
	forwarded bool
}

// NewProxies refuses what is neither an address nor a prefix, and a prefix that
// holds everybody: any client could then choose its address.
func NewProxies(options ProxyOptions) (Proxies, error) {
	p := Proxies{forwarded: options.Forwarded}
	for _, text := range options.Trusted {
		prefix, err := parsePrefix(text)
		if err != nil {
			return Proxies{}, fmt.Errorf("read the trusted proxy %q: %w", text, err)
		}
		p.trusted = append(p.trusted, prefix)
	}
	return p, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		address = address.Unmap()
		if address.Zone() != "" {
			return netip.Prefix{}, errors.New("it has a zone")
		}
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if address := prefix.Addr(); address.Is4In6() {
		if prefix.Bits() < 96 {
			return netip.Prefix{}, errors.New("it holds IPv4 and IPv6 addresses")
		}
		prefix = netip.PrefixFrom(address.Unmap(), prefix.Bits()-96)
	}
	if prefix.Bits() == 0 {
		return netip.Prefix{}, errors.New("it holds everybody")
	}
	return prefix.Masked(), nil
}

// Header is the field whose values ClientAddress takes.
func (p Proxies) Header() string {
	if p.forwarded {
		return "Forwarded"
	}
	return "X-Forwarded-For"
}

// ClientAddress is the address that a request comes from. remote is the
// connection's, host:port or a host; forwarded are the values of Header in
// order, which count only if remote is a trusted proxy. Then it is the last
// address that no trusted proxy has: what a client wrote itself stands before.
// Errors: ErrForwarded, and a remote that is no address.
func (p Proxies) ClientAddress(remote string, forwarded []string) (netip.Addr, error) {
	client, err := parseAddress(remote)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("read the connection's address %q: %w", remote, err)
	}
	if len(forwarded) == 0 || !p.trusts(client) {
		return client, nil
	}
	next := backwards(forwarded, p.forwarded)
	for hops := 0; ; hops++ {
		element, more := next()
		switch {
		case !more:
			return client, nil // all are proxies: the first of them asks for itself
		case hops == maxHops:
			return netip.Addr{}, fmt.Errorf("%w: it has more than %d", ErrForwarded, maxHops)
		case element == "":
			continue // lists may have empty elements (RFC 9110, 5.6.1)
		}
		if p.forwarded {
			if element, err = forParameter(element); err != nil {
				return netip.Addr{}, err
			}
		}
		if client, err = parseAddress(element); err != nil {
			return netip.Addr{}, fmt.Errorf("%w: %w", ErrForwarded, err)
		}
		if !p.trusts(client) {
			return client, nil
		}
	}
}

func (p Proxies) trusts(address netip.Addr) bool {
	for _, prefix := range p.trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// parseAddress takes an address, with or without brackets and a port. The zone
// is left out, and an IPv4 address in IPv6 form is one in IPv4 form.
func parseAddress(text string) (netip.Addr, error) {
	address, err := parseHost(text)
	if err != nil {
		return netip.Addr{}, err
	}
	address = address.Unmap().WithZone("")
	if address.IsUnspecified() || address.IsMulticast() {
		return netip.Addr{}, errors.New("nobody has this address")
	}
	return address, nil
}

// maxAddress is longer than any address with zone, brackets and port.
const maxAddress = 128

func parseHost(text string) (netip.Addr, error) {
	if len(text) > maxAddress {
		return netip.Addr{}, errors.New("it is too long for an address")
	}
	colon := strings.LastIndexByte(text, ':')
	switch {
	case strings.HasPrefix(text, "["):
		if inner, whole := strings.CutSuffix(text[1:], "]"); whole {
			address, err := netip.ParseAddr(inner)
			if err == nil && address.Is4() {
				err = errors.New("brackets are for IPv6")
			}
			return address, err
		}
	case colon < 0 || strings.IndexByte(text, ':') != colon:
		return netip.ParseAddr(text) // no port: one colon alone would be before one
	}
	both, err := netip.ParseAddrPort(text)
	return both.Addr(), err
}
