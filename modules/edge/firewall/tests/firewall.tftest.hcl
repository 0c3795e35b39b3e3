mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name                 = "pocctl-test"
  scope                = "REGIONAL"
  requests_per_address = 2000
  forwarded            = true
  log_days             = 30
}

run "limits_each_address_behind_cloudfront" {
  command = plan

  assert {
    condition = one([
      for rule in aws_wafv2_web_acl.this.rule : rule.statement[0].rate_based_statement[0].aggregate_key_type if rule.name == "limit"
    ]) == "FORWARDED_IP"
    error_message = "Behind CloudFront all requests come from a few addresses, and would share one limit."
  }
}

run "asks_all_managed_rules" {
  command = plan

  assert {
    condition     = length([for rule in aws_wafv2_web_acl.this.rule : rule if length(rule.statement[0].managed_rule_group_statement) == 1]) == 4
    error_message = "A group of managed rules is missing."
  }

  assert {
    condition     = length(distinct([for rule in aws_wafv2_web_acl.this.rule : rule.priority])) == length(aws_wafv2_web_acl.this.rule)
    error_message = "AWS refuses two rules of one priority."
  }
}

run "logs_without_credentials" {
  command = plan

  assert {
    condition     = toset([for field in aws_wafv2_web_acl_logging_configuration.this.redacted_fields : field.single_header[0].name]) == toset(["authorization", "cookie"])
    error_message = "Logins are in the logs."
  }

  assert {
    condition     = startswith(aws_cloudwatch_log_group.this.name, "aws-waf-logs-")
    error_message = "WAF refuses groups of other names."
  }
}

run "refuses_another_scope" {
  command = plan

  variables {
    scope = "GLOBAL"
  }

  expect_failures = [var.scope]
}

run "refuses_a_limit_below_that_of_aws" {
  command = plan

  variables {
    requests_per_address = 10
  }

  expect_failures = [var.requests_per_address]
}
