variable "name" {
  description = "Prefix of every name, for instance `pocctl-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit."
  }
}

variable "domain" {
  description = "Domain that people use, for instance `staging.example.com`. `origin.` before it is the load balancer."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain)) && length(var.domain) <= 57
    error_message = "A domain in lower case without a dot at its end, 57 characters at most, which is what certificates take with origin. before it."
  }
}

variable "zone_id" {
  description = "ID of the Route53 zone that holds the domain; none makes one, whose name servers have to be entered at the parent before certificates are issued."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || can(regex("^Z[A-Z0-9]{5,31}$", var.zone_id))
    error_message = "A zone's ID begins with Z, for instance Z0123456789ABC."
  }
}

variable "vpc_id" {
  description = "ID of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets for the load balancer, in two zones or more."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A load balancer wants subnets in at least two zones."
  }
}

# Four variables, not one: what needs the name alone must not wait for the cluster.

variable "cluster_name" {
  description = "Name of the cluster whose load balancer controller takes the load balancer over."
  type        = string
}

variable "created_cluster_name" {
  description = "The same name, known when the cluster is there: what is made in the cluster waits for it."
  type        = string
}

variable "cluster_security_group_id" {
  description = "Security group of the cluster's pods."
  type        = string
}

variable "pod_trust_policy" {
  description = "JSON of the trust policy for roles of the cluster's pods."
  type        = string
}

variable "backend_ports" {
  description = "Ports of pods that the load balancer may reach, by what they are."
  type        = map(number)
  default     = { http = 8080 }

  validation {
    condition     = alltrue([for port in var.backend_ports : port >= 1 && port <= 65535])
    error_message = "Ports are between 1 and 65535."
  }
}

variable "api_paths" {
  description = "Paths that go to the load balancer; all others are the frontend's files."
  type        = list(string)
  default     = ["/api/*", "/docs*", "/openapi*"]

  validation {
    condition     = length(var.api_paths) > 0 && alltrue([for path in var.api_paths : startswith(path, "/")])
    error_message = "At least one path; each begins with a slash."
  }
}

variable "origin_prefix_list_id" {
  description = "ID of the prefix list of CloudFront's own addresses; none looks AWS' up."
  type        = string
  default     = null
}

variable "logs" {
  description = "Bucket that load balancer and CloudFront deliver their logs to: its name and its domain."
  type        = object({ bucket = string, domain = string })
}

variable "requests_per_address" {
  description = "Requests in five minutes from one address, above which it is blocked."
  type        = number
  default     = 2000

  validation {
    condition     = var.requests_per_address >= 100 && var.requests_per_address <= 2000000000
    error_message = "AWS counts limits from 100 requests in five minutes on."
  }
}

variable "price_class" {
  description = "CloudFront's places: `PriceClass_100` in North America and Europe, `PriceClass_200` with Asia and Africa, `PriceClass_All`."
  type        = string
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "The price class is PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Whether the frontend's bucket is deleted with its files."
  type        = bool
  default     = false
}

variable "log_days" {
  description = "Days that the firewalls' logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days, or one of its longer periods."
  }
}
