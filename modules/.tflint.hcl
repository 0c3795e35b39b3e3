# The ruleset that comes with tflint: nothing is downloaded.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

# One file a concern reads better than one for all that a kind of block has.
rule "terraform_standard_module_structure" {
  enabled = false
}

config {
  # Each module is looked at by itself.
  call_module_type = "none"
}
