output "repository_urls" {
  description = "URLs of the repositories, by short name."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "repository_arns" {
  description = "ARNs of the repositories, by short name."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.arn }
}

output "kms_key_arn" {
  description = "ARN of the images' key."
  value       = module.key.arn
}
