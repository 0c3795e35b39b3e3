package dns

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

func (s *Server) resolve(ctx context.Context, request *dns.Msg) *dns.Msg {
	question := request.Question[0]
	name := strings.ToLower(question.Name)
	reply := new(dns.Msg)
	reply.SetReply(request)
	reply.RecursionAvailable = len(s.forwarder.upstreams) > 0
	if s.zone.holds(name) {
		s.fill(ctx, reply, request, s.zone.lookup(name))
		return reply
	}
	for _, candidate := range s.candidates(name, namespaceOf(request)) {
		if found := s.zone.lookup(candidate); found.exists {
			s.fill(ctx, reply, request, found)
			return reply
		}
	}
	if addr, is := reverseAddr(name); is {
		if names := s.zone.reverse(addr); len(names) > 0 || addr.IsLoopback() {
			s.fillReverse(reply, names)
			return reply
		}
	}
	if name == "localhost." {
		reply.Answer = addressRecords(question.Name, question.Qtype, []netip.Addr{netip.MustParseAddr("127.0.0.1")})
		return reply
	}
	if dns.CountLabel(name) < 2 { // no name of the world outside
		reply.Rcode = dns.RcodeNameError
		return reply
	}
	return s.forwarder.forward(ctx, request)
}

// candidates are the names in the zone that a client of a namespace may mean by
// a name outside it, in the order of a pod's search list. The machine's own
// search domains are taken off, since the client's resolver may have added one.
func (s *Server) candidates(name, namespace string) []string {
	if namespace == "" {
		if strings.HasSuffix(name, ".svc.") {
			return []string{name + s.zone.domain}
		}
		return nil
	}
	relative := []string{name}
	for _, search := range s.searches {
		if stripped, has := strings.CutSuffix(name, "."+search); has {
			relative = append(relative, stripped+".")
		}
	}
	var candidates []string
	for _, name := range relative {
		candidates = append(candidates,
			name+namespace+".svc."+s.zone.domain, name+"svc."+s.zone.domain, name+s.zone.domain)
	}
	return candidates
}

// fill writes what was found, following an ExternalName to its addresses, as
// clients expect of a server that recurses.
func (s *Server) fill(ctx context.Context, reply, request *dns.Msg, found records) {
	const mostAliases = 8 // ExternalNames may point at each other
	question := request.Question[0]
	reply.Authoritative = true
	for range mostAliases {
		answers, extra := answer(question, found)
		reply.Answer, reply.Extra = append(reply.Answer, answers...), append(reply.Extra, extra...)
		if found.cname == "" || question.Qtype == dns.TypeCNAME {
			break
		}
		question.Name = found.cname
		if !s.zone.holds(found.cname) {
			next := new(dns.Msg)
			next.SetQuestion(found.cname, question.Qtype)
			reply.Answer = append(reply.Answer, s.forwarder.forward(ctx, next).Answer...)
			break
		}
		found = s.zone.lookup(found.cname)
	}
	if len(reply.Answer) == 0 {
		reply.Ns = []dns.RR{s.zone.authority()}
		if !found.exists {
			reply.Rcode = dns.RcodeNameError
		}
	}
}

func (s *Server) fillReverse(reply *dns.Msg, names []string) {
	reply.Authoritative = true
	question := reply.Question[0]
	if len(names) == 0 {
		reply.Rcode = dns.RcodeNameError
	}
	if question.Qtype == dns.TypePTR {
		for _, name := range names {
			reply.Answer = append(reply.Answer, &dns.PTR{Hdr: header(question.Name, dns.TypePTR), Ptr: name})
		}
	}
}

// reverseAddr reads the IPv4 address in a name such as "4.3.2.1.in-addr.arpa.".
func reverseAddr(name string) (netip.Addr, bool) {
	inside, is := strings.CutSuffix(name, ".in-addr.arpa.")
	if !is {
		return netip.Addr{}, false
	}
	labels := strings.Split(inside, ".")
	slices.Reverse(labels)
	addr, err := netip.ParseAddr(strings.Join(labels, "."))
	return addr, err == nil
}
