package preflight

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/pocctl/pocctl/internal/fault"
)

// ZonesAPI is what Zone asks of Route 53.
type ZonesAPI interface {
	ListHostedZonesByName(context.Context, *route53.ListHostedZonesByNameInput, ...func(*route53.Options)) (*route53.ListHostedZonesByNameOutput, error)
	GetHostedZone(context.Context, *route53.GetHostedZoneInput, ...func(*route53.Options)) (*route53.GetHostedZoneOutput, error)
}

// Resolver is what Zone asks of the internet.
type Resolver interface {
	LookupNS(ctx context.Context, name string) ([]*net.NS, error)
}

// Zone looks whether the internet asks the servers of the zone that domain is in: its
// own, or one above it. made says that the plan makes domain's own, and needed that it
// wants certificates, which come by DNS: without, a zone that nobody asks stops nothing.
func Zone(ctx context.Context, api ZonesAPI, resolver Resolver, domain string, made, needed bool) Check {
	const name = "zone"
	zone, err := find(ctx, api, domain, !made)
	switch {
	case err != nil:
		return unknown(name, "%s: Route 53 does not say: %s", domain, short(err))
	case made && zone.id == "":
		return unknown(name, "%s is made by this plan; until its name servers are entered in the zone above, certificates wait", domain)
	case made:
		return bad(name, fault.New(fault.ZoneUndelegated, "domain", domain, "detail", "there is a zone of that name already, and this plan makes another",
			"fix", "give its id as aws.variables.zone_id in the environment's file: "+zone.id))
	case zone.id == "":
		return bad(name, fault.New(fault.ZoneUndelegated, "domain", domain, "detail", "no public zone of this account holds it",
			"fix", "make one in Route 53 and enter its name servers in the zone above, or correct aws.domain"))
	}
	domain, servers := zone.name, zone.servers
	found, err := resolver.LookupNS(ctx, domain)
	var missing *net.DNSError
	if err != nil && (!errors.As(err, &missing) || !missing.IsNotFound) {
		return unknown(name, "%s: DNS cannot be asked from here: %s", domain, last(err))
	}
	for _, server := range found {
		if slices.Contains(servers, plain(server.Host)) {
			return good(name, "%s is delegated to %s", domain, plain(server.Host))
		}
	}
	detail := "nobody is asked for it"
	if len(found) > 0 {
		detail = "other servers are asked for it, " + plain(found[0].Host) + " among them"
	}
	if !needed {
		return unknown(name, "%s: %s", domain, detail)
	}
	return bad(name, fault.New(fault.ZoneUndelegated, "domain", domain, "detail", detail,
		"fix", "enter NS records for "+domain+" in the zone above: "+strings.Join(servers, ", ")))
}

// zone is a public zone of Route 53; the zero value is none.
type zone struct {
	id, name string
	servers  []string // in order
}

// find gives the zone of domain or, with above, the nearest one above it.
func find(ctx context.Context, api ZonesAPI, domain string, above bool) (zone, error) {
	for name := domain; strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		found, err := api.ListHostedZonesByName(ctx, &route53.ListHostedZonesByNameInput{DNSName: aws.String(name)})
		if err != nil {
			return zone{}, err
		}
		for _, one := range found.HostedZones {
			if plain(aws.ToString(one.Name)) == name && (one.Config == nil || !one.Config.PrivateZone) {
				return describe(ctx, api, name, aws.ToString(one.Id))
			}
		}
		if !above {
			break
		}
	}
	return zone{}, nil
}

func describe(ctx context.Context, api ZonesAPI, name, id string) (zone, error) {
	whole, err := api.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: &id})
	if err != nil {
		return zone{}, err
	}
	found := zone{id: strings.TrimPrefix(id, "/hostedzone/"), name: name}
	if whole.DelegationSet == nil {
		return zone{}, errors.New("the zone has no delegation set")
	}
	for _, server := range whole.DelegationSet.NameServers {
		found.servers = append(found.servers, plain(server))
	}
	slices.Sort(found.servers)
	return found, nil
}

func plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func last(err error) string {
	parts := strings.Split(err.Error(), ": ")
	return parts[len(parts)-1]
}
