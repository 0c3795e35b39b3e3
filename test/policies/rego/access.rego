# Who may do what: nobody everything.
package pocctl

import rego.v1

policies["iam-wildcard"] := "No policy allows actions by a pattern on everything"

policies["iam-full"] := "No policy allows every action, or every action of IAM"

policies["iam-administrator"] := "No role has AdministratorAccess or IAMFullAccess"

policies["iam-trust"] := "Roles trust no one without naming them, and outsiders' tokens only by their exact subject"

as_array(value) := value if is_array(value)

as_array(value) := [value] if is_string(value)

# Policies of identities as AWS will have them, where the plan knows them.
identity_statements contains [resource, statement] if {
	some type in ["aws_iam_role_policy", "aws_iam_policy", "aws_iam_user_policy", "aws_iam_group_policy"]
	some resource in of(type)
	some statement in json.unmarshal(after(resource).policy).Statement
	statement.Effect == "Allow"
}

patterns(actions) := [action | some action in actions; contains(action, "*")]

deny contains finding("iam-wildcard", resource, sprintf("%v on everything", [patterns(as_array(statement.Action))])) if {
	some [resource, statement] in identity_statements
	"*" in as_array(statement.Resource)
	count(patterns(as_array(statement.Action))) > 0
}

deny contains finding("iam-full", resource, "every action") if {
	some [resource, statement] in identity_statements
	some action in as_array(statement.Action)
	action in ["*", "*:*", "iam:*"]
}

# The same by how documents are written, since much is known only when it is applied.
written_statements[module][address] := statements if {
	some module, values in written
	some value in values
	value.type == "aws_iam_policy_document"
	address := value.address
	statements := object.get(value.expressions, "statement", [])
}

# A statement with principals is a policy of the resource that carries it.
written_identity contains [document, statement] if {
	some module, documents in written_statements
	some address, statements in documents
	some statement in statements
	count(object.get(statement, "principals", [])) == 0
	object.get(statement, ["effect", "constant_value"], "Allow") == "Allow"
	document := {"address": concat(".", [part | some part in [module, address]; part != ""])}
}

deny contains finding("iam-wildcard", document, sprintf("%v on everything", [patterns(statement.actions.constant_value)])) if {
	some [document, statement] in written_identity
	"*" in statement.resources.constant_value
	count(patterns(statement.actions.constant_value)) > 0
}

deny contains finding("iam-full", document, "every action") if {
	some [document, statement] in written_identity
	some action in statement.actions.constant_value
	action in ["*", "*:*", "iam:*"]
}

deny contains finding("iam-administrator", attachment, "the role may do everything") if {
	some type in ["aws_iam_role_policy_attachment", "aws_iam_policy_attachment", "aws_iam_user_policy_attachment"]
	some attachment in of(type)
	regex.match(`:policy/(AdministratorAccess|IAMFullAccess)$`, after(attachment).policy_arn)
}

trusts contains [role, statement] if {
	some role in of("aws_iam_role")
	some statement in json.unmarshal(after(role).assume_role_policy).Statement
	statement.Effect == "Allow"
}

deny contains finding("iam-trust", role, "anybody may take the role") if {
	some [role, statement] in trusts
	anybody(statement)
}

deny contains finding("iam-trust", role, "the subject of an outsider's token is not looked at exactly") if {
	some [role, statement] in trusts
	statement.Principal.Federated
	not exact_subject(statement)
}

exact_subject(statement) if {
	some variable, values in statement.Condition.StringEquals
	endswith(variable, ":sub")
	every value in as_array(values) {
		not contains(value, "*")
	}
}

# And as it is written, for a provider that is only being made.
deny contains finding("iam-trust", document, "the subject of an outsider's token is not looked at exactly") if {
	some module, documents in written_statements
	some address, statements in documents
	some statement in statements
	some principal in object.get(statement, "principals", [])
	principal.type.constant_value == "Federated"
	count([condition |
		some condition in object.get(statement, "condition", [])
		condition.test.constant_value == "StringEquals"
		endswith(subject_of(condition), "sub")
	]) == 0
	document := {"address": concat(".", [part | some part in [module, address]; part != ""])}
}

# "${local.issuer}:sub" shows in a plan as what it refers to, without the text: two
# conditions on one issuer, of which one is not the audience, are the subject's.
subject_of(condition) := condition.variable.constant_value

subject_of(condition) := "sub" if {
	not condition.variable.constant_value
	count(condition.variable.references) > 0
	not condition.values.constant_value
}
