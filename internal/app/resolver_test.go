package app_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/miekg/dns"

	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

// The names exist in no DNS but the test's, so every connection has to ask it.
func TestNamesAreAskedOfTheGivenServer(t *testing.T) {
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		answer := new(dns.Msg).SetReply(question)
		if name := question.Question[0]; name.Qtype == dns.TypeA && strings.HasSuffix(name.Name, ".svc.cluster.local.") {
			answer.Answer = append(answer.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: name.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5},
				A:   net.IPv4(127, 0, 0, 1),
			})
		}
		_ = w.WriteMsg(answer)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })

	proxy := storetest.NewProxy(t, "unix", postgres.Socket(t))
	proxy.Up(t)
	_, databasePort, _ := net.SplitHostPort(proxy.Address())
	o := options(t)
	o.DatabaseURL = "postgres://postgres@postgres.shop.svc.cluster.local:" + databasePort + "/" + databaseOf(o)
	o.RedisURL = "redis://redis.shop.svc.cluster.local:" + miniredis.RunT(t).Port()
	o.Resolver = &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, packets.LocalAddr().String())
		},
	}
	migrate(t, o)
	serve(t, o).await("ready")
}
