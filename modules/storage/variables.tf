variable "name" {
  description = "Prefix of every name, for instance `pocctl-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit."
  }
}

variable "force_destroy" {
  description = "Whether buckets are deleted with what is in them."
  type        = bool
  default     = false
}

variable "trail_name" {
  description = "Name of the CloudTrail trail that writes to the bucket of logs; none lets no trail write."
  type        = string
  default     = null
}

variable "log_days" {
  description = "Days that logs are kept; after 30 they move to a cheaper class."
  type        = number
  default     = 365

  validation {
    condition     = var.log_days >= 90 && var.log_days <= 3653
    error_message = "Logs are kept between 90 days, which investigations need, and ten years."
  }
}

variable "artifact_days" {
  description = "Days that a replaced or deleted artifact can be had back."
  type        = number
  default     = 90

  validation {
    condition     = var.artifact_days >= 1 && var.artifact_days <= 3653
    error_message = "Earlier versions of artifacts are kept between a day and ten years."
  }
}
