# Where alarms, findings and spending are told of.

data "aws_region" "this" {}
data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  region    = data.aws_region.this.id
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition

  trail_arn = "arn:${local.partition}:cloudtrail:${local.region}:${local.account}:trail/${var.trail.name}"
  log_group = "/pocctl/${var.name}/trail"
  log_arn   = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group}"
}

module "key" {
  source = "../key"

  name        = "${var.name}/guard"
  description = "Alerts and the searchable audit trail of ${var.name}"
  services = {
    "budgets.amazonaws.com"              = {}
    "cloudwatch.amazonaws.com"           = {}
    "events.amazonaws.com"               = { unconditional = true }
    "logs.${local.region}.amazonaws.com" = { context = [local.log_arn] }
  }
}

resource "aws_sns_topic" "alerts" {
  name              = "${var.name}-alerts"
  kms_master_key_id = module.key.arn
}

data "aws_iam_policy_document" "alerts" {
  statement {
    sid       = "Services"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts.arn]

    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  statement {
    sid       = "Findings"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name}-findings"]
    }
  }
}

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = data.aws_iam_policy_document.alerts.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.alert_emails)

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_budgets_budget" "this" {
  name         = var.name
  budget_type  = "COST"
  limit_amount = format("%.2f", var.monthly_budget)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "cost_filter" {
    for_each = length(var.cost_tags) == 0 ? [] : [1]

    content {
      name   = "TagKeyValue"
      values = [for key, value in var.cost_tags : format("user:%s$%s", key, value)]
    }
  }

  dynamic "notification" {
    for_each = {
      spent_80     = { type = "ACTUAL", percent = 80 }
      spent_100    = { type = "ACTUAL", percent = 100 }
      forecast_100 = { type = "FORECASTED", percent = 100 }
    }

    content {
      notification_type         = notification.value.type
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value.percent
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [aws_sns_topic.alerts.arn]
    }
  }

  # AWS tries the topic when the budget is made.
  depends_on = [aws_sns_topic_policy.alerts]
}
