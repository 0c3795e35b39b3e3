// Package plan reads what Terraform would change from its plan in JSON
// (https://developer.hashicorp.com/terraform/internals/json-format).
package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// Action is what happens to a resource.
type Action string

// The actions, the gravest first.
const (
	Replace Action = "replace" // destroyed and made anew: what it holds is lost
	Destroy Action = "destroy"
	Change  Action = "change"
	Add     Action = "add"
	Keep    Action = "keep" // stays as it is
)

// Resource is one resource instance of a plan.
type Resource struct {
	Address string `json:"address"` // module.eks.aws_eks_cluster.this
	// Block is the address without the keys of count and for_each.
	Block string `json:"-"`
	// Module is the module that people know it by: the outermost one, but for one that
	// holds all others. "eks"; empty for the root.
	Module string `json:"module"`
	path   []string
	Type   string `json:"type"`
	Action Action `json:"action"`
	// Reason says why something is destroyed or replaced: "cannot be changed in
	// place: engine_version". Empty where Terraform gives none.
	Reason string `json:"reason,omitempty"`
	// Before and After are the resource's attributes; nil where it is not there.
	// Those that only the provider will know are missing from After.
	Before map[string]any `json:"-"`
	After  map[string]any `json:"-"`
}

// Drift is a resource that something other than Terraform has changed.
type Drift struct {
	Address string `json:"address"`
	Type    string `json:"type"`
	Gone    bool   `json:"gone"` // it is not there any more
	// Attributes are the names of the top-level attributes that differ, in order.
	Attributes []string `json:"attributes"`
}

// Plan is what Terraform would do.
type Plan struct {
	// Resources are all that the plan knows of, those that stay included, in the
	// order of their addresses. Data sources are left out.
	Resources []Resource
	Drift     []Drift
}

// Counts says how many resources meet each fate; Replace counts in none of the
// others.
type Counts struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Destroy int `json:"destroy"`
	Replace int `json:"replace"`
}

// None says whether the plan changes nothing.
func (c Counts) None() bool { return c == Counts{} }

// Read takes what matters from Terraform's plan. An action that it does not know is
// an error: a guess could hide a destruction.
func Read(from *tfjson.Plan) (Plan, error) {
	if err := from.Validate(); err != nil {
		return Plan{}, fmt.Errorf("read plan: %w", err)
	}
	plan := Plan{Resources: []Resource{}, Drift: []Drift{}}
	for _, change := range from.ResourceChanges {
		if change.Mode == tfjson.DataResourceMode {
			continue
		}
		action, err := actionOf(change)
		if err != nil {
			return Plan{}, err
		}
		plan.Resources = append(plan.Resources, Resource{
			Address: change.Address, Block: Block(change.Address), path: modulePath(change.ModuleAddress),
			Type: change.Type, Action: action, Reason: reasonOf(change, action),
			Before: object(change.Change.Before), After: object(change.Change.After),
		})
	}
	for _, change := range from.ResourceDrift {
		if change.Mode != tfjson.DataResourceMode {
			plan.Drift = append(plan.Drift, driftOf(change))
		}
	}
	plan.nameModules()
	slices.SortStableFunc(plan.Resources, func(a, b Resource) int { return cmp.Compare(a.Address, b.Address) })
	slices.SortStableFunc(plan.Drift, func(a, b Drift) int { return cmp.Compare(a.Address, b.Address) })
	return plan, nil
}

// Changes gives the resources that do not stay as they are, the gravest first.
func (p Plan) Changes() []Resource {
	changes := slices.DeleteFunc(slices.Clone(p.Resources), func(r Resource) bool { return r.Action == Keep })
	grave := []Action{Replace, Destroy, Change, Add}
	slices.SortStableFunc(changes, func(a, b Resource) int {
		return cmp.Compare(slices.Index(grave, a.Action), slices.Index(grave, b.Action))
	})
	return changes
}

