package api

import (
	"net/http"
	"strings"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// domains is Route 53's hosted zones.
func domains() map[string]operation {
	return map[string]operation{
		"route53:GetHostedZone":          getZone,
		"route53:ListHostedZonesByName":  zonesByName,
		"route53:ListHostedZones":        zonesByName,
		"route53:ListResourceRecordSets": records,
	}
}

func domainAction(request *http.Request) string {
	path := strings.TrimPrefix(request.URL.Path, "/2013-04-01/")
	switch {
	case path == "hostedzonesbyname":
		return "ListHostedZonesByName"
	case path == "hostedzone" && request.Method == http.MethodGet:
		return "ListHostedZones"
	case strings.HasSuffix(path, "/rrset") && request.Method == http.MethodGet:
		return "ListResourceRecordSets"
	case strings.HasPrefix(path, "hostedzone/") && request.Method == http.MethodGet:
		return "GetHostedZone"
	}
	return request.Method + " " + path
}

func getZone(c *call) (any, error) {
	id := strings.TrimPrefix(c.URL.Path, "/2013-04-01/hostedzone/")
	zone, there, err := c.account.Get("aws_route53_zone", id)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, &failure{status: http.StatusNotFound, code: "NoSuchHostedZone", message: "No hosted zone found with ID: " + id}
	}
	return reply{root: "GetHostedZoneResponse", value: map[string]any{
		"HostedZone":    zoneFields(zone),
		"DelegationSet": map[string]any{"NameServers": list{"NameServer", servers(zone)}},
	}}, nil
}

func servers(zone cloud.Resource) []any {
	names, _ := zone.Attributes["name_servers"].([]any)
	return names
}

func zoneFields(zone cloud.Resource) map[string]any {
	return map[string]any{
		"Id": "/hostedzone/" + zone.ID, "Name": strings.TrimSuffix(zone.Text("name"), ".") + ".", "CallerReference": zone.ID,
		"ResourceRecordSetCount": 2, "Config": map[string]any{"PrivateZone": false, "Comment": zone.Text("comment")},
	}
}

// zonesByName lists zones in their names' order, from the one that is asked for.
func zonesByName(c *call) (any, error) {
	all, err := c.list("aws_route53_zone")
	if err != nil {
		return nil, err
	}
	from := strings.TrimSuffix(c.URL.Query().Get("dnsname"), ".")
	found := []any{}
	for _, zone := range all {
		if strings.TrimSuffix(zone.Text("name"), ".") == from || from == "" {
			found = append([]any{zoneFields(zone)}, found...)
		} else if reversed(strings.TrimSuffix(zone.Text("name"), ".")) > reversed(from) {
			found = append(found, zoneFields(zone))
		}
	}
	return reply{root: c.action + "Response", value: map[string]any{
		"HostedZones": list{"HostedZone", found}, "IsTruncated": false, "MaxItems": 100, "Marker": "",
	}}, nil
}

// reversed is a name with its labels turned round, as Route 53 orders them.
func reversed(name string) string {
	labels := strings.Split(name, ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return strings.Join(labels, ".")
}

func records(c *call) (any, error) {
	id := strings.TrimSuffix(strings.TrimPrefix(c.URL.Path, "/2013-04-01/hostedzone/"), "/rrset")
	all, err := c.list("aws_route53_record")
	if err != nil {
		return nil, err
	}
	found := []any{}
	for _, record := range all {
		if record.Text("zone_id") == id {
			found = append(found, map[string]any{"Name": record.Text("name") + ".", "Type": record.Text("type")})
		}
	}
	return reply{root: "ListResourceRecordSetsResponse", value: map[string]any{
		"ResourceRecordSets": list{"ResourceRecordSet", found}, "IsTruncated": false, "MaxItems": 300,
	}}, nil
}
