package policies_test

import (
	"strings"
	"testing"
)

// plan is the document of `terraform show -json`, to be spoiled.
type plan struct {
	t        *testing.T
	document map[string]any
}

func (p plan) changes() []map[string]any {
	var changes []map[string]any
	for _, change := range p.document["resource_changes"].([]any) {
		changes = append(changes, change.(map[string]any))
	}
	return changes
}

// set gives an argument of resources another value. Resources are named by the end
// of their addresses or a part of it, for instance aws_s3_bucket.this["logs"].
// The path is of keys, and each list on the way is entered whole.
func (p plan) set(resource, path string, value any) {
	p.t.Helper()
	var done bool
	for _, change := range p.changes() {
		if strings.Contains(change["address"].(string), resource) {
			assign(change["change"].(map[string]any)["after"], strings.Split(path, "."), value)
			if unknown, ok := change["change"].(map[string]any)["after_unknown"].(map[string]any); ok {
				delete(unknown, strings.Split(path, ".")[0])
			}
			done = true
		}
	}
	if !done {
		p.t.Fatalf("no resource %s in the plan", resource)
	}
}

func assign(in any, path []string, value any) {
	switch in := in.(type) {
	case []any:
		for _, element := range in {
			assign(element, path, value)
		}
	case map[string]any:
		if len(path) == 1 {
			in[path[0]] = value
			return
		}
		assign(in[path[0]], path[1:], value)
	}
}

// remove leaves resources out.
func (p plan) remove(resource string) {
	p.t.Helper()
	var kept []any
	for _, change := range p.document["resource_changes"].([]any) {
		if !strings.Contains(change.(map[string]any)["address"].(string), resource) {
			kept = append(kept, change)
		}
	}
	if len(kept) == len(p.document["resource_changes"].([]any)) {
		p.t.Fatalf("no resource %s in the plan", resource)
	}
	p.document["resource_changes"] = kept
}

// add puts another resource in, in the root module.
func (p plan) add(resourceType string, after map[string]any) {
	p.document["resource_changes"] = append(p.document["resource_changes"].([]any), map[string]any{
		"address": resourceType + ".added", "mode": "managed", "type": resourceType, "name": "added",
		"change": map[string]any{"actions": []any{"create"}, "after": after, "after_unknown": map[string]any{}},
	})
}

// rewrite changes the statements of a policy document as it is written.
func (p plan) rewrite(module, address string, change func(statement map[string]any)) {
	p.t.Helper()
	at := p.document["configuration"].(map[string]any)["root_module"].(map[string]any)
	for name := range strings.SplitSeq(module, ".") {
		at = at["module_calls"].(map[string]any)[name].(map[string]any)["module"].(map[string]any)
	}
	for _, resource := range at["resources"].([]any) {
		resource := resource.(map[string]any)
		if resource["address"] == address {
			for _, statement := range resource["expressions"].(map[string]any)["statement"].([]any) {
				change(statement.(map[string]any))
			}
			return
		}
	}
	p.t.Fatalf("no %s is written in %s", address, module)
}

// constant is how a plan shows a value that is written as it is.
func constant(value any) map[string]any { return map[string]any{"constant_value": value} }
