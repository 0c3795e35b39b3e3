package limits

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
)

// Client is who sends a request.
type Client struct {
	// Subject is that of the checked token; empty for a client without one.
	Subject string
	// Role may have rates of its own; empty has the usual ones.
	Role string
	// Address is what Proxies.ClientAddress gives.
	Address netip.Addr
}

// networkBits is the part of an IPv6 address that a provider gives a customer,
// who chooses the rest at will.
const networkBits = 64

// Network is what one client of the address is taken to have: the address
// itself, or the /64 around an IPv6 address.
func Network(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if !address.Is6() {
		return address
	}
	prefix, err := address.Prefix(networkBits)
	if err != nil {
		return address // the zero address has no prefix
	}
	return prefix.Addr()
}

// accountKey tells accounts apart: a client has one a class.
type accountKey struct {
	class   Class
	subject string
	address netip.Addr
}

// key is the subject's, wherever it is; failures are the address's, whoever it claims to be.
func (c Client) key(class Class) accountKey {
	if c.Subject != "" && class != AuthFailure {
		return accountKey{class: class, subject: c.Subject}
	}
	return accountKey{class: class, address: Network(c.Address)}
}

// The number is that of the value's form: another form takes another.
const keyPrefix = "pocctl:limit:1:"

// redis is the key in Redis. Subjects are hashed: they may be long, and needn't
// be known to who looks into Redis.
func (k accountKey) redis() string {
	if k.subject == "" {
		return keyPrefix + k.class.String() + ":address:" + k.address.String()
	}
	sum := sha256.Sum256([]byte(k.subject))
	return keyPrefix + k.class.String() + ":subject:" + hex.EncodeToString(sum[:16])
}
