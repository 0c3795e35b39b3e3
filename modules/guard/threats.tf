# GuardDuty looks at the trail, flow logs and names that are asked for by itself; the
# features add the cluster, the buckets, the database and volumes.

locals {
  features = toset(["EBS_MALWARE_PROTECTION", "EKS_AUDIT_LOGS", "RDS_LOGIN_EVENTS", "S3_DATA_EVENTS"])
}

resource "aws_guardduty_detector" "this" {
  #checkov:skip=CKV2_AWS_3:Of one account; an organization switches it on by itself
  count = var.guardduty ? 1 : 0

  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"
}

resource "aws_guardduty_detector_feature" "this" {
  for_each = var.guardduty ? local.features : toset([])

  detector_id = aws_guardduty_detector.this[0].id
  name        = each.key
  status      = "ENABLED"
}

resource "aws_guardduty_detector_feature" "runtime" {
  count = var.guardduty ? 1 : 0

  detector_id = aws_guardduty_detector.this[0].id
  name        = "RUNTIME_MONITORING"
  status      = "ENABLED"

  # GuardDuty puts its agent into clusters, as an add-on. It answers with all three of
  # these, so that naming fewer would be drift for ever.
  dynamic "additional_configuration" {
    for_each = [
      { name = "EKS_ADDON_MANAGEMENT", status = "ENABLED" },
      { name = "ECS_FARGATE_AGENT_MANAGEMENT", status = "DISABLED" },
      { name = "EC2_AGENT_MANAGEMENT", status = "DISABLED" },
    ]

    content {
      name   = additional_configuration.value.name
      status = additional_configuration.value.status
    }
  }
}

resource "aws_cloudwatch_event_rule" "findings" {
  count = var.guardduty ? 1 : 0

  name        = "${var.name}-findings"
  description = "Findings of GuardDuty of medium severity and above"
  event_pattern = jsonencode({
    source      = ["aws.guardduty"]
    detail-type = ["GuardDuty Finding"]
    detail      = { severity = [{ numeric = [">=", 4] }] }
  })
}

resource "aws_cloudwatch_event_target" "findings" {
  count = var.guardduty ? 1 : 0

  rule = aws_cloudwatch_event_rule.findings[0].name
  arn  = aws_sns_topic.alerts.arn
}
