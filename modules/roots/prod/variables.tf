# Written by scripts/modules generate, out of modules/stack/variables.tf.

variable "project" {
  description = "First part of every name."
  type        = string
  default     = "pocctl"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,15}$", var.project))
    error_message = "A project's name has 2 to 16 lower-case letters and digits, and starts with a letter."
  }
}

variable "environment" {
  description = "Name of the environment, the second part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,12}[a-z0-9]$", var.environment))
    error_message = "An environment's name has 2 to 14 lower-case letters, digits and hyphens, and starts with a letter."
  }
}

variable "account_id" {
  description = "AWS account that the environment is in; with another one's credentials nothing is touched."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account's ID has twelve digits."
  }
}

variable "region" {
  description = "AWS region, for instance `eu-west-1`."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like eu-west-1."
  }
}

variable "domain" {
  description = "Domain that people use, for instance `staging.example.com`."
  type        = string
}

variable "zone_id" {
  description = "ID of the Route53 zone that holds the domain; none makes one for the domain."
  type        = string
  default     = null
}

variable "protected" {
  description = "Whether data outlives mistakes: deletion protection, final snapshots, buckets that are not deleted with what is in them."
  type        = bool
  default     = true

  validation {
    condition     = var.protected || var.environment != "prod"
    error_message = "prod is protected."
  }
}

variable "log_days" {
  description = "Days that logs in CloudWatch are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days, or one of its longer periods."
  }
}

variable "network" {
  description = "The network; the module `network` says what each is."
  type = object({
    cidr                = optional(string, "10.20.0.0/16")
    zone_count          = optional(number, 3)
    zones               = optional(list(string), [])
    nat                 = optional(string, "single")
    interface_endpoints = optional(set(string), ["ecr.api", "ecr.dkr", "sts", "logs", "secretsmanager"])
  })
  default = {}

  validation {
    condition     = var.environment != "prod" || (var.network.nat == "zonal" && var.network.zone_count == 3)
    error_message = "prod has three zones, and NAT in each: it outlives the loss of one."
  }
}

variable "cluster" {
  description = "The cluster; the module `eks` says what each is."
  type = object({
    version             = optional(string, "1.35")
    public_access_cidrs = optional(list(string), [])
    node_groups = map(object({
      instance_types = list(string)
      ami_type       = optional(string, "AL2023_x86_64_STANDARD")
      capacity       = optional(string, "ON_DEMAND")
      min            = optional(number, 1)
      max            = optional(number, 3)
      desired        = optional(number, 2)
      disk_gib       = optional(number, 50)
      labels         = optional(map(string), {})
      taints         = optional(list(object({ key = string, value = optional(string), effect = string })), [])
    }))
    access = optional(map(object({
      principal_arn = string
      policy        = string
      namespaces    = optional(list(string), [])
    })), {})
  })
}

variable "database" {
  description = "The database; the module `rds` says what each is. `connections` are those that the instance class takes, which alarms are by."
  type = object({
    engine_version  = optional(string, "17")
    instance_class  = optional(string, "db.t4g.medium")
    initial_gib     = optional(number, 20)
    maximum_gib     = optional(number, 100)
    multi_az        = optional(bool, true)
    replicas        = optional(number, 0)
    backup_days     = optional(number, 7)
    insights_days   = optional(number, 7)
    connections     = optional(number, 400)
    slow_statements = optional(number, 500)
  })
  default = {}

  validation {
    condition     = var.environment != "prod" || (var.database.multi_az && var.database.backup_days >= 14)
    error_message = "prod's database has a standby in another zone, and backups of two weeks or more."
  }
}

variable "cache" {
  description = "The cache; the module `redis` says what each is."
  type = object({
    engine_version = optional(string, "7.1")
    node_type      = optional(string, "cache.t4g.small")
    nodes          = optional(number, 2)
    snapshot_days  = optional(number, 1)
  })
  default = {}
}

variable "edge" {
  description = "What the internet meets; the module `edge` says what each is."
  type = object({
    backend_ports         = optional(map(number), { http = 8080 })
    api_paths             = optional(list(string), ["/api/*", "/docs*", "/openapi*"])
    requests_per_address  = optional(number, 2000)
    price_class           = optional(string, "PriceClass_100")
    origin_prefix_list_id = optional(string)
  })
  default = {}
}

variable "repositories" {
  description = "Short names of the image repositories."
  type        = set(string)
  default     = ["backend", "frontend"]
}

variable "delivery" {
  description = "GitHub repository whose workflows deliver here, the bucket of Terraform's state, and the account's provider for GitHub if there is one; none makes no roles."
  type = object({
    repository        = string
    state_bucket      = string
    branch            = optional(string, "main")
    namespace         = optional(string, "pocctl")
    oidc_provider_arn = optional(string)
  })
  default = null
}

variable "guard" {
  description = "Watching; the module `guard` says what each is. `trail` and `guardduty` are off where the account has them from elsewhere."
  type = object({
    trail          = optional(bool, true)
    guardduty      = optional(bool, true)
    alert_emails   = optional(list(string), [])
    monthly_budget = number
    cost_tags      = optional(map(string), {})
    night = optional(object({
      down     = optional(string, "cron(0 20 ? * MON-FRI *)")
      up       = optional(string, "cron(0 7 ? * MON-FRI *)")
      timezone = optional(string, "UTC")
    }))
  })

  validation {
    condition     = var.environment != "prod" || var.guard.night == null
    error_message = "prod has users at night."
  }
}
