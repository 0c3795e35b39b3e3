variable "name" {
  description = "Name of the key's alias, without `alias/`."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_-]{1,128}$", var.name)) && !startswith(var.name, "aws/")
    error_message = "A key's name has letters, digits, slashes, underscores and hyphens, and does not start with aws/."
  }
}

variable "description" {
  description = "What the key encrypts."
  type        = string
}

variable "services" {
  description = <<-EOT
    AWS services that use the key for this account: the service's principal to what their requests have to carry.
    `sources` are patterns of the ARNs that they act for; `context` are patterns of what CloudWatch Logs encrypts, which it
    sends in place of a source; without either it is the account's number. `unconditional` is for EventBridge, which
    sends nothing to encrypted topics.
  EOT
  type = map(object({
    sources       = optional(list(string), [])
    context       = optional(list(string), [])
    unconditional = optional(bool, false)
  }))
  default = {}

  validation {
    condition     = alltrue([for principal in keys(var.services) : endswith(principal, ".amazonaws.com")])
    error_message = "A service is named by its principal, for instance logs.eu-west-1.amazonaws.com."
  }

  validation {
    condition     = alltrue([for principal, service in var.services : !service.unconditional || principal == "events.amazonaws.com"])
    error_message = "Only EventBridge, events.amazonaws.com, has no condition that it could meet."
  }
}

variable "deletion_window_days" {
  description = "Days between the request to delete the key and its end, in which that can be taken back."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "AWS waits between 7 and 30 days before it deletes a key."
  }
}
