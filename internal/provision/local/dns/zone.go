package dns

import (
	"math/rand/v2"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

const ttl = 5 // seconds: pods come and go

// zone answers from the cluster's Services, by the Kubernetes DNS specification.
type zone struct {
	domain   string // "cluster.local."
	services Services
}

// records are what the zone holds for a name.
type records struct {
	exists    bool // the name exists, whatever the type asked for
	addresses []netip.Addr
	targets   []target // of an SRV name
	cname     string
}

type target struct {
	name      string
	port      uint16
	addresses []netip.Addr
}

func (z zone) holds(name string) bool { return dns.IsSubDomain(z.domain, name) }

// lookup reads "[host.|_port._protocol.]service.namespace.svc.<domain>".
func (z zone) lookup(name string) records {
	inside := strings.TrimSuffix(strings.TrimSuffix(name, z.domain), ".")
	labels := strings.Split(inside, ".")
	last := len(labels) - 1
	if inside == "" || inside == "svc" {
		return records{exists: true}
	}
	if labels[last] != "svc" {
		return records{}
	}
	namespace := labels[last-1]
	if last == 1 {
		return records{exists: z.hasNamespace(namespace)}
	}
	service := z.services.Get(endpoints.Key{Namespace: namespace, Name: labels[last-2]})
	if service == nil {
		return records{}
	}
	switch under := labels[:last-2]; len(under) {
	case 0:
		return records{exists: true, addresses: addressesOf(service), cname: cname(service)}
	case 1:
		return hostRecords(service, under[0])
	case 2:
		return z.portRecords(service, under[0], under[1])
	default:
		return records{}
	}
}

func (z zone) hasNamespace(namespace string) bool {
	for _, service := range z.services.List() {
		if service.Namespace == namespace {
			return true
		}
	}
	return false
}

func (z zone) nameOf(service *endpoints.Service) string {
	return service.Name + "." + service.Namespace + ".svc." + z.domain
}

func addressesOf(service *endpoints.Service) []netip.Addr {
	if !service.Headless {
		return service.ClusterIPs
	}
	var addresses []netip.Addr
	for _, endpoint := range service.Endpoints {
		addresses = append(addresses, endpoint.Addr)
	}
	return addresses
}

func cname(service *endpoints.Service) string {
	if service.ExternalName == "" {
		return ""
	}
	return dns.Fqdn(strings.ToLower(service.ExternalName))
}

// hostRecords finds a pod under its headless Service, by hostname or, where it
// has none, by its address with dashes.
func hostRecords(service *endpoints.Service, host string) records {
	var found records
	if !service.Headless {
		return found
	}
	for _, endpoint := range service.Endpoints {
		if hostOf(endpoint) == host {
			found.exists = true
			found.addresses = append(found.addresses, endpoint.Addr)
		}
	}
	return found
}

func hostOf(endpoint endpoints.Endpoint) string {
	if endpoint.Hostname != "" {
		return endpoint.Hostname
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(endpoint.Addr.String())
}

func (z zone) portRecords(service *endpoints.Service, name, protocol string) records {
	var found records
	for _, port := range service.Ports {
		if port.Name == "" || "_"+port.Name != name || "_"+strings.ToLower(string(port.Protocol)) != protocol {
			continue
		}
		found.exists = true
		if !service.Headless {
			found.targets = append(found.targets, target{z.nameOf(service), port.Number, service.ClusterIPs})
			continue
		}
		for _, backend := range port.Backends {
			host := hostOf(endpoints.Endpoint{Addr: backend.Addr(), Hostname: service.HostnameOf(backend.Addr())})
			found.targets = append(found.targets, target{host + "." + z.nameOf(service), backend.Port(), []netip.Addr{backend.Addr()}})
		}
	}
	return found
}

// reverse gives the names at an address.
func (z zone) reverse(addr netip.Addr) []string {
	var names []string
	for _, service := range z.services.List() {
		for _, ip := range service.ClusterIPs {
			if ip == addr {
				names = append(names, z.nameOf(service))
			}
		}
		for _, endpoint := range service.Endpoints {
			if service.Headless && endpoint.Addr == addr {
				names = append(names, hostOf(endpoint)+"."+z.nameOf(service))
			}
		}
	}
	return names
}

// answer turns found into resource records for one question.
func answer(question dns.Question, found records) (answers, extra []dns.RR) {
	owner := question.Name
	if found.cname != "" {
		return []dns.RR{&dns.CNAME{Hdr: header(owner, dns.TypeCNAME), Target: found.cname}}, nil
	}
	answers = addressRecords(owner, question.Qtype, found.addresses)
	if question.Qtype == dns.TypeSRV {
		for _, target := range found.targets {
			answers = append(answers, &dns.SRV{Hdr: header(owner, dns.TypeSRV), Port: target.port, Weight: 1, Target: target.name})
			extra = append(extra, addressRecords(target.name, dns.TypeA, target.addresses)...)
		}
	}
	return answers, extra
}

// addressRecords come in random order, which spreads clients that take the first.
func addressRecords(owner string, kind uint16, addresses []netip.Addr) []dns.RR {
	var answers []dns.RR
	for _, addr := range addresses {
		switch {
		case kind == dns.TypeA && addr.Is4():
			answers = append(answers, &dns.A{Hdr: header(owner, dns.TypeA), A: addr.AsSlice()})
		case kind == dns.TypeAAAA && addr.Is6():
			answers = append(answers, &dns.AAAA{Hdr: header(owner, dns.TypeAAAA), AAAA: addr.AsSlice()})
		}
	}
	rand.Shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
	return answers
}

func header(owner string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: kind, Class: dns.ClassINET, Ttl: ttl}
}

// authority goes with a negative answer and bounds how long it may be kept.
func (z zone) authority() dns.RR {
	return &dns.SOA{
		Hdr: header(z.domain, dns.TypeSOA),
		Ns:  "ns.dns." + z.domain, Mbox: "hostmaster." + z.domain,
		Serial: 1, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: ttl,
	}
}
