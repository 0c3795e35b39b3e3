data "aws_iam_policy_document" "build" {
  #checkov:skip=CKV_AWS_356:A login to the registry has no resource
  statement {
    sid       = "Login"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid = "Push"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImageScanFindings",
      "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = values(var.registry.arns)
  }
}

data "aws_iam_policy_document" "state_read" {
  statement {
    sid       = "StateRead"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = [var.state_bucket_arn, "${var.state_bucket_arn}/*"]
  }

  # A plan takes the lock too.
  statement {
    sid       = "Lock"
    actions   = ["s3:DeleteObject", "s3:PutObject"]
    resources = ["${var.state_bucket_arn}/*.tflock"]
  }
}

data "aws_iam_policy_document" "deploy" {
  # What it may do inside is its access entry's to say.
  statement {
    sid       = "Cluster"
    actions   = ["eks:DescribeCluster"]
    resources = [var.cluster_arn]
  }

  statement {
    sid       = "FrontendList"
    actions   = ["s3:ListBucket"]
    resources = [var.frontend.bucket_arn]
  }

  statement {
    sid       = "FrontendFiles"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.frontend.bucket_arn}/*"]
  }

  statement {
    sid       = "FrontendKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.frontend.kms_key_arn]
  }

  statement {
    sid       = "Invalidate"
    actions   = ["cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"]
    resources = ["arn:${local.partition}:cloudfront::${local.account}:distribution/${var.frontend.distribution_id}"]
  }
}

# Roles of this environment alone, by their names. Whoever can make roles can give
# them anything, which is why this role needs the environment's approval.
data "aws_iam_policy_document" "provision" {
  statement {
    sid = "Roles"
    actions = [
      "iam:AttachRolePolicy",
      "iam:CreateRole",
      "iam:DeleteRole",
      "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:ListRolePolicies",
      "iam:PutRolePolicy",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
    ]
    resources = ["arn:${local.partition}:iam::${local.account}:role/${var.name}-*"]
  }

  # Not its own way in, or an approval once would be one for ever.
  statement {
    sid    = "NotItself"
    effect = "Deny"
    actions = [
      "iam:AttachRolePolicy",
      "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy",
      "iam:PutRolePolicy",
      "iam:UpdateAssumeRolePolicy",
    ]
    resources = ["arn:${local.partition}:iam::${local.account}:role/${var.name}-ci-*"]
  }

  statement {
    sid       = "Pass"
    actions   = ["iam:PassRole"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/${var.name}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values = [
        "cloudtrail.amazonaws.com",
        "ec2.amazonaws.com",
        "eks.amazonaws.com",
        "monitoring.rds.amazonaws.com",
        "pods.eks.amazonaws.com",
        "scheduler.amazonaws.com",
        "vpc-flow-logs.amazonaws.com",
      ]
    }
  }

  statement {
    sid = "Providers"
    actions = [
      "iam:CreateOpenIDConnectProvider",
      "iam:DeleteOpenIDConnectProvider",
      "iam:GetOpenIDConnectProvider",
      "iam:TagOpenIDConnectProvider",
    ]
    resources = ["arn:${local.partition}:iam::${local.account}:oidc-provider/oidc.eks.${local.region}.amazonaws.com/*"]
  }

  # AWS' own roles of the services, made when a service is first used.
  statement {
    sid       = "ServiceRoles"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/aws-service-role/*"]
  }
}
