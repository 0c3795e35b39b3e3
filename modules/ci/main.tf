# Roles for GitHub's workflows, by its tokens, which live for minutes: there is no key
# to steal. Each is for one repository, and for what its work needs.
#
#   build      push images              a push to the branch
#   plan       read everything          a pull request
#   deploy     cluster and frontend     the environment, after approval
#   provision  Terraform's changes      the environment, after approval

data "aws_region" "this" {}
data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  region    = data.aws_region.this.id
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  issuer    = "token.actions.githubusercontent.com"

  provider_arn = var.oidc_provider_arn != null ? var.oidc_provider_arn : aws_iam_openid_connect_provider.this[0].arn

  subjects = {
    build     = "repo:${var.repository}:ref:refs/heads/${var.branch}"
    plan      = "repo:${var.repository}:pull_request"
    deploy    = "repo:${var.repository}:environment:${var.environment}"
    provision = "repo:${var.repository}:environment:${var.environment}"
  }
}

resource "aws_iam_openid_connect_provider" "this" {
  count = var.oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]

  # AWS trusts GitHub by its own store and does not look at it, but earlier providers
  # want one.
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.subjects

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = [each.value]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.subjects

  name                 = "${var.name}-ci-${each.key}"
  description          = "GitHub workflows of ${var.repository}: ${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = each.key == "provision" ? 7200 : 3600
}

resource "aws_iam_role_policy" "this" {
  for_each = {
    build     = data.aws_iam_policy_document.build.json
    plan      = data.aws_iam_policy_document.state_read.json
    deploy    = data.aws_iam_policy_document.deploy.json
    provision = data.aws_iam_policy_document.provision.json
  }

  name   = each.key
  role   = aws_iam_role.this[each.key].id
  policy = each.value
}

# What a plan refreshes is most of what there is to read.
resource "aws_iam_role_policy_attachment" "plan" {
  role       = aws_iam_role.this["plan"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/job-function/ViewOnlyAccess"
}

# Everything but IAM, organizations and the account, which the role's own policy
# allows by name.
resource "aws_iam_role_policy_attachment" "provision" {
  #checkov:skip=CKV2_AWS_56:PowerUserAccess has no rights to IAM
  role       = aws_iam_role.this["provision"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/PowerUserAccess"
}
