package schema

import "github.com/hashicorp/terraform-plugin-go/tftypes"

// The package leaves out the statements of WAF's rules, which nest without end.
// These are the provider's, as its documentation has them, three deep.

func statements(depth int) Nested {
	field := one(Block{
		Attributes: map[string]Attribute{},
		Blocks: map[string]Nested{
			"all_query_arguments": flag(), "method": flag(), "query_string": flag(), "uri_path": flag(),
			"body":                  one(Block{Attributes: map[string]Attribute{"oversize_handling": optional(tftypes.String)}}),
			"single_header":         one(Block{Attributes: map[string]Attribute{"name": required(tftypes.String)}}),
			"single_query_argument": one(Block{Attributes: map[string]Attribute{"name": required(tftypes.String)}}),
		},
	})
	transformation := Nested{Nesting: "set", Min: 1, Block: Block{Attributes: map[string]Attribute{
		"priority": required(tftypes.Number), "type": required(tftypes.String),
	}}}
	matching := func(attributes map[string]Attribute) Nested {
		return one(Block{Attributes: attributes, Blocks: map[string]Nested{"field_to_match": field, "text_transformation": transformation}})
	}
	forwarded := one(Block{Attributes: map[string]Attribute{"fallback_behavior": required(tftypes.String), "header_name": required(tftypes.String)}})
	override := Nested{Nesting: "list", Block: Block{
		Attributes: map[string]Attribute{"name": required(tftypes.String)},
		Blocks: map[string]Nested{"action_to_use": mandatory(one(Block{Blocks: map[string]Nested{
			"allow": flag(), "block": flag(), "captcha": flag(), "challenge": flag(), "count": flag(),
		}}))},
	}}

	blocks := map[string]Nested{
		"byte_match_statement": matching(map[string]Attribute{
			"positional_constraint": required(tftypes.String), "search_string": required(tftypes.String),
		}),
		"geo_match_statement": one(Block{
			Attributes: map[string]Attribute{"country_codes": required(tftypes.List{ElementType: tftypes.String})},
			Blocks:     map[string]Nested{"forwarded_ip_config": forwarded},
		}),
		"ip_set_reference_statement": one(Block{
			Attributes: map[string]Attribute{"arn": required(tftypes.String)},
			Blocks: map[string]Nested{"ip_set_forwarded_ip_config": one(Block{Attributes: map[string]Attribute{
				"fallback_behavior": required(tftypes.String), "header_name": required(tftypes.String), "position": required(tftypes.String),
			}})},
		}),
		"label_match_statement": one(Block{Attributes: map[string]Attribute{
			"key": required(tftypes.String), "scope": required(tftypes.String),
		}}),
		"regex_match_statement":                 matching(map[string]Attribute{"regex_string": required(tftypes.String)}),
		"regex_pattern_set_reference_statement": matching(map[string]Attribute{"arn": required(tftypes.String)}),
		"size_constraint_statement": matching(map[string]Attribute{
			"comparison_operator": required(tftypes.String), "size": required(tftypes.Number),
		}),
		"sqli_match_statement": matching(map[string]Attribute{"sensitivity_level": optional(tftypes.String)}),
		"xss_match_statement":  matching(map[string]Attribute{}),
		"rule_group_reference_statement": one(Block{
			Attributes: map[string]Attribute{"arn": required(tftypes.String)},
			Blocks:     map[string]Nested{"rule_action_override": override},
		}),
		"managed_rule_group_statement": one(Block{
			Attributes: map[string]Attribute{
				"name": required(tftypes.String), "vendor_name": required(tftypes.String), "version": optional(tftypes.String),
			},
			Blocks: map[string]Nested{"rule_action_override": override},
		}),
		"rate_based_statement": one(Block{
			Attributes: map[string]Attribute{
				"aggregate_key_type": optional(tftypes.String), "limit": required(tftypes.Number),
				"evaluation_window_sec": optional(tftypes.Number),
			},
			Blocks: map[string]Nested{"forwarded_ip_config": forwarded},
		}),
	}
	if depth > 1 {
		inner := statements(depth - 1)
		blocks["not_statement"] = one(Block{Blocks: map[string]Nested{"statement": inner}})
		several := inner
		several.Max = 0
		blocks["and_statement"] = one(Block{Blocks: map[string]Nested{"statement": several}})
		blocks["or_statement"] = one(Block{Blocks: map[string]Nested{"statement": several}})
		scope := inner
		scope.Min = 0
		blocks["managed_rule_group_statement"].Blocks["scope_down_statement"] = scope
		blocks["rate_based_statement"].Blocks["scope_down_statement"] = scope
	}
	return mandatory(one(Block{Blocks: blocks}))
}

func required(kind tftypes.Type) Attribute { return Attribute{Type: kind, Required: true} }
func optional(kind tftypes.Type) Attribute { return Attribute{Type: kind, Optional: true} }
func one(block Block) Nested               { return Nested{Block: block, Nesting: "list", Max: 1} }
func flag() Nested                         { return one(Block{}) }

func mandatory(block Nested) Nested {
	block.Min = 1
	return block
}
