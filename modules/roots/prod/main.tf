# The root of an environment. Those of all environments are the same but for
# values.auto.tfvars; scripts/modules holds them to it.

terraform {
  # Below 1.10 the state's lock wants a DynamoDB table.
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }

  # Bucket, key and region are given at init.
  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}

variable "tags" {
  description = "Tags for everything, beside `pocctl:project`, `pocctl:environment` and `pocctl:managed-by`."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(key, "pocctl:") && !startswith(key, "aws:")])
    error_message = "Tags that begin with pocctl: or aws: are taken."
  }
}

locals {
  tags = merge(var.tags, {
    "pocctl:project"     = var.project
    "pocctl:environment" = var.environment
    "pocctl:managed-by"  = "terraform"
  })
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = local.tags
  }
}

# CloudFront takes certificates and firewalls from there alone.
provider "aws" {
  alias               = "us_east_1"
  region              = "us-east-1"
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = local.tags
  }
}

module "stack" {
  source    = "../../stack"
  providers = { aws = aws, aws.us_east_1 = aws.us_east_1 }

  project      = var.project
  environment  = var.environment
  account_id   = var.account_id
  region       = var.region
  domain       = var.domain
  zone_id      = var.zone_id
  protected    = var.protected
  log_days     = var.log_days
  network      = var.network
  cluster      = var.cluster
  database     = var.database
  cache        = var.cache
  edge         = var.edge
  repositories = var.repositories
  delivery     = var.delivery
  guard        = var.guard
}
