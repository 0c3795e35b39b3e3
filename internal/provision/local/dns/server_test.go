package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

const patience = 10 * time.Second

func addrs(texts ...string) []netip.Addr {
	var parsed []netip.Addr
	for _, text := range texts {
		parsed = append(parsed, netip.MustParseAddr(text))
	}
	return parsed
}

// shop is what the tests' cluster holds.
func shop() *services {
	pods := []endpoints.Endpoint{
		{Addr: netip.MustParseAddr("127.42.0.2"), Hostname: "db-0"},
		{Addr: netip.MustParseAddr("127.42.0.3")},
	}
	s := &services{all: map[endpoints.Key]*endpoints.Service{}}
	for _, service := range []*endpoints.Service{
		{Key: key("default", "kubernetes"), ClusterIPs: addrs("127.43.0.1")},
		{Key: key("shop", "web"), ClusterIPs: addrs("127.43.0.7"), Ports: []endpoints.Port{{Name: "http", Protocol: corev1.ProtocolTCP, Number: 8080}}},
		{Key: key("shop", "db"), Headless: true, Endpoints: pods, Ports: []endpoints.Port{{
			Name: "sql", Protocol: corev1.ProtocolTCP, Number: 1,
			Backends: []netip.AddrPort{netip.MustParseAddrPort("127.42.0.2:5432"), netip.MustParseAddrPort("127.42.0.3:5432")},
		}}},
		{Key: key("shop", "cache"), ExternalName: "redis.bank.svc.cluster.local"},
		{Key: key("shop", "mail"), ExternalName: "mail.example.com"},
		{Key: key("shop", "loop"), ExternalName: "loop.shop.svc.cluster.local"},
		{Key: key("bank", "redis"), ClusterIPs: addrs("127.43.0.9")},
	} {
		s.all[service.Key] = service
	}
	return s
}

func key(namespace, name string) endpoints.Key {
	return endpoints.Key{Namespace: namespace, Name: name}
}

