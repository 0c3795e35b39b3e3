package api

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// identity is STS and IAM: who calls, and what they may do.
func identity() map[string]operation {
	return map[string]operation{
		"sts:GetCallerIdentity": func(c *call) (any, error) {
			return map[string]any{"Account": c.control.Account, "Arn": c.caller(), "UserId": "AIDADOUBLE"}, nil
		},
		"iam:SimulatePrincipalPolicy": simulate,
		"iam:GetRole":                 getRole,
	}
}

func getRole(c *call) (any, error) {
	name := c.form.Get("RoleName")
	role, there, err := c.account.Get("aws_iam_role", name)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, &failure{status: http.StatusNotFound, code: "NoSuchEntity", message: "The role with name " + name + " cannot be found."}
	}
	return map[string]any{"Role": map[string]any{
		"RoleName": name, "Arn": role.Text("arn"), "Path": role.Text("path"), "RoleId": role.Text("unique_id"), "CreateDate": role.Made.Format(time.RFC3339),
	}}, nil
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
