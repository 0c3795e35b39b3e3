mock_provider "aws" {
  source = "../testing/aws"
}

variables {
  name           = "pocctl-test"
  monthly_budget = 900
  alert_emails   = ["oncall@example.com"]
  trail          = { enabled = true, name = "pocctl-test-trail", bucket = "pocctl-test-logs", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
}

run "the_trail_has_everything_and_cannot_be_changed_unseen" {
  command = plan

  assert {
    condition     = aws_cloudtrail.this[0].is_multi_region_trail && aws_cloudtrail.this[0].include_global_service_events && aws_cloudtrail.this[0].enable_log_file_validation
    error_message = "Calls elsewhere are not seen, or files can be changed unseen."
  }

  assert {
    condition     = aws_cloudtrail.this[0].kms_key_id == var.trail.kms_key_arn
    error_message = "The trail is not encrypted with the key."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.incident) == 6 && contains(keys(aws_cloudwatch_metric_alarm.incident), "root-used")
    error_message = "Nobody is told of what should never happen."
  }
}

run "guardduty_watches_everything" {
  command = plan

  assert {
    condition     = aws_guardduty_detector.this[0].enable && length(aws_guardduty_detector_feature.this) == 4 && aws_guardduty_detector_feature.runtime[0].status == "ENABLED"
    error_message = "A feature of GuardDuty is off."
  }
}

run "spending_is_told_of_in_time" {
  assert {
    condition     = aws_budgets_budget.this.limit_amount == "900.00" && length(aws_budgets_budget.this.notification) == 3
    error_message = "The budget is another, or told of less."
  }

  assert {
    condition     = anytrue([for notification in aws_budgets_budget.this.notification : notification.notification_type == "FORECASTED"])
    error_message = "Nobody is told before the money is spent."
  }
}

run "an_account_that_has_them_already" {
  command = plan

  variables {
    guardduty = false
    trail     = { enabled = false, name = "none", bucket = "none", kms_key_arn = "" }
  }

  assert {
    condition     = length(aws_guardduty_detector.this) == 0 && length(aws_cloudtrail.this) == 0 && length(aws_cloudwatch_metric_alarm.incident) == 0
    error_message = "A second detector or trail is made."
  }
}

run "watches_what_it_is_given" {
  command = plan

  variables {
    databases      = { primary = { identifier = "pocctl-test", connections = 400 } }
    caches         = { one = "pocctl-test-001", two = "pocctl-test-002" }
    load_balancers = { main = "app/pocctl-test/0123456789abcdef" }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.database["primary-connections"].threshold == 320 && aws_cloudwatch_metric_alarm.database["primary-cpu"].threshold == 70
    error_message = "Alarms are not at 80% of the connections and 70% of the CPU."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.cache) == 6 && length(aws_cloudwatch_metric_alarm.load_balancer) == 1
    error_message = "Something is not watched."
  }
}

run "no_night_unless_asked_for" {
  command = plan

  assert {
    condition     = length(aws_scheduler_schedule.night) == 0 && length(aws_iam_role.night) == 0
    error_message = "Something is switched off at night."
  }
}

run "the_night_takes_nodes_and_brings_them_back" {
  variables {
    night           = { timezone = "Europe/Berlin" }
    night_cluster   = { name = "pocctl-test", node_groups = { system = { min = 2, max = 4, desired = 3 } } }
    night_databases = { primary = "pocctl-test" }
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.night["system-down"].target[0].input).ScalingConfig == { MinSize = 0, DesiredSize = 0, MaxSize = 4 }
    error_message = "Nodes stay at night."
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.night["system-up"].target[0].input).ScalingConfig == { MinSize = 2, DesiredSize = 3, MaxSize = 4 }
    error_message = "Nodes come back in another number."
  }

  assert {
    condition     = aws_scheduler_schedule.night["database-primary-down"].target[0].arn == "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance" && aws_scheduler_schedule.night["database-primary-up"].target[0].arn == "arn:aws:scheduler:::aws-sdk:rds:startDBInstance"
    error_message = "The database does not stop, or does not start again."
  }

  assert {
    condition     = alltrue([for schedule in aws_scheduler_schedule.night : schedule.schedule_expression_timezone == "Europe/Berlin"])
    error_message = "The night is another zone's."
  }

  assert {
    condition     = alltrue(flatten([for statement in data.aws_iam_policy_document.night.statement : [for resource in statement.resources : resource != "*"] if !contains(statement.actions, "kms:Decrypt")]))
    error_message = "The schedule may stop what is not its own."
  }
}

run "refuses_no_budget" {
  command = plan

  variables {
    monthly_budget = 0
  }

  expect_failures = [var.monthly_budget]
}

run "refuses_what_is_no_address" {
  command = plan

  variables {
    alert_emails = ["oncall"]
  }

  expect_failures = [var.alert_emails]
}

run "refuses_what_is_no_time" {
  command = plan

  variables {
    night = { down = "20:00" }
  }

  expect_failures = [var.night]
}
