package provider

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/pocctl/pocctl/test/awsdouble/schema"
)

// PlanResourceChange says what a resource will be: what is configured, what it
// was where the provider computes, and unknown for what a new one gets.
func (s *Server) PlanResourceChange(_ context.Context, request *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	block, err := s.schema.Resource(request.TypeName)
	if err != nil {
		return nil, err
	}
	kind := block.Type()
	config, err := fromProto(request.Config, kind)
	if err != nil {
		return nil, err
	}
	before, err := fromProto(request.PriorState, kind)
	if err != nil {
		return nil, err
	}
	proposed, err := fromProto(request.ProposedNewState, kind)
	if err != nil {
		return nil, err
	}
	if proposed == nil { // it is to be destroyed
		return &tfprotov5.PlanResourceChangeResponse{PlannedState: request.ProposedNewState}, nil
	}
	control, err := s.account.Control()
	if err != nil {
		return nil, err
	}
	if fault, err := s.account.Fault(control, "plan", request.TypeName, object(config), false); err != nil {
		return nil, err
	} else if fault != nil {
		return &tfprotov5.PlanResourceChangeResponse{
			PlannedState: request.ProposedNewState, Diagnostics: []*tfprotov5.Diagnostic{s.failure("planning", request.TypeName, *fault)},
		}, nil
	}

	planned := plan(block, object(config), object(before))
	s.complete(request.TypeName, block, planned)
	value, err := canonical(planned, kind)
	if err != nil {
		return nil, err
	}
	planned = object(value)
	answer := &tfprotov5.PlanResourceChangeResponse{UnsafeToUseLegacyTypeSystem: true} //nolint:staticcheck // as the real provider: it plans defaults
	if before != nil && !reflect.DeepEqual(planned, before) {
		behaviour := s.of(request.TypeName)
		for _, name := range behaviour.Recount {
			planned[name] = unknown{}
		}
		answer.RequiresReplace = replaced(behaviour.Replace, object(before), planned, block)
	}
	answer.PlannedState, err = toProto(planned, kind)
	return answer, err
}

// plan merges what is configured with what was before: nil for a new block.
func plan(block schema.Block, config, before map[string]any) map[string]any {
	planned := make(map[string]any, len(block.Attributes)+len(block.Blocks))
	for name, attribute := range block.Attributes {
		switch {
		case schema.WriteOnly(name, block):
			planned[name] = nil
		case config[name] != nil:
			planned[name] = config[name]
		case attribute.Computed && before == nil:
			planned[name] = unknown{}
		case attribute.Computed:
			planned[name] = before[name]
		default:
			planned[name] = nil
		}
	}
	for name, nested := range block.Blocks {
		planned[name] = planNested(nested, config[name], before[name])
	}
	return planned
}

func planNested(nested schema.Nested, config, before any) any {
	switch config := config.(type) {
	case []any:
		old, _ := before.([]any)
		list := make([]any, len(config))
		for i, element := range config {
			if list[i] = element; object(element) == nil {
				continue // unknown as a whole
			}
			list[i] = plan(nested.Block, object(element), counterpart(nested, i, object(element), old))
		}
		return list
	case map[string]any:
		if nested.Nesting == "single" {
			return plan(nested.Block, config, object(before))
		}
		elements := make(map[string]any, len(config))
		for key, element := range config {
			elements[key] = plan(nested.Block, object(element), object(object(before)[key]))
		}
		return elements
	default:
		return config
	}
}

// counterpart is what an element of a list or set was before, nil if it is new:
// the one at its place, or the one of a set that has all that is configured.
func counterpart(nested schema.Nested, place int, config map[string]any, before []any) map[string]any {
	if nested.Nesting == "list" {
		if place < len(before) {
			return object(before[place])
		}
		return nil
	}
	for _, element := range before {
		old := object(element)
		if old == nil {
			continue
		}
		if written(plan(nested.Block, config, old)) == written(old) {
			return old
		}
	}
	return nil
}

// complete adds what the real provider knows at once: defaults, the region, and
// all tags.
func (s *Server) complete(kind string, block schema.Block, planned map[string]any) {
	for path, value := range s.of(kind).Defaults {
		setDefault(planned, strings.Split(path, "."), value)
	}
	s.mutex.Lock()
	configured := s.configured
	s.mutex.Unlock()
	if _, has := block.Attributes["region"]; has && planned["region"] == any(unknown{}) {
		planned["region"] = configured.region
	}
	if _, has := block.Attributes["tags_all"]; has {
		planned["tags_all"] = allTags(configured, planned["tags"])
	}
}

func allTags(configured configuration, own any) any {
	if _, unknowable := own.(unknown); unknowable {
		return own
	}
	all := map[string]any{}
	maps.Copy(all, configured.tags)
	maps.Copy(all, object(own))
	for _, key := range configured.ignore.keys {
		delete(all, key)
	}
	maps.DeleteFunc(all, func(key string, value any) bool {
		return value == nil || slices.ContainsFunc(configured.ignore.prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	})
	return all
}

// setDefault sets what is not configured, in each block of a list on the way.
func setDefault(in any, path []string, value any) {
	switch in := in.(type) {
	case []any:
		for _, element := range in {
			setDefault(element, path, value)
		}
	case map[string]any:
		current, has := in[path[0]]
		switch {
		case !has:
		case len(path) > 1:
			setDefault(current, path[1:], value)
		case current == nil || current == any(unknown{}):
			in[path[0]] = normal(value)
		}
	}
}

// replaced are the paths whose change needs a new resource.
func replaced(paths []string, before, planned map[string]any, block schema.Block) []*tftypes.AttributePath {
	var found []*tftypes.AttributePath
	for _, path := range paths {
		if path == "*" {
			for name, attribute := range block.Attributes {
				if (attribute.Required || attribute.Optional) && !strings.HasPrefix(name, "tags") && !reflect.DeepEqual(before[name], planned[name]) {
					found = append(found, tftypes.NewAttributePath().WithAttributeName(name))
				}
			}
			continue
		}
		if was, is := at(before, path), at(planned, path); !reflect.DeepEqual(was, is) {
			found = append(found, attributePath(path))
		}
	}
	return found
}

// at is what is at a path as "vpc_config.0.subnet_ids", nil if nothing is.
func at(value any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		switch here := value.(type) {
		case map[string]any:
			value = here[part]
		case []any:
			index, err := strconv.Atoi(part)
			if err != nil || index >= len(here) {
				return nil
			}
			value = here[index]
		default:
			return nil
		}
	}
	return value
}

func attributePath(path string) *tftypes.AttributePath {
	steps := tftypes.NewAttributePath()
	for part := range strings.SplitSeq(path, ".") {
		if index, err := strconv.Atoi(part); err == nil {
			steps = steps.WithElementKeyInt(index)
		} else {
			steps = steps.WithAttributeName(part)
		}
	}
	return steps
}
