# Every connection, accepted or refused: what an investigation starts from.

locals {
  flow_log_group = "/pocctl/${var.name}/flow-logs"
  flow_log_arn   = "arn:${data.aws_partition.this.partition}:logs:${local.region}:${data.aws_caller_identity.this.account_id}:log-group:${local.flow_log_group}"
}

module "key" {
  source = "../key"

  name        = "${var.name}/flow-logs"
  description = "Flow logs of ${var.name}"
  services    = { "logs.${local.region}.amazonaws.com" = { context = [local.flow_log_arn] } }
}

resource "aws_cloudwatch_log_group" "flow" {
  name              = local.flow_log_group
  retention_in_days = var.flow_log_days
  kms_key_id        = module.key.arn
}

data "aws_iam_policy_document" "flow_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

data "aws_iam_policy_document" "flow" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = [local.flow_log_arn, "${local.flow_log_arn}:*"]
  }
}

resource "aws_iam_role" "flow" {
  name               = "${var.name}-flow-logs"
  assume_role_policy = data.aws_iam_policy_document.flow_trust.json
}

resource "aws_iam_role_policy" "flow" {
  name   = "write"
  role   = aws_iam_role.flow.id
  policy = data.aws_iam_policy_document.flow.json
}

resource "aws_flow_log" "this" {
  vpc_id                   = aws_vpc.this.id
  traffic_type             = "ALL"
  log_destination_type     = "cloud-watch-logs"
  log_destination          = aws_cloudwatch_log_group.flow.arn
  iam_role_arn             = aws_iam_role.flow.arn
  max_aggregation_interval = 60

  tags = { Name = var.name }
}
