# At night nodes and databases of an environment without users cost nothing. The cache
# cannot be stopped; load balancer and NAT stay, so that everything has its address.

locals {
  node_groups = var.night == null ? {} : var.night_cluster.node_groups
  databases   = var.night == null ? {} : var.night_databases

  # EventBridge calls the AWS API itself, with these requests.
  night_calls = merge(
    { for name, size in local.node_groups : "${name}-down" => {
      when   = "down"
      action = "eks:updateNodegroupConfig"
      # EKS wants room for one node at least.
      input = { ClusterName = var.night_cluster.name, NodegroupName = name, ScalingConfig = { MinSize = 0, DesiredSize = 0, MaxSize = size.max } }
    } },
    { for name, size in local.node_groups : "${name}-up" => {
      when   = "up"
      action = "eks:updateNodegroupConfig"
      input  = { ClusterName = var.night_cluster.name, NodegroupName = name, ScalingConfig = { MinSize = size.min, DesiredSize = size.desired, MaxSize = size.max } }
    } },
    { for name, identifier in local.databases : "database-${name}-down" => {
      when = "down", action = "rds:stopDBInstance", input = { DbInstanceIdentifier = identifier }
    } },
    { for name, identifier in local.databases : "database-${name}-up" => {
      when = "up", action = "rds:startDBInstance", input = { DbInstanceIdentifier = identifier }
    } },
  )
}

data "aws_iam_policy_document" "night_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "night" {
  statement {
    actions   = ["eks:UpdateNodegroupConfig"]
    resources = ["arn:${local.partition}:eks:${local.region}:${local.account}:nodegroup/${var.night_cluster.name}/*"]
  }

  # The requests are encrypted until they are due.
  statement {
    actions   = ["kms:Decrypt"]
    resources = [module.key.arn]
  }

  dynamic "statement" {
    for_each = length(local.databases) == 0 ? [] : [1]

    content {
      actions   = ["rds:StartDBInstance", "rds:StopDBInstance"]
      resources = [for identifier in values(local.databases) : "arn:${local.partition}:rds:${local.region}:${local.account}:db:${identifier}"]
    }
  }
}

resource "aws_iam_role" "night" {
  count = var.night == null ? 0 : 1

  name               = "${var.name}-night"
  assume_role_policy = data.aws_iam_policy_document.night_trust.json
}

resource "aws_iam_role_policy" "night" {
  count = var.night == null ? 0 : 1

  name   = "night"
  role   = aws_iam_role.night[0].id
  policy = data.aws_iam_policy_document.night.json
}

resource "aws_scheduler_schedule" "night" {
  for_each = local.night_calls

  name                         = "${var.name}-${each.key}"
  description                  = "${each.value.action} when the night ${each.value.when == "down" ? "begins" : "ends"}"
  schedule_expression          = each.value.when == "down" ? var.night.down : var.night.up
  schedule_expression_timezone = var.night.timezone
  kms_key_arn                  = module.key.arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:${each.value.action}"
    role_arn = aws_iam_role.night[0].arn
    input    = jsonencode(each.value.input)
  }
}
