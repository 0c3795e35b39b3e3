package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

// statement is one of an IAM policy, its fields in the provider's order.
type statement struct {
	Sid          string         `json:",omitempty"`
	Effect       string         `json:",omitempty"`
	Action       any            `json:",omitempty"`
	NotAction    any            `json:",omitempty"`
	Resource     any            `json:",omitempty"`
	NotResource  any            `json:",omitempty"`
	Principal    any            `json:",omitempty"`
	NotPrincipal any            `json:",omitempty"`
	Condition    map[string]any `json:",omitempty"`
}

// document is an IAM policy.
type document struct {
	Version   string      `json:",omitempty"`
	ID        string      `json:"Id,omitempty"`
	Statement []statement `json:",omitempty"`
}

// policyDocument renders aws_iam_policy_document as the provider does: lists of
// one as text, sets in order, statements of source documents before, those of
// overriding ones in the place of their Sid.
func policyDocument(values map[string]any) error {
	result := document{Version: "2012-10-17"}
	if version, ok := values["version"].(string); ok {
		result.Version = version
	}
	result.ID, _ = values["policy_id"].(string)
	sources := texts(values["source_policy_documents"])
	if source, ok := values["source_json"].(string); ok {
		sources = append([]string{source}, sources...)
	}
	for _, text := range sources {
		if err := merge(&result, text, false); err != nil {
			return err
		}
	}
	statements, _ := values["statement"].([]any)
	for i, fields := range statements {
		one := render(object(fields))
		if one.Sid != "" && slices.ContainsFunc(result.Statement, func(other statement) bool { return other.Sid == one.Sid }) {
			return fmt.Errorf("duplicate Sid (%s) in statement %d", one.Sid, i)
		}
		result.Statement = append(result.Statement, one)
	}
	overrides := texts(values["override_policy_documents"])
	if override, ok := values["override_json"].(string); ok {
		overrides = append(overrides, override)
	}
	for _, text := range overrides {
		if err := merge(&result, text, true); err != nil {
			return err
		}
	}
	indented, err := marshal(result, "  ")
	if err != nil {
		return err
	}
	minified, err := marshal(result, "")
	if err != nil {
		return err
	}
	values["json"], values["minified_json"] = indented, minified
	values["id"] = fmt.Sprint(crc32.ChecksumIEEE([]byte(indented)))
	return nil
}

func merge(into *document, text string, override bool) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var other document
	if err := json.Unmarshal([]byte(text), &other); err != nil {
		return fmt.Errorf("policy document is no JSON: %w", err)
	}
	if other.Version != "" {
		into.Version = other.Version
	}
	if other.ID != "" {
		into.ID = other.ID
	}
	for _, one := range other.Statement {
		place := slices.IndexFunc(into.Statement, func(mine statement) bool { return mine.Sid != "" && mine.Sid == one.Sid })
		switch {
		case place < 0:
			into.Statement = append(into.Statement, one)
		case override:
			into.Statement[place] = one
		default:
			return fmt.Errorf("duplicate Sid (%s) in source_policy_documents", one.Sid)
		}
	}
	return nil
}

func render(fields map[string]any) statement {
	one := statement{Effect: "Allow"}
	if effect, ok := fields["effect"].(string); ok {
		one.Effect = effect
	}
	one.Sid, _ = fields["sid"].(string)
	one.Action, one.NotAction = several(fields["actions"], false), several(fields["not_actions"], false)
	one.Resource, one.NotResource = several(fields["resources"], true), several(fields["not_resources"], true)
	one.Principal, one.NotPrincipal = principals(fields["principals"]), principals(fields["not_principals"])
	conditions, _ := fields["condition"].([]any)
	for _, each := range conditions {
		condition := object(each)
		test, variable := fmt.Sprint(condition["test"]), fmt.Sprint(condition["variable"])
		if one.Condition == nil {
			one.Condition = map[string]any{}
		}
		inner, _ := one.Condition[test].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
			one.Condition[test] = inner
		}
		values := texts(condition["values"])
		for i, value := range values {
			values[i] = braces(value)
		}
		switch before := inner[variable].(type) {
		case []string:
			values = append(before, values...)
		case string:
			values = append([]string{before}, values...)
		}
		inner[variable] = values
		if len(values) == 1 {
			inner[variable] = values[0]
		}
	}
	return one
}

// several is a list as IAM has it: sorted backwards, one as text, none absent.
func several(value any, variables bool) any {
	list := texts(value)
	if variables {
		for i := range list {
			list[i] = braces(list[i])
		}
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

// braces turns &{aws:username} into ${aws:username}, which Terraform would take
// for its own.
func braces(text string) string { return strings.ReplaceAll(text, "&{", "${") }

func principals(value any) any {
	list, _ := value.([]any)
	if len(list) == 0 {
		return nil
	}
	found := map[string]any{}
	for _, each := range list {
		principal := object(each)
		kind := fmt.Sprint(principal["type"])
		identifiers := texts(principal["identifiers"])
		if kind == "*" && len(identifiers) == 1 && identifiers[0] == "*" {
			return "*"
		}
		switch before := found[kind].(type) {
		case string:
			identifiers = append(identifiers, before)
		case []string:
			identifiers = append(identifiers, before...)
		}
		slices.Sort(identifiers)
		slices.Reverse(identifiers)
		found[kind] = identifiers
		if len(identifiers) == 1 {
			found[kind] = identifiers[0]
		}
	}
	return found
}

func marshal(value any, indent string) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	err := encoder.Encode(value)
	return strings.TrimSuffix(text.String(), "\n"), err
}
