variable "name" {
  description = "Prefix of every name, for instance `pocctl-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit."
  }
}

variable "scope" {
  description = "`CLOUDFRONT`, with a provider of us-east-1, or `REGIONAL`."
  type        = string

  validation {
    condition     = contains(["CLOUDFRONT", "REGIONAL"], var.scope)
    error_message = "The scope is CLOUDFRONT or REGIONAL."
  }
}

variable "requests_per_address" {
  description = "Requests in five minutes from one address, above which it is blocked."
  type        = number

  validation {
    condition     = var.requests_per_address >= 100 && var.requests_per_address <= 2000000000
    error_message = "AWS counts limits from 100 requests in five minutes on."
  }
}

variable "forwarded" {
  description = "Whether the address is the first of X-Forwarded-For, as behind CloudFront, or the connection's."
  type        = bool
}

variable "log_days" {
  description = "Days that blocked and counted requests are kept."
  type        = number
}
