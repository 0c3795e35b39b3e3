variable "name" {
  description = "Prefix of every name, for instance `pocctl-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit."
  }
}

variable "trail" {
  description = "Whether to keep an audit trail, and where: the name, as the bucket's policy has it, and the bucket. One trail is enough for an account; a second costs."
  type        = object({ enabled = bool, name = string, bucket = string, kms_key_arn = string })
}

variable "guardduty" {
  description = "Whether to switch GuardDuty on. An account has one detector in each region: leave it off where an organization or another environment has it."
  type        = bool
  default     = true
}

variable "alert_emails" {
  description = "Addresses that are told of alarms, findings and spending; each has to confirm once."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "Addresses look like someone@example.com."
  }
}

variable "monthly_budget" {
  description = "Spending of a month in US dollars that alerts are raised about: at 80% and 100%, and when 100% is forecast. It is the account's, unless `cost_tags` narrow it."
  type        = number

  validation {
    condition     = var.monthly_budget > 0
    error_message = "A budget is more than nothing."
  }
}

variable "cost_tags" {
  description = "Tags that narrow the budget. They have to be activated as cost allocation tags in the account, or nothing is counted."
  type        = map(string)
  default     = {}
}

variable "databases" {
  description = "Identifiers of RDS instances to watch, by a name for each, and the connections that each takes."
  type        = map(object({ identifier = string, connections = number }))
  default     = {}

  validation {
    condition     = alltrue([for database in var.databases : database.connections >= 1])
    error_message = "A database takes at least one connection."
  }
}

variable "caches" {
  description = "IDs of ElastiCache nodes to watch, by a name for each."
  type        = map(string)
  default     = {}
}

variable "load_balancers" {
  description = "Parts of load balancers' ARNs that metrics are by, by a name for each."
  type        = map(string)
  default     = {}
}

variable "night" {
  description = <<-EOT
    When nobody works: `down` and `up` as EventBridge's cron expressions in `timezone`. Node groups shrink to nothing and
    grow back, databases stop and start. Not for what has users.
  EOT
  type = object({
    down     = optional(string, "cron(0 20 ? * MON-FRI *)")
    up       = optional(string, "cron(0 7 ? * MON-FRI *)")
    timezone = optional(string, "UTC")
  })
  default = null

  validation {
    condition     = var.night == null || try(startswith(var.night.down, "cron(") && startswith(var.night.up, "cron("), false)
    error_message = "Times are cron expressions, for instance cron(0 20 ? * MON-FRI *)."
  }
}

variable "night_cluster" {
  description = "What shrinks at night: the cluster's name and its node groups' sizes."
  type = object({
    name        = string
    node_groups = map(object({ min = number, max = number, desired = number }))
  })
  default = { name = "", node_groups = {} }
}

variable "night_databases" {
  description = "Identifiers of RDS instances that stop at night, by a name for each."
  type        = map(string)
  default     = {}
}

variable "log_days" {
  description = "Days that the trail's searchable copy is kept; the bucket keeps it for longer."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days, or one of its longer periods."
  }
}
