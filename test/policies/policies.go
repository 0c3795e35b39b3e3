// Package policies judges Terraform's plans by the rules in rego/, with Open Policy
// Agent. It is a module of its own: what OPA needs must not meet what the product
// does. The rules also run under conftest: conftest test --namespace pocctl PLAN.
package policies

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/rego"
)

//go:embed rego/*.rego
var rules embed.FS

// Finding is what one policy has against one resource.
type Finding struct {
	// Policy is the rule's name, for instance "bucket-private".
	Policy string `json:"policy"`
	// Address is where the resource or document is, as Terraform writes it.
	Address string `json:"address"`
	// Message is what is wrong with it.
	Message string `json:"message"`
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s", f.Policy, f.Address, f.Message)
}

// Judge evaluates every policy. It is prepared once, and safe for concurrent use.
type Judge struct {
	deny     rego.PreparedEvalQuery
	policies map[string]string
}

// NewJudge compiles the rules.
func NewJudge(ctx context.Context) (*Judge, error) {
	files, err := rules.ReadDir("rego")
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	options := []func(*rego.Rego){rego.StrictBuiltinErrors(false)}
	for _, file := range files {
		text, err := rules.ReadFile("rego/" + file.Name())
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		options = append(options, rego.Module(file.Name(), string(text)))
	}

	deny, err := rego.New(append(options, rego.Query("data.pocctl.deny"))...).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("compile rules: %w", err)
	}
	names, err := rego.New(append(options, rego.Query("data.pocctl.policies"))...).Eval(ctx)
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	judge := &Judge{deny: deny}
	if err := convert(names, &judge.policies); err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	return judge, nil
}

// Policies are the names of all rules, sorted.
func (j *Judge) Policies() []string { return slices.Sorted(maps.Keys(j.policies)) }

// Findings are what the policies have against a plan, the document that
// `terraform show -json` prints, ordered by policy and address.
func (j *Judge) Findings(ctx context.Context, plan any) ([]Finding, error) {
	result, err := j.deny.Eval(ctx, rego.EvalInput(plan))
	if err != nil {
		return nil, fmt.Errorf("evaluate policies: %w", err)
	}
	var findings []Finding
	if err := convert(result, &findings); err != nil {
		return nil, fmt.Errorf("evaluate policies: %w", err)
	}
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Message, b.Message))
	})
	return findings, nil
}

// convert reads a query's one value into a Go value.
func convert(result rego.ResultSet, into any) error {
	if len(result) != 1 || len(result[0].Expressions) != 1 {
		return fmt.Errorf("the rules gave %d results for one", len(result))
	}
	text, err := json.Marshal(result[0].Expressions[0].Value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
