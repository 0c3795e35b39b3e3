# Who may write, beside those whom IAM lets: services, each to its own prefix, for
# this account alone. And nobody without TLS.

data "aws_iam_policy_document" "this" {
  for_each = local.bucket_arns

  statement {
    sid       = "TLSOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value, "${each.value}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "logs" && local.trail_arn != null ? [1] : []

    content {
      sid       = "TrailCheck"
      actions   = ["s3:GetBucketAcl"]
      resources = [each.value]

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

  dynamic "statement" {
    for_each = each.key == "logs" && local.trail_arn != null ? [1] : []

    content {
      sid       = "TrailWrite"
      actions   = ["s3:PutObject"]
      resources = ["${each.value}/cloudtrail/AWSLogs/${local.account}/*"]

      principals {
        type        = "Service"
        identifiers = ["cloudtrail.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceArn"
        values   = [local.trail_arn]
      }

      condition {
        test     = "StringEquals"
        variable = "s3:x-amz-acl"
        values   = ["bucket-owner-full-control"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "delivery" ? [1] : []

    content {
      sid       = "LoadBalancerWrite"
      actions   = ["s3:PutObject"]
      resources = ["${each.value}/alb/AWSLogs/${local.account}/*"]

      principals {
        type        = "Service"
        identifiers = ["logdelivery.elasticloadbalancing.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "delivery" ? [1] : []

    content {
      sid       = "StorageWrite"
      actions   = ["s3:PutObject"]
      resources = ["${each.value}/s3/*"]

      principals {
        type        = "Service"
        identifiers = ["logging.s3.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = data.aws_iam_policy_document.this[each.key].json

  # S3 refuses two changes of a bucket's access at once.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
