package dns

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	exchangeWait = 2 * time.Second // for one resolver's answer
	forwardWait  = 3 * time.Second // for an answer at all
)

// forwarder asks the machine's resolvers for names outside the cluster.
type forwarder struct{ upstreams []string }

// machineResolvers reads resolv.conf, leaving out the server's own address, so
// that no query goes round in a circle. An unreadable file means no resolvers.
func machineResolvers(path, own string) (forwarder, []string) {
	config, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return forwarder{}, nil
	}
	var upstreams, searches []string
	for _, server := range config.Servers {
		if address := net.JoinHostPort(server, config.Port); address != own {
			upstreams = append(upstreams, address)
		}
	}
	for _, search := range config.Search {
		if domain := dns.Fqdn(strings.ToLower(search)); domain != "." {
			searches = append(searches, domain)
		}
	}
	return forwarder{upstreams}, searches
}

func (f forwarder) forward(ctx context.Context, request *dns.Msg) *dns.Msg {
	reply := new(dns.Msg)
	if len(f.upstreams) == 0 {
		return reply.SetRcode(request, dns.RcodeRefused)
	}
	ctx, cancel := context.WithTimeout(ctx, forwardWait)
	defer cancel()
	query := request.Copy()
	removeNamespace(query)
	for _, upstream := range f.upstreams {
		for _, network := range []string{"udp", "tcp"} {
			client := dns.Client{Net: network, Timeout: exchangeWait}
			response, _, err := client.ExchangeContext(ctx, query, upstream)
			if err != nil {
				break // the next resolver
			}
			if !response.Truncated || network == "tcp" {
				response.Id = request.Id
				return response
			}
		}
	}
	return reply.SetRcode(request, dns.RcodeServerFailure)
}
