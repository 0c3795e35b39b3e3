package api

import (
	"net/http"
	"slices"
	"strconv"
)

// identity is STS and IAM: who calls, and what they may do.
func identity() map[string]operation {
	return map[string]operation{
		"sts:GetCallerIdentity": func(c *call) (any, error) {
			return map[string]any{"Account": c.control.Account, "Arn": c.caller(), "UserId": "AIDADOUBLE"}, nil
		},
		"iam:SimulatePrincipalPolicy": simulate,
	}
}

// simulate allows all actions but those that the control file denies.
func simulate(c *call) (any, error) {
	source := c.form.Get("PolicySourceArn")
	if source == "" {
		return nil, &failure{status: http.StatusBadRequest, code: "ValidationError", message: "PolicySourceArn is required"}
	}
	var results []any
	for i := 1; ; i++ {
		action := c.form.Get("ActionNames.member." + strconv.Itoa(i))
		if action == "" {
			break
		}
		decision := "allowed"
		if slices.Contains(c.control.Denied, action) {
			decision = "implicitDeny"
		}
		resource := c.form.Get("ResourceArns.member.1")
		if resource == "" {
			resource = "*"
		}
		results = append(results, map[string]any{"EvalActionName": action, "EvalDecision": decision, "EvalResourceName": resource})
	}
	return map[string]any{"EvaluationResults": results, "IsTruncated": false}, nil
}
