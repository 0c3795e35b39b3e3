variable "name" {
  description = "Prefix of every name, for instance `pocctl-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit."
  }
}

variable "cidr" {
  description = "IPv4 range of the VPC. Three quarters of it are for pods and nodes."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(cidrsubnet(var.cidr, 0, 0) == var.cidr, false)
    error_message = "The range is IPv4 in CIDR notation and starts at its first address, for instance 10.20.0.0/16."
  }

  validation {
    condition     = try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "The range is between /16, which is the most that AWS gives, and /20, below which subnets get too small for EKS."
  }

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\\.)", var.cidr))
    error_message = "The range is private (RFC 1918) or shared (RFC 6598), for instance 10.20.0.0/16."
  }
}

variable "zone_count" {
  description = "Availability zones to spread over."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3], var.zone_count)
    error_message = "Two or three zones: EKS and RDS refuse fewer, and the range is divided for three."
  }
}

variable "zones" {
  description = "Names of the zones to use; none takes the region's first `zone_count`."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.zones) == 0 || length(distinct(var.zones)) == var.zone_count
    error_message = "Name as many different zones as zone_count says, or none."
  }
}

variable "nat" {
  description = "NAT gateways: `single` is cheap and lost with its zone, `zonal` is one in each zone."
  type        = string
  default     = "single"

  validation {
    condition     = contains(["single", "zonal"], var.nat)
    error_message = "NAT is single or zonal."
  }
}

variable "interface_endpoints" {
  description = "Services that are reached inside the VPC, by their short names. Each costs about as much as a fifth of a NAT gateway, in each zone."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "sts", "logs", "secretsmanager"]

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9][a-z0-9.-]*$", service)) && !contains(["s3", "dynamodb"], service)])
    error_message = "Endpoints are short names such as ecr.api; S3 has a free gateway endpoint and needs none."
  }
}

variable "flow_log_days" {
  description = "Days that flow logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_log_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days, or one of its longer periods."
  }
}
