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

// Zone looks whether the internet asks the servers of the zone called domain. made
// says that the plan makes the zone.
func Zone(ctx context.Context, api ZonesAPI, resolver Resolver, domain string, made bool) Check {
	const name = "zone"
	servers, err := serversOf(ctx, api, domain)
	switch {
	case err != nil:
		return unknown(name, "%s: Route 53 does not say: %s", domain, short(err))
	case len(servers) == 0 && made:
		return unknown(name, "%s is made by this plan; enter its name servers in the zone above when it is there", domain)
	case len(servers) == 0:
		return bad(name, fault.New(fault.ZoneUndelegated, "domain", domain, "detail", "there is no public zone of that name in this account",
			"fix", "make it in Route 53 and enter its name servers in the zone above, or correct aws.domain"))
	}
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
	return bad(name, fault.New(fault.ZoneUndelegated, "domain", domain, "detail", detail,
		"fix", "enter NS records for "+domain+" in the zone above: "+strings.Join(servers, ", ")))
}

func serversOf(ctx context.Context, api ZonesAPI, domain string) ([]string, error) {
	found, err := api.ListHostedZonesByName(ctx, &route53.ListHostedZonesByNameInput{DNSName: &domain})
	if err != nil {
		return nil, err
	}
	for _, zone := range found.HostedZones {
		if plain(aws.ToString(zone.Name)) != domain || zone.Config != nil && zone.Config.PrivateZone {
			continue
		}
		whole, err := api.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: zone.Id})
		if err != nil {
			return nil, err
		}
		if whole.DelegationSet == nil {
			return nil, errors.New("the zone has no delegation set")
		}
		servers := make([]string, len(whole.DelegationSet.NameServers))
		for i, server := range whole.DelegationSet.NameServers {
			servers[i] = plain(server)
		}
		slices.Sort(servers)
		return servers, nil
	}
	return nil, nil
}

func plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func last(err error) string {
	parts := strings.Split(err.Error(), ": ")
	return parts[len(parts)-1]
}
