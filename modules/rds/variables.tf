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
  description = "Major version of Postgres; minor ones are AWS' to keep up to date."
  type        = string
  default     = "17"

  validation {
    condition     = can(regex("^1[4-9]$", var.engine_version))
    error_message = "A major version of Postgres from 14 to 19."
  }
}

variable "instance_class" {
  description = "Size of the instance, for instance `db.t4g.medium`."
  type        = string
  default     = "db.t4g.medium"

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "An instance class looks like db.t4g.medium."
  }
}

variable "storage_gib" {
  description = "Storage to begin with, and the most that it may grow to by itself, in GiB."
  type        = object({ initial = number, maximum = number })
  default     = { initial = 20, maximum = 100 }

  validation {
    condition     = var.storage_gib.initial >= 20 && var.storage_gib.maximum <= 65536 && var.storage_gib.maximum >= var.storage_gib.initial * 1.1
    error_message = "Storage begins with 20 GiB or more and may grow by at least a tenth, to 65536 GiB at most."
  }
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over when the instance fails."
  type        = bool
  default     = true
}

variable "replicas" {
  description = "Number of read replicas. They are made after the instance, which takes another ten minutes."
  type        = number
  default     = 0

  validation {
    condition     = var.replicas >= 0 && var.replicas <= 5 && floor(var.replicas) == var.replicas
    error_message = "Between none and five read replicas."
  }
}

variable "backup_days" {
  description = "Days back to which the database can be restored to any second."
  type        = number
  default     = 7

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "Backups are kept between 1 and 35 days; without them there is no way back."
  }
}

variable "deletion_protection" {
  description = "Whether the database refuses to be deleted, and is kept as a snapshot and with its backups when that is lifted."
  type        = bool
  default     = true
}

variable "database" {
  description = "Name of the database that is made in the instance."
  type        = string
  default     = "backend"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database))
    error_message = "A database's name has lower-case letters, digits and underscores, and starts with a letter."
  }
}

variable "master_username" {
  description = "Name of the master user."
  type        = string
  default     = "pocctl"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.master_username)) && !contains(["admin", "postgres", "rdsadmin"], var.master_username)
    error_message = "A user's name has lower-case letters, digits and underscores, and is none that AWS or attackers know: admin, postgres, rdsadmin."
  }
}

variable "slow_statement_milliseconds" {
  description = "Statements that take longer are logged."
  type        = number
  default     = 500

  validation {
    condition     = var.slow_statement_milliseconds >= 10
    error_message = "Log statements from 10 ms on; below that the log is the load."
  }
}

variable "performance_insights_days" {
  description = "Days that Performance Insights keeps: 7 cost nothing, 731 is two years."
  type        = number
  default     = 7

  validation {
    condition     = var.performance_insights_days == 7 || var.performance_insights_days == 731 || (var.performance_insights_days % 31 == 0 && var.performance_insights_days >= 31 && var.performance_insights_days <= 713)
    error_message = "Performance Insights keeps 7 days, whole months of 31 days up to 713, or 731 days."
  }
}

variable "log_days" {
  description = "Days that Postgres' logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days, or one of its longer periods."
  }
}
