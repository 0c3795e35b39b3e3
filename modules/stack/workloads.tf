# What the platform's pods may do in AWS. By names and tags instead of what other
# modules put out, wherever that is as narrow: the roles must not wait for a database.

locals {
  workloads = {
    external-secrets = {
      namespace       = "external-secrets"
      service_account = "external-secrets"
      policy          = data.aws_iam_policy_document.external_secrets.json
    }
    cluster-autoscaler = {
      namespace       = "kube-system"
      service_account = "cluster-autoscaler"
      policy          = data.aws_iam_policy_document.autoscaler.json
    }
    argo-rollouts = {
      namespace       = "argo-rollouts"
      service_account = "argo-rollouts"
      policy          = data.aws_iam_policy_document.rollouts.json
    }
    loki = {
      namespace       = "monitoring"
      service_account = "loki"
      policy          = data.aws_iam_policy_document.telemetry["loki"].json
    }
    tempo = {
      namespace       = "monitoring"
      service_account = "tempo"
      policy          = data.aws_iam_policy_document.telemetry["tempo"].json
    }
  }
}

data "aws_iam_policy_document" "external_secrets" {
  statement {
    sid       = "OwnSecrets"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = ["arn:${local.partition}:secretsmanager:${var.region}:${local.account}:secret:${local.name}/*"]
  }

  # RDS names the secret of the master password, and tags it with its database.
  statement {
    sid       = "DatabaseSecret"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = ["arn:${local.partition}:secretsmanager:${var.region}:${local.account}:secret:rds!db-*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/aws:rds:primaryDBInstanceArn"
      values   = ["arn:${local.partition}:rds:${var.region}:${local.account}:db:${local.name}"]
    }
  }

  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt"]
    resources = [module.rds.kms_key_arn, module.redis.kms_key_arn]
  }
}

data "aws_iam_policy_document" "autoscaler" {
  #checkov:skip=CKV_AWS_356:What describes has no resources
  statement {
    sid = "Look"
    actions = [
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLaunchConfigurations",
      "autoscaling:DescribeScalingActivities",
      "autoscaling:DescribeTags",
      "ec2:DescribeImages",
      "ec2:DescribeInstanceTypes",
      "ec2:DescribeLaunchTemplateVersions",
      "ec2:GetInstanceTypesFromInstanceRequirements",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "NodeGroups"
    actions   = ["eks:DescribeNodegroup"]
    resources = ["arn:${local.partition}:eks:${var.region}:${local.account}:nodegroup/${local.name}/*"]
  }

  statement {
    sid       = "Scale"
    actions   = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    resources = ["arn:${local.partition}:autoscaling:${var.region}:${local.account}:autoScalingGroup:*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/eks:cluster-name"
      values   = [local.name]
    }
  }
}

# Argo Rollouts looks whether the load balancer has the weights that it asked for.
data "aws_iam_policy_document" "rollouts" {
  #checkov:skip=CKV_AWS_356:What describes has no resources
  statement {
    sid = "Look"
    actions = [
      "elasticloadbalancing:DescribeListeners",
      "elasticloadbalancing:DescribeLoadBalancers",
      "elasticloadbalancing:DescribeRules",
      "elasticloadbalancing:DescribeTags",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"]
  }
}

# Logs and traces lie in the bucket of logs, each in its own folder.
data "aws_iam_policy_document" "telemetry" {
  for_each = toset(["loki", "tempo"])

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [module.storage.bucket_arns["logs"]]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${each.key}/*"]
    }
  }

  statement {
    sid       = "Objects"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${module.storage.bucket_arns["logs"]}/${each.key}/*"]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.storage.kms_key_arn]
  }
}
