variable "name" {
  description = "Prefix of every name, for instance `pocctl-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit."
  }
}

variable "vpc_id" {
  description = "ID of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Data subnets, in two zones or more."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Name subnets in at least two zones."
  }
}

variable "client_security_groups" {
  description = "Security groups that may connect, by a name for each."
  type        = map(string)
  default     = {}
}

variable "engine_version" {
  description = "Version of Redis, major and minor."
  type        = string
  default     = "7.1"

  validation {
    condition     = can(regex("^7\\.[0-9]+$", var.engine_version))
    error_message = "A version of Redis 7, for instance 7.1."
  }
}

variable "node_type" {
  description = "Size of a node, for instance `cache.t4g.small`."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "A node type looks like cache.t4g.small."
  }
}

variable "nodes" {
  description = "Number of nodes: a primary and replicas in other zones."
  type        = number
  default     = 2

  validation {
    condition     = var.nodes >= 2 && var.nodes <= 6 && floor(var.nodes) == var.nodes
    error_message = "Between two nodes, below which there is nothing to fail over to, and six."
  }
}

variable "snapshot_days" {
  description = "Days that daily snapshots are kept; 0 takes none, since a cache can be filled again."
  type        = number
  default     = 1

  validation {
    condition     = var.snapshot_days >= 0 && var.snapshot_days <= 35
    error_message = "Snapshots are kept for up to 35 days."
  }
}

variable "secret_recovery_days" {
  description = "Days in which a deleted token can be had back; 0 deletes it at once, so that the same name can be used again."
  type        = number
  default     = 30

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "Secrets Manager keeps a deleted secret for 7 to 30 days, or not at all."
  }
}

variable "log_days" {
  description = "Days that Redis' slow log and engine log are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days, or one of its longer periods."
  }
}
