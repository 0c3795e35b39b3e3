package preflight

import (
	"strconv"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

// Firewall looks whether the plan's firewalls let through what one address sends, as
// requests in five minutes: pocctl's own load comes from one. has is false if nothing
// is limited.
func Firewall(p plan.Plan, requests int) (check Check, has bool) {
	const name = "firewall"
	least, whose := 0, ""
	for _, resource := range p.Resources {
		if resource.Type != "aws_wafv2_web_acl" || resource.After == nil {
			continue
		}
		for _, limit := range limitsOf(resource.After) {
			if whose == "" || limit < least {
				least, whose = limit, resource.Address
			}
		}
	}
	switch {
	case whose == "":
		return Check{}, false
	case requests > least:
		return bad(name, fault.New(fault.FirewallTight, "firewall", whose, "limit", strconv.Itoa(least), "needed", strconv.Itoa(requests))), true
	}
	return good(name, "an address may send %d requests in five minutes, and the load sends %d", least, requests), true
}

// limitsOf are those of a web ACL's rules that count the requests of each address.
func limitsOf(list map[string]any) []int {
	var found []int
	for _, rule := range blocks(list, "rule") {
		for _, statement := range blocks(rule, "statement") {
			for _, rate := range blocks(statement, "rate_based_statement") {
				if limit, is := rate["limit"].(float64); is {
					found = append(found, int(limit))
				}
			}
		}
	}
	return found
}

// blocks are the nested blocks of a name.
func blocks(of map[string]any, name string) []map[string]any {
	list, _ := of[name].([]any)
	var found []map[string]any
	for _, one := range list {
		if block, is := one.(map[string]any); is {
			found = append(found, block)
		}
	}
	return found
}
