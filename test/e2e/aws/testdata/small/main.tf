# A root module with little in it, for what goes wrong on the way: each plan takes a
# second. What staging really is, TestStaging makes.

terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }

  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}

variable "environment" {
  type = string
}

variable "account_id" {
  type = string
}

variable "region" {
  type = string
}

variable "domain" {
  type = string
}

variable "protected" {
  type = bool
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      "pocctl:environment" = var.environment
      "pocctl:managed-by"  = "terraform"
    }
  }
}

resource "aws_vpc" "this" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true
}

resource "aws_eip" "nat" {
  count  = 2
  domain = "vpc"
}

resource "aws_subnet" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_nat_gateway" "this" {
  allocation_id = aws_eip.nat[0].id
  subnet_id     = aws_subnet.this.id
}

resource "aws_elasticache_subnet_group" "this" {
  name       = "pocctl-${var.environment}"
  subnet_ids = [aws_subnet.this.id]
}

resource "aws_sqs_queue" "late" {
  name       = "pocctl-${var.environment}"
  depends_on = [aws_nat_gateway.this]
}

resource "aws_route53_zone" "this" {
  name = var.domain
}

output "url" {
  value = "https://${var.domain}"
}

output "cluster_name" {
  value = "pocctl-${var.environment}"
}
