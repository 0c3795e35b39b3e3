output "artifacts_bucket" {
  description = "Name of the bucket of artifacts."
  value       = aws_s3_bucket.this["artifacts"].id
}

output "logs_bucket" {
  description = "Name of the bucket of logs, when its policy lets CloudTrail write."
  value       = aws_s3_bucket.this["logs"].id

  depends_on = [aws_s3_bucket_policy.this]
}

output "delivery_bucket" {
  description = "Name of the bucket that services deliver to, when its policy lets them: load balancers under `alb`, CloudFront under `cloudfront`, S3 under `s3`."
  value       = aws_s3_bucket.this["delivery"].id

  depends_on = [aws_s3_bucket_policy.this, aws_s3_bucket_ownership_controls.this]
}

output "delivery_bucket_domain" {
  description = "Domain of the bucket that services deliver to, which CloudFront wants."
  value       = aws_s3_bucket.this["delivery"].bucket_domain_name

  depends_on = [aws_s3_bucket_policy.this, aws_s3_bucket_ownership_controls.this]
}

output "bucket_arns" {
  description = "ARNs of the buckets `artifacts`, `logs` and `delivery`, known before they are made."
  value       = local.bucket_arns
}

output "kms_key_arn" {
  description = "ARN of the key of artifacts and logs."
  value       = module.key.arn
}
