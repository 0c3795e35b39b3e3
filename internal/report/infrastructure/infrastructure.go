// Package infrastructure shows what Terraform would do: as text for a terminal, and
// as Markdown for a pull request.
package infrastructure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/provision/aws"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
	"github.com/pocctl/pocctl/internal/provision/aws/preflight"
	"github.com/pocctl/pocctl/internal/terminal"
)

// Plan is what is shown.
type Plan struct {
	Env      string
	Overview aws.Overview
	// Predicted is the whole of `up` in seconds, Terraform's part included, and Budget
	// what it is to keep within; zero where it is not asked.
	Predicted, Budget float64
}

// Holds says whether `up` keeps within its budget, by the prediction.
func (p Plan) Holds() bool { return p.Predicted <= p.Budget }

// grave are the changes that lose something.
func (p Plan) grave(action plan.Action) []plan.Resource {
	return slices.DeleteFunc(slices.Clone(p.Overview.Changes), func(r plan.Resource) bool { return r.Action != action })
}

// group is what one module adds.
type group struct {
	module string
	count  int
	types  string // the most frequent, and how many others
}

// added groups what is added by module, the largest first.
func (p Plan) added() []group {
	types := map[string]map[string]int{}
	for _, resource := range p.grave(plan.Add) {
		module := moduleName(resource.Module)
		if types[module] == nil {
			types[module] = map[string]int{}
		}
		types[module][strings.TrimPrefix(resource.Type, "aws_")]++
	}
	groups := make([]group, 0, len(types))
	for module, counts := range types {
		groups = append(groups, group{module, sum(counts), mostOf(counts)})
	}
	slices.SortFunc(groups, func(a, b group) int { return cmp.Or(b.count-a.count, cmp.Compare(a.module, b.module)) })
	return groups
}

func sum(counts map[string]int) int {
	total := 0
	for _, count := range counts {
		total += count
	}
	return total
}

// mostOf names the types that say most of a module: rare ones are what it is about.
func mostOf(counts map[string]int) string {
	const most = 4
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	weight := func(name string) int {
		for i, heavy := range []string{
			"eks_cluster", "eks_node_group", "db_instance", "elasticache_replication_group", "vpc", "nat_gateway", "subnet", "lb",
			"cloudfront_distribution", "wafv2_web_acl", "route53_zone", "s3_bucket", "ecr_repository", "cloudtrail", "guardduty_detector", "eks_addon",
		} {
			if name == heavy {
				return i
			}
		}
		return 1000 - counts[name]
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(weight(a)-weight(b), cmp.Compare(a, b)) })
	parts := make([]string, 0, most)
	for _, name := range names[:min(most, len(names))] {
		if counts[name] > 1 {
			name = fmt.Sprintf("%d %s", counts[name], name)
		}
		parts = append(parts, name)
	}
	text := strings.Join(parts, ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more kinds", more)
	}
	return text
}

func moduleName(module string) string { return cmp.Or(module, "root") }

// dollars writes a sum of US dollars.
func dollars(amount float64) string {
	if amount < 0 {
		return "-" + dollars(-amount)
	}
	return fmt.Sprintf("$%.2f", amount)
}

// times writes how long Terraform and the whole take, and whether that holds.
func (p Plan) times() string {
	text := terminal.Seconds(p.Overview.Forecast.Seconds) + " predicted for Terraform"
	if p.Budget == 0 {
		return text
	}
	text += fmt.Sprintf(", %s for all of up; its %s ", terminal.Seconds(p.Predicted), terminal.Budget(p.Budget))
	if p.Holds() {
		return text + "will hold"
	}
	return text + "will NOT hold"
}

func number(value *int) string {
	if value == nil {
		return "unknown"
	}
	return fmt.Sprint(*value)
}

// needs says whether anything was asked of AWS.
func needs(report preflight.Report) bool { return len(report.Checks)+len(report.Quotas) > 0 }
