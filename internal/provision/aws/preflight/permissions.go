package preflight

import (
	"bytes"
	"context"
	_ "embed" // the table
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"go.yaml.in/yaml/v3"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

//go:embed permissions.yaml
var permissions []byte

// IAM is what Permissions asks.
type IAM interface {
	SimulatePrincipalPolicy(context.Context, *iam.SimulatePrincipalPolicyInput, ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error)
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
}

// Actions lists what the caller has to be allowed for a plan, in order.
func Actions(p plan.Plan) ([]string, error) {
	var table struct {
		Always []string            `yaml:"always"`
		Types  map[string][]string `yaml:"types"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(permissions))
	decoder.KnownFields(true)
	if err := decoder.Decode(&table); err != nil {
		return nil, fmt.Errorf("read the table of permissions: %w", err)
	}
	actions := slices.Clone(table.Always)
	for _, resource := range p.Changes() {
		actions = append(actions, table.Types[resource.Type]...)
	}
	slices.Sort(actions)
	return slices.Compact(actions), nil
}

// Permissions lets IAM simulate actions by the caller, whose ARN is principal.
// Conditions, boundaries of resources and an organisation's policies may still say
// no; those that it knows of count.
func Permissions(ctx context.Context, api IAM, principal string, actions []string) Check {
	const name, page = "permissions", 100
	source, why := policySource(ctx, api, principal)
	if why != "" {
		return Check{Name: name, Status: Good, Detail: why}
	}
	var denied []string
	for chunk := range slices.Chunk(actions, page) {
		marker := (*string)(nil)
		for {
			found, err := api.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
				PolicySourceArn: &source, ActionNames: chunk, Marker: marker,
			})
			if err != nil {
				return unknown(name, "IAM does not simulate them: %s", short(err))
			}
			for _, result := range found.EvaluationResults {
				if result.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed {
					denied = append(denied, aws.ToString(result.EvalActionName))
				}
			}
			if marker = found.Marker; !found.IsTruncated || marker == nil {
				break
			}
		}
	}
	if len(denied) == 0 {
		return good(name, "%s is allowed all of %d actions", source, len(actions))
	}
	slices.Sort(denied)
	return bad(name, fault.New(fault.PermissionMissing, "principal", source, "count", len(denied), "actions", strings.Join(denied, ", ")))
}

// policySource gives the ARN that policies hang on. An account's root user has none,
// and is allowed everything.
func policySource(ctx context.Context, api IAM, principal string) (source, allowed string) {
	parsed, err := arn.Parse(principal)
	if err != nil {
		return principal, ""
	}
	if parsed.Resource == "root" {
		return "", "the account's root user is allowed everything; a role would be better"
	}
	kind, rest, _ := strings.Cut(parsed.Resource, "/")
	if parsed.Service != "sts" || kind != "assumed-role" {
		return principal, ""
	}
	role, _, _ := strings.Cut(rest, "/")
	// A role's path is in no session's name.
	if found, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: &role}); err == nil && found.Role != nil {
		return aws.ToString(found.Role.Arn), ""
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", parsed.Partition, parsed.AccountID, role), ""
}
