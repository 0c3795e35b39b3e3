package aws

import (
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// certified is a part of a root module that wants a certificate in a zone that is there.
const certified = `resource "aws_acm_certificate" "this" {
  domain_name       = var.domain
  validation_method = "DNS"
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn = aws_acm_certificate.this.arn
}
`

// elsewhere has the internet ask other servers for the domain than those of its zone.
func elsewhere(w *world) {
	w.t.Helper()
	w.add(cloud.Resource{Type: "aws_route53_zone", ID: "Z0000000000000", Attributes: map[string]any{
		"zone_id": "Z0000000000000", "name": domain, "name_servers": []any{"ns-1.example.net"},
	}})
	const zone = "resource \"aws_route53_zone\" \"this\" {\n  name = var.domain\n}\n"
	w.rewriteRoot(zone, certified)
	w.write("staging.yaml", strings.Replace(smallEnvironment, "root: staging", "root: staging, resolver: \""+nameServer(w.t, domain, "ns.elsewhere.example")+"\"", 1))
}

// nameServer is a DNS server that knows the name servers of one zone, until the test ends.
func nameServer(t *testing.T, zone, server string) (address string) {
	t.Helper()
	connection, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	names := &dns.Server{PacketConn: connection, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, asked *dns.Msg) {
		answer := new(dns.Msg).SetReply(asked)
		if question := asked.Question[0]; question.Name == dns.Fqdn(zone) && question.Qtype == dns.TypeNS {
			answer.Answer = []dns.RR{&dns.NS{
				Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 1}, Ns: dns.Fqdn(server),
			}}
		} else {
			answer.Rcode = dns.RcodeNameError
		}
		_ = w.WriteMsg(answer) // who asked may have gone
	})}
	go func() { _ = names.ActivateAndServe() }()
	t.Cleanup(func() { _ = names.Shutdown() })
	return connection.LocalAddr().String()
}
