# The frontend's files, which only this account's CloudFront may read.

locals {
  frontend_bucket = "${var.name}-frontend-${local.account}"
  frontend_arn    = "arn:${local.partition}:s3:::${local.frontend_bucket}"
}

module "key" {
  source = "../key"

  name        = "${var.name}/frontend"
  description = "Files of the frontend of ${var.name}"

  # Of any distribution of the account: this one needs the bucket, which needs the key.
  services = {
    "cloudfront.amazonaws.com" = { sources = ["arn:${local.partition}:cloudfront::${local.account}:distribution/*"] }
  }
}

resource "aws_s3_bucket" "frontend" {
  #checkov:skip=CKV_AWS_144:It is built from the repository
  #checkov:skip=CKV2_AWS_62:Nothing waits for objects
  #checkov:skip=CKV_AWS_18:CloudFront logs every request, and nobody else reads
  bucket        = local.frontend_bucket
  force_destroy = var.force_destroy

  tags = { Name = local.frontend_bucket }
}

resource "aws_s3_bucket_public_access_block" "frontend" {
  bucket                  = aws_s3_bucket.frontend.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "frontend" {
  bucket = aws_s3_bucket.frontend.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "frontend" {
  bucket = aws_s3_bucket.frontend.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "frontend" {
  bucket = aws_s3_bucket.frontend.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = module.key.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "frontend" {
  bucket = aws_s3_bucket.frontend.id

  rule {
    id     = "earlier-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.frontend]
}

data "aws_iam_policy_document" "frontend" {
  statement {
    sid       = "TLSOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.frontend_arn, "${local.frontend_arn}/*"]

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

  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = ["${local.frontend_arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudfront_distribution.this.arn]
    }
  }
}

resource "aws_s3_bucket_policy" "frontend" {
  bucket = aws_s3_bucket.frontend.id
  policy = data.aws_iam_policy_document.frontend.json

  # S3 refuses two changes of a bucket's access at once.
  depends_on = [aws_s3_bucket_public_access_block.frontend]
}
