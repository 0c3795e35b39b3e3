variable "name" {
  description = "Prefix of every name, for instance `pocctl-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit."
  }
}

variable "repository" {
  description = "GitHub repository whose workflows may take the roles, as `owner/name`."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$", var.repository))
    error_message = "A repository is owner/name, without wildcards: a role is for one repository."
  }
}

variable "environment" {
  description = "GitHub environment whose approval `deploy` and `provision` need."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,62}$", var.environment))
    error_message = "An environment's name has lower-case letters, digits and hyphens, and no wildcards."
  }
}

variable "branch" {
  description = "Branch whose workflows may push images."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch))
    error_message = "A branch without wildcards."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the account's provider for GitHub, of which there can be one; none makes it."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "The ARN of an OIDC provider for token.actions.githubusercontent.com."
  }
}

variable "cluster_arn" {
  description = "ARN of the cluster to deploy to."
  type        = string
}

variable "registry" {
  description = "Repositories to push to: their ARNs by a name for each, and their key's ARN."
  type        = object({ arns = map(string), kms_key_arn = string })
}

variable "frontend" {
  description = "Where the frontend goes: its bucket's ARN and key's ARN, and the distribution's ID."
  type        = object({ bucket_arn = string, kms_key_arn = string, distribution_id = string })
}

variable "state_bucket_arn" {
  description = "ARN of the bucket of Terraform's state."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket_arn))
    error_message = "The ARN of a bucket, for instance arn:aws:s3:::pocctl-state-123456789012."
  }
}
