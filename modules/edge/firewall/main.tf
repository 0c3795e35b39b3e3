# A firewall for web requests: AWS' lists and rules first, then a limit for each
# address. What it blocks is logged, without the headers that log people in.

data "aws_region" "this" {}
data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  region = data.aws_region.this.id
  title  = "${var.name}-${lower(var.scope)}"

  # In the order in which they are asked: lists of addresses cost least.
  managed_rules = [
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesSQLiRuleSet",
  ]

  # The name has to begin so.
  log_group = "aws-waf-logs-${local.title}"
}

resource "aws_wafv2_web_acl" "this" {
  name        = local.title
  description = "Managed rules and a limit for each address, in front of ${var.name}"
  scope       = var.scope

  default_action {
    allow {}
  }

  rule {
    name     = "limit"
    priority = 0

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        limit              = var.requests_per_address
        aggregate_key_type = var.forwarded ? "FORWARDED_IP" : "IP"

        dynamic "forwarded_ip_config" {
          for_each = var.forwarded ? [1] : []

          content {
            header_name       = "X-Forwarded-For"
            fallback_behavior = "MATCH"
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "limit"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = local.managed_rules

    content {
      name     = rule.value
      priority = rule.key + 1

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.value
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.value
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = local.title
    sampled_requests_enabled   = true
  }
}

module "key" {
  source = "../../key"

  name        = "${var.name}/firewall-${lower(var.scope)}"
  description = "Logs of the firewall in front of ${var.name}"
  services = {
    "logs.${local.region}.amazonaws.com" = {
      context = ["arn:${data.aws_partition.this.partition}:logs:${local.region}:${data.aws_caller_identity.this.account_id}:log-group:${local.log_group}"]
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group
  retention_in_days = var.log_days
  kms_key_id        = module.key.arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.this.arn]

  dynamic "redacted_fields" {
    for_each = toset(["authorization", "cookie"])

    content {
      single_header {
        name = redacted_fields.key
      }
    }
  }

  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }
}
