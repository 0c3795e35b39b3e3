# Who did what: every call of the account, in every region, kept unchangeable in the
# bucket and searchable in CloudWatch, with alarms on what should never happen.

resource "aws_cloudwatch_log_group" "trail" {
  count = var.trail.enabled ? 1 : 0

  name              = local.log_group
  retention_in_days = var.log_days
  kms_key_id        = module.key.arn
}

data "aws_iam_policy_document" "trail_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
  }
}

data "aws_iam_policy_document" "trail" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.log_arn}:log-stream:*"]
  }
}

resource "aws_iam_role" "trail" {
  count = var.trail.enabled ? 1 : 0

  name               = "${var.name}-trail"
  assume_role_policy = data.aws_iam_policy_document.trail_trust.json
}

resource "aws_iam_role_policy" "trail" {
  count = var.trail.enabled ? 1 : 0

  name   = "write"
  role   = aws_iam_role.trail[0].id
  policy = data.aws_iam_policy_document.trail.json
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:Alarms tell of what matters; a notice for each file tells nothing
  count = var.trail.enabled ? 1 : 0

  name                          = var.trail.name
  s3_bucket_name                = var.trail.bucket
  s3_key_prefix                 = "cloudtrail"
  kms_key_id                    = var.trail.kms_key_arn
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[0].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[0].arn

  # CloudTrail tries the role when the trail is made.
  depends_on = [aws_iam_role_policy.trail]
}

locals {
  # Patterns of CloudWatch Logs over CloudTrail's events.
  incidents = {
    root-used          = "{ $.userIdentity.type = \"Root\" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != \"AwsServiceEvent\" }"
    login-without-mfa  = "{ $.eventName = \"ConsoleLogin\" && $.additionalEventData.MFAUsed != \"Yes\" && $.userIdentity.type = \"IAMUser\" }"
    calls-refused      = "{ $.errorCode = \"*UnauthorizedOperation\" || $.errorCode = \"AccessDenied*\" }"
    trail-changed      = "{ $.eventName = \"StopLogging\" || $.eventName = \"DeleteTrail\" || $.eventName = \"UpdateTrail\" }"
    key-to-be-deleted  = "{ $.eventSource = \"kms.amazonaws.com\" && ($.eventName = \"DisableKey\" || $.eventName = \"ScheduleKeyDeletion\") }"
    access-key-created = "{ $.eventName = \"CreateAccessKey\" }"
  }

  # Refusals happen; many in a short time are somebody trying doors.
  incident_thresholds = { calls-refused = 20 }
}

resource "aws_cloudwatch_log_metric_filter" "incident" {
  for_each = var.trail.enabled ? local.incidents : {}

  name           = "${var.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.trail[0].name
  pattern        = each.value

  metric_transformation {
    namespace     = "pocctl/${var.name}"
    name          = each.key
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "incident" {
  for_each = var.trail.enabled ? local.incidents : {}

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "Audit trail: ${replace(each.key, "-", " ")}"
  namespace           = "pocctl/${var.name}"
  metric_name         = aws_cloudwatch_log_metric_filter.incident[each.key].metric_transformation[0].name
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = lookup(local.incident_thresholds, each.key, 1)
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}
