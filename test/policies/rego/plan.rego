# How the policies read a plan: the document of `terraform show -json`.
package pocctl

import rego.v1

# What the plan makes or keeps, by type.
resources[type] contains change if {
	some change in input.resource_changes
	change.mode == "managed"
	change.change.actions != ["delete"]
	type := change.type
}

of(type) := object.get(resources, type, set())

# What will be true of a resource; what AWS only tells when it is made is left out.
after(resource) := resource.change.after

# Whether an argument has a value, be it one that is only known when it is applied.
given(resource, argument) if not after(resource)[argument] in [null, "", [], {}]

given(resource, argument) if resource.change.after_unknown[argument] == true

# One value of a block that stands at most once.
block(resource, name, argument) := after(resource)[name][0][argument]

# The environment, by whose name production's rules go.
production if input.variables.environment.value == "prod"

# Where a resource is written: its module's path without indexes, and its address
# in there. Whole plans hang together by that, since IDs are known later.
module_path(resource) := regex.replace(object.get(resource, "module_address", ""), `\[[^\]]*\]`, "")

written[module] contains value if {
	[path, value] := walk(input.configuration.root_module)
	value.address
	value.expressions
	module := concat(".", array.flatten([["module", path[index + 1]] |
		some index, part in path
		part == "module_calls"
	]))
}

expressions(resource) := found[0] if {
	address := sprintf("%s.%s", [resource.type, resource.name])
	found := [value |
		some value in written[module_path(resource)]
		value.address == address
	]
}

# Names that a resource's arguments, or what it is repeated for, refer to.
references(resource) := {reference |
	address := sprintf("%s.%s", [resource.type, resource.name])
	some value in written[module_path(resource)]
	value.address == address
	[path, reference] := walk([value.expressions, object.get(value, "for_each_expression", {})])
	is_string(reference)
	some part in path
	part == "references"
}

# Whether a resource of a type speaks of this one: in the same module, for the same
# index, and with a reference to it.
companion(resource, type) := other if {
	some other in of(type)
	module_path(other) == module_path(resource)
	object.get(other, "index", null) == object.get(resource, "index", null)
	some reference in references(other)
	startswith(reference, sprintf("%s.%s", [resource.type, resource.name]))
}

finding(policy, resource, message) := {
	"policy": policy,
	"address": resource.address,
	"message": message,
}
