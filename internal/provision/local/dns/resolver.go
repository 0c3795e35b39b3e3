package dns

import (
	"context"
	"encoding/binary"
	"net"

	"github.com/miekg/dns"
)

// namespaceOption is an EDNS0 option code from the range for local use. It
// carries the client's namespace, so that the server can apply the search list
// that a container would have in its resolv.conf.
const namespaceOption = dns.EDNS0LOCALSTART

// Resolver gives a Go resolver for a process of a namespace, which asks the
// server at addr (host:port). "postgres", "postgres.shop" and
// "postgres.shop.svc" mean what they mean inside a container.
func Resolver(addr, namespace string) *net.Resolver {
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			// Always TCP: net's resolver then writes each query in one piece,
			// behind its length, and there is nothing to truncate.
			connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
			if err != nil {
				return nil, err
			}
			return namespaced{connection, namespace}, nil
		},
	}
}

// namespaced adds the namespace to every query that is written to it.
type namespaced struct {
	net.Conn
	namespace string
}

func (c namespaced) Write(framed []byte) (int, error) {
	var query dns.Msg
	if len(framed) < 2 || query.Unpack(framed[2:]) != nil {
		return c.Conn.Write(framed)
	}
	addNamespace(&query, c.namespace)
	packed, err := query.Pack()
	if err != nil {
		return c.Conn.Write(framed)
	}
	if _, err := c.Conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)); err != nil {
		return 0, err
	}
	return len(framed), nil
}

func addNamespace(query *dns.Msg, namespace string) {
	if query.IsEdns0() == nil {
		query.SetEdns0(dns.DefaultMsgSize, false)
	}
	option := query.IsEdns0()
	option.Option = append(option.Option, &dns.EDNS0_LOCAL{Code: namespaceOption, Data: []byte(namespace)})
}

// namespaceOf gives the namespace that a query carries, or "".
func namespaceOf(query *dns.Msg) string {
	if option := query.IsEdns0(); option != nil {
		for _, each := range option.Option {
			if local, is := each.(*dns.EDNS0_LOCAL); is && local.Code == namespaceOption {
				return string(local.Data)
			}
		}
	}
	return ""
}

func removeNamespace(query *dns.Msg) {
	if option := query.IsEdns0(); option != nil {
		var kept []dns.EDNS0
		for _, each := range option.Option {
			if each.Option() != namespaceOption {
				kept = append(kept, each)
			}
		}
		option.Option = kept
	}
}