func start(t *testing.T, s *services, resolvConf string, changes ...func(*Server)) *Server {
	t.Helper()
	dir := t.TempDir()
	resolv := filepath.Join(dir, "resolv.conf")
	machine := filepath.Join(dir, "machine")
	for path, content := range map[string]string{resolv: resolvConf, machine: "127.0.0.1 localhost vm\n10.0.0.1 printer"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server, err := New(Options{
		Services: s, Address: "127.43.212.1:0", ResolvConf: resolv, MachineHosts: machine,
		HostsDir: filepath.Join(dir, "hosts"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(server)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Errorf("waited %s for the DNS server to end", patience)
		}
	})
	return server
}

func ask(t *testing.T, server *Server, network, name string, kind uint16) *dns.Msg {
	t.Helper()
	query := new(dns.Msg)
	query.SetQuestion(name, kind)
	client := dns.Client{Net: network, Timeout: patience}
	reply, _, err := client.Exchange(query, server.Addr())
	if err != nil {
		t.Fatalf("ask %s: %v", name, err)
	}
	return reply
}

// brief gives the answers without owners and times, sorted.
func brief(records []dns.RR) []string {
	var texts []string
	for _, record := range records {
		texts = append(texts, dns.TypeToString[record.Header().Rrtype]+record.String()[len(record.Header().String()):])
	}
	for i, text := range texts {
		name := []rune(text)
		for at, letter := range name {
			if letter == '\t' {
				name[at] = ' '
			}
		}
		texts[i] = string(name)
	}
	slices.Sort(texts)
	return texts
}

func TestAnswers(t *testing.T) {
	tests := map[string]struct {
		name  string
		kind  uint16
		want  []string
		rcode int
	}{
		"cluster address":          {"web.shop.svc.cluster.local.", dns.TypeA, []string{"A127.43.0.7"}, dns.RcodeSuccess},
		"any case":                 {"Web.Shop.SVC.cluster.local.", dns.TypeA, []string{"A127.43.0.7"}, dns.RcodeSuccess},
		"API server":               {"kubernetes.default.svc.cluster.local.", dns.TypeA, []string{"A127.43.0.1"}, dns.RcodeSuccess},
		"name without the zone":    {"web.shop.svc.", dns.TypeA, []string{"A127.43.0.7"}, dns.RcodeSuccess},
		"no such type":             {"web.shop.svc.cluster.local.", dns.TypeAAAA, nil, dns.RcodeSuccess},
		"no such service":          {"nope.shop.svc.cluster.local.", dns.TypeA, nil, dns.RcodeNameError},
		"namespace":                {"shop.svc.cluster.local.", dns.TypeA, nil, dns.RcodeSuccess},
		"no such namespace":        {"nope.svc.cluster.local.", dns.TypeA, nil, dns.RcodeNameError},
		"zone":                     {"cluster.local.", dns.TypeA, nil, dns.RcodeSuccess},
		"not a service":            {"web.shop.pod.cluster.local.", dns.TypeA, nil, dns.RcodeNameError},
		"headless":                 {"db.shop.svc.cluster.local.", dns.TypeA, []string{"A127.42.0.2", "A127.42.0.3"}, dns.RcodeSuccess},
		"pod of a stateful set":    {"db-0.db.shop.svc.cluster.local.", dns.TypeA, []string{"A127.42.0.2"}, dns.RcodeSuccess},
		"pod without hostname":     {"127-42-0-3.db.shop.svc.cluster.local.", dns.TypeA, []string{"A127.42.0.3"}, dns.RcodeSuccess},
		"no such pod":              {"db-7.db.shop.svc.cluster.local.", dns.TypeA, nil, dns.RcodeNameError},
		"port":                     {"_http._tcp.web.shop.svc.cluster.local.", dns.TypeSRV, []string{"SRV0 1 8080 web.shop.svc.cluster.local."}, dns.RcodeSuccess},
		"port of headless":         {"_sql._tcp.db.shop.svc.cluster.local.", dns.TypeSRV, []string{"SRV0 1 5432 127-42-0-3.db.shop.svc.cluster.local.", "SRV0 1 5432 db-0.db.shop.svc.cluster.local."}, dns.RcodeSuccess},
		"no such port":             {"_http._udp.web.shop.svc.cluster.local.", dns.TypeSRV, nil, dns.RcodeNameError},
		"external name":            {"mail.shop.svc.cluster.local.", dns.TypeCNAME, []string{"CNAMEmail.example.com."}, dns.RcodeSuccess},
		"external name inside":     {"cache.shop.svc.cluster.local.", dns.TypeA, []string{"A127.43.0.9", "CNAMEredis.bank.svc.cluster.local."}, dns.RcodeSuccess},
		"address of a service":     {"7.0.43.127.in-addr.arpa.", dns.TypePTR, []string{"PTRweb.shop.svc.cluster.local."}, dns.RcodeSuccess},
		"address of a pod":         {"2.0.42.127.in-addr.arpa.", dns.TypePTR, []string{"PTRdb-0.db.shop.svc.cluster.local."}, dns.RcodeSuccess},
		"address of nobody":        {"8.8.43.127.in-addr.arpa.", dns.TypePTR, nil, dns.RcodeNameError},
		"localhost":                {"localhost.", dns.TypeA, []string{"A127.0.0.1"}, dns.RcodeSuccess},
		"single label":             {"web.", dns.TypeA, nil, dns.RcodeNameError},
		"outside, no resolver":     {"example.com.", dns.TypeA, nil, dns.RcodeRefused},
		"service of the zone only": {"svc.cluster.local.", dns.TypeA, nil, dns.RcodeSuccess},
	}
	server := start(t, shop(), "")
	for name, test := range tests {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(name+" by "+network, func(t *testing.T) {
				reply := ask(t, server, network, test.name, test.kind)
				if reply.Rcode != test.rcode {
					t.Errorf("%s, want %s", dns.RcodeToString[reply.Rcode], dns.RcodeToString[test.rcode])
				}
				if diff := cmp.Diff(test.want, brief(reply.Answer)); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
			})
		}
	}
	if reply := ask(t, server, "udp", "loop.shop.svc.cluster.local.", dns.TypeA); len(reply.Answer) == 0 || len(reply.Answer) > 8 {
		t.Errorf("an ExternalName that names itself gives %d answers, want a bounded chain", len(reply.Answer))
	}
}

