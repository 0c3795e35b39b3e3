# Three buckets. Artifacts and logs are encrypted with a key of their own. What load
# balancers, CloudFront and S3 itself deliver goes to a third, since their delivery
# knows no such keys (load balancers) or wants bucket ACLs (CloudFront).

data "aws_region" "this" {}
data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  region    = data.aws_region.this.id
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition

  # The account makes the names unique in the world.
  buckets = {
    for bucket in ["artifacts", "logs", "delivery"] : bucket => "${var.name}-${bucket}-${local.account}"
  }
  bucket_arns = { for bucket, name in local.buckets : bucket => "arn:${local.partition}:s3:::${name}" }

  trail_arn = var.trail_name == null ? null : "arn:${local.partition}:cloudtrail:${local.region}:${local.account}:trail/${var.trail_name}"
}

module "key" {
  source = "../key"

  name        = "${var.name}/storage"
  description = "Artifacts and logs of ${var.name}"
  services    = local.trail_arn == null ? {} : { "cloudtrail.amazonaws.com" = { sources = [local.trail_arn] } }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:One region; another one's copy is the disaster plan's to decide
  #checkov:skip=CKV2_AWS_62:Nothing waits for objects
  #checkov:skip=CKV_AWS_145:The bucket of deliveries cannot have a key of its own, the others do
  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy

  tags = { Name = each.value }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    # CloudFront delivers by ACL.
    object_ownership = each.key == "delivery" ? "BucketOwnerPreferred" : "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    bucket_key_enabled = each.key != "delivery"

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == "delivery" ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == "delivery" ? null : module.key.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    id     = "unfinished"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "earlier-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = each.key == "artifacts" ? var.artifact_days : 7
    }
  }

  dynamic "rule" {
    for_each = each.key == "artifacts" ? [] : [1]

    content {
      id     = "age"
      status = "Enabled"
      filter {}

      transition {
        days          = 30
        storage_class = "STANDARD_IA"
      }

      expiration {
        days = var.log_days
      }
    }
  }

  # S3 counts versions only once they are kept.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "this" {
  for_each = { for name, bucket in aws_s3_bucket.this : name => bucket if name != "delivery" }

  bucket        = each.value.id
  target_bucket = aws_s3_bucket.this["delivery"].id
  target_prefix = "s3/${each.key}/"
}
