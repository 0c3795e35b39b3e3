mock_provider "aws" {
  source = "../testing/aws"
}

variables {
  name        = "pocctl-test/logs"
  description = "Logs"
}

run "rotates_and_waits_before_it_goes" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "A key rotates, and its deletion can be taken back for a month."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.this.statement) == 1
    error_message = "Nobody but the account has the key unless a service is named."
  }
}

run "services_have_it_for_this_account_alone" {
  command = plan

  variables {
    services = {
      "cloudwatch.amazonaws.com"     = {}
      "cloudtrail.amazonaws.com"     = { sources = ["arn:aws:cloudtrail:eu-west-1:123456789012:trail/x"] }
      "logs.eu-west-1.amazonaws.com" = { context = ["arn:aws:logs:eu-west-1:123456789012:log-group:x"] }
    }
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.this.statement :
      length(statement.condition) > 0 if contains([for principal in statement.principals : principal.type], "Service")
    ])
    error_message = "A service has the key without a condition, and so for anybody's account."
  }

  assert {
    condition     = length(distinct([for statement in data.aws_iam_policy_document.this.statement : statement.sid])) == 4
    error_message = "Statements have to differ by name."
  }
}

run "refuses_a_name_of_aws" {
  command = plan

  variables {
    name = "aws/s3"
  }

  expect_failures = [var.name]
}

run "refuses_a_service_that_is_none" {
  command = plan

  variables {
    services = { "*" = {} }
  }

  expect_failures = [var.services]
}

run "refuses_to_delete_at_once" {
  command = plan

  variables {
    deletion_window_days = 1
  }

  expect_failures = [var.deletion_window_days]
}

run "refuses_a_service_without_a_condition" {
  command = plan

  variables {
    services = { "cloudtrail.amazonaws.com" = { unconditional = true } }
  }

  expect_failures = [var.services]
}