// Counts counts the changes.
func (p Plan) Counts() Counts {
	var counts Counts
	for _, resource := range p.Resources {
		switch resource.Action {
		case Add:
			counts.Add++
		case Change:
			counts.Change++
		case Destroy:
			counts.Destroy++
		case Replace:
			counts.Replace++
		case Keep:
		}
	}
	return counts
}

// nameModules sets the modules' names.
func (p Plan) nameModules() {
	holds := ""
	for _, resource := range p.Resources {
		if len(resource.path) > 1 {
			holds = resource.path[0]
		}
	}
	for _, resource := range p.Resources {
		if len(resource.path) == 0 || resource.path[0] != holds {
			holds = "" // it does not hold all
		}
	}
	for i := range p.Resources {
		path := p.Resources[i].path
		if holds != "" {
			path = path[1:]
		}
		if len(path) > 0 {
			p.Resources[i].Module = path[0]
		}
	}
}

func actionOf(change *tfjson.ResourceChange) (Action, error) {
	if change.Change == nil {
		return "", fmt.Errorf("read plan: %s has no change", change.Address)
	}
	switch actions := change.Change.Actions; {
	case actions.NoOp(), actions.Read(), actions.Forget():
		return Keep, nil
	case actions.Create():
		return Add, nil
	case actions.Update():
		return Change, nil
	case actions.Delete():
		return Destroy, nil
	case actions.Replace():
		return Replace, nil
	default:
		return "", fmt.Errorf("read plan: %s: actions %v are not known", change.Address, actions)
	}
}

// reasonOf puts Terraform's reason into words.
func reasonOf(change *tfjson.ResourceChange, action Action) string {
	if action != Replace && action != Destroy {
		return ""
	}
	switch change.ActionReason {
	case tfjson.ActionReasonReplaceBecauseCannotUpdate:
		var paths []string
		for _, path := range change.Change.ReplacePaths {
			paths = append(paths, pathText(path))
		}
		return strings.TrimSuffix("cannot be changed in place: "+strings.Join(paths, ", "), ": ")
	case tfjson.ActionReasonReplaceBecauseTainted:
		return "was not made whole the last time"
	case tfjson.ActionReasonReplaceByTriggers:
		return "something that it follows changes"
	case tfjson.ActionReasonReplaceByRequest:
		return "was asked for"
	case tfjson.ActionReasonDeleteBecauseNoResourceConfig, tfjson.ActionReasonDeleteBecauseNoModule,
		tfjson.ActionReasonDeleteBecauseNoMoveTarget:
		return "is no longer in the configuration"
	case tfjson.ActionReasonDeleteBecauseCountIndex, tfjson.ActionReasonDeleteBecauseEachKey,
		tfjson.ActionReasonDeleteBecauseWrongRepetition:
		return "fewer of it are wanted"
	default:
		return ""
	}
}

func pathText(path any) string {
	parts, isList := path.([]any)
	if !isList {
		return fmt.Sprint(path)
	}
	text := make([]string, len(parts))
	for i, part := range parts {
		text[i] = fmt.Sprint(part)
	}
	return strings.Join(text, ".")
}

func driftOf(change *tfjson.ResourceChange) Drift {
	drift := Drift{Address: change.Address, Type: change.Type, Attributes: []string{}}
	if change.Change == nil {
		return drift
	}
	drift.Gone = change.Change.Actions.Delete()
	before, after := object(change.Change.Before), object(change.Change.After)
	for name, value := range before {
		if !drift.Gone && fmt.Sprint(value) != fmt.Sprint(after[name]) {
			drift.Attributes = append(drift.Attributes, name)
		}
	}
	for name := range after {
		if _, known := before[name]; !known {
			drift.Attributes = append(drift.Attributes, name)
		}
	}
	slices.Sort(drift.Attributes)
	return drift
}

func object(value any) map[string]any {
	attributes, _ := value.(map[string]any)
	return attributes
}
