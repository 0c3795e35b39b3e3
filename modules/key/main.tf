# A customer managed key that rotates every year, usable by the account through
# IAM, and by the services that are named, for this account alone.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

data "aws_iam_policy_document" "this" {
  # Without this nobody could ever change the policy; IAM decides who may.
  #checkov:skip=CKV_AWS_109:A key's policy speaks of the key alone
  #checkov:skip=CKV_AWS_111:A key's policy speaks of the key alone
  #checkov:skip=CKV_AWS_356:A key's policy speaks of the key alone
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }

  dynamic "statement" {
    for_each = var.services

    content {
      sid       = join("", [for word in split(".", trimsuffix(statement.key, ".amazonaws.com")) : title(replace(word, "-", ""))])
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = [statement.key]
      }

      dynamic "condition" {
        for_each = length(statement.value.sources) + length(statement.value.context) == 0 && !statement.value.unconditional ? [1] : []

        content {
          test     = "StringEquals"
          variable = "aws:SourceAccount"
          values   = [data.aws_caller_identity.this.account_id]
        }
      }

      dynamic "condition" {
        for_each = length(statement.value.sources) == 0 ? [] : [1]

        content {
          test     = "ArnLike"
          variable = "aws:SourceArn"
          values   = statement.value.sources
        }
      }

      dynamic "condition" {
        for_each = length(statement.value.context) == 0 ? [] : [1]

        content {
          test     = "ArnLike"
          variable = "kms:EncryptionContext:aws:logs:arn"
          values   = statement.value.context
        }
      }
    }
  }
}

resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
  policy                  = data.aws_iam_policy_document.this.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
