package preflight

import (
	"strings"
	"testing"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

// firewall is a web ACL with a limit for each address beside rules of other kinds.
func firewall(address string, limit float64) plan.Resource {
	return plan.Resource{Address: address, Type: "aws_wafv2_web_acl", After: map[string]any{"rule": []any{
		map[string]any{"statement": []any{map[string]any{"managed_rule_group_statement": []any{map[string]any{"name": "common"}}}}},
		map[string]any{"statement": []any{map[string]any{"rate_based_statement": []any{map[string]any{"limit": limit}}}}},
	}}}
}

func TestFirewall(t *testing.T) {
	two := plan.Plan{Resources: []plan.Resource{firewall("module.edge.cdn", 5000), firewall("module.edge.balancer", 2000), {Address: "gone", Type: "aws_wafv2_web_acl"}}}
	for name, test := range map[string]struct {
		plan     plan.Plan
		requests int
		status   Status // empty for no check at all
		says     string
	}{
		"none":          {plan.Plan{}, 9000, "", ""},
		"wide enough":   {two, 2000, Good, "an address may send 2000 requests in five minutes, and the load sends 2000"},
		"one too tight": {two, 2001, Bad, "module.edge.balancer blocks an address after 2000 requests in five minutes, and this environment's own load sends 2001"},
	} {
		t.Run(name, func(t *testing.T) {
			check, has := Firewall(test.plan, test.requests)
			if has != (test.status != "") || check.Status != test.status || !strings.Contains(check.Detail, test.says) {
				t.Errorf("got %v %+v", has, check)
			}
			err := Report{Checks: []Check{check}}.Err()
			if problem := fault.From(err); test.status == Bad && (problem == nil || problem.Code != fault.FirewallTight || !strings.Contains(problem.Fix, "2001 or more")) {
				t.Errorf("got %v", err)
			}
		})
	}
}