func TestOutsideNamesAreForwarded(t *testing.T) {
	asked := make(chan *dns.Msg, 10)
	socket, err := net.ListenPacket("udp", "127.43.212.2:0")
	if err != nil {
		t.Fatal(err)
	}
	upstream := &dns.Server{PacketConn: socket, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, request *dns.Msg) {
		asked <- request
		reply := new(dns.Msg)
		reply.SetReply(request)
		reply.Answer = addressRecords(request.Question[0].Name, request.Question[0].Qtype, addrs("192.0.2.1"))
		_ = w.WriteMsg(reply)
	})}
	go func() { _ = upstream.ActivateAndServe() }()
	t.Cleanup(func() { _ = upstream.Shutdown() })

	server := start(t, shop(), "", func(s *Server) {
		s.forwarder.upstreams = []string{"127.43.212.2:1", socket.LocalAddr().String()} // the first one is dead
	})

	if got := brief(ask(t, server, "udp", "example.com.", dns.TypeA).Answer); !slices.Equal(got, []string{"A192.0.2.1"}) {
		t.Errorf("outside name gives %v", got)
	}
	if got := brief(ask(t, server, "udp", "mail.shop.svc.cluster.local.", dns.TypeA).Answer); !slices.Equal(got, []string{"A192.0.2.1", "CNAMEmail.example.com."}) {
		t.Errorf("external name gives %v", got)
	}
	for len(asked) > 0 {
		<-asked
	}
	if _, err := Resolver(server.Addr(), "shop").LookupNetIP(t.Context(), "ip4", "example.com."); err != nil {
		t.Fatal(err)
	}
	if request := <-asked; namespaceOf(request) != "" {
		t.Error("the namespace went to the machine's resolver")
	}
}

func TestMachineResolvers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	content := "nameserver 127.0.0.53\nnameserver 192.0.2.7\nsearch Corp.example .\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	got, searches := machineResolvers(path, "127.0.0.53:53")
	if want := []string{"192.0.2.7:53"}; !slices.Equal(got.upstreams, want) {
		t.Errorf("resolvers %v, want %v: the server itself is left out", got.upstreams, want)
	}
	if want := []string{"corp.example."}; !slices.Equal(searches, want) {
		t.Errorf("search domains %v, want %v", searches, want)
	}
	if none, _ := machineResolvers(path+".none", ""); len(none.upstreams) != 0 {
		t.Errorf("resolvers %v from a file that is not there", none.upstreams)
	}
}

func TestResolverSearchesTheNamespace(t *testing.T) {
	tests := map[string]struct {
		namespace, name string
		want            []string
	}{
		"service":           {"shop", "web", []string{"127.43.0.7"}},
		"with namespace":    {"default", "web.shop", []string{"127.43.0.7"}},
		"with svc":          {"default", "web.shop.svc", []string{"127.43.0.7"}},
		"in full":           {"default", "web.shop.svc.cluster.local", []string{"127.43.0.7"}},
		"headless":          {"shop", "db", []string{"127.42.0.2", "127.42.0.3"}},
		"pod":               {"shop", "db-0.db", []string{"127.42.0.2"}},
		"external":          {"shop", "cache", []string{"127.43.0.9"}},
		"machine's search":  {"shop", "web.corp.example.", []string{"127.43.0.7"}},
		"another namespace": {"bank", "web", nil},
	}
	server := start(t, shop(), "search corp.example\n")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			found, err := Resolver(server.Addr(), test.namespace).LookupHost(ctx, test.name)
			var missing *net.DNSError
			if test.want == nil && !errors.As(err, &missing) {
				t.Errorf("got %v, %v, want no such host", found, err)
			}
			if test.want != nil && err != nil {
				t.Fatal(err)
			}
			slices.Sort(found)
			if diff := cmp.Diff(test.want, found); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
		})
	}
	_, services, err := Resolver(server.Addr(), "shop").LookupSRV(t.Context(), "sql", "tcp", "db.shop.svc.cluster.local")
	if err != nil || len(services) != 2 {
		t.Errorf("SRV gives %v, %v, want two pods", services, err)
	}
}
