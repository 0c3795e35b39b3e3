output "role_arns" {
  description = "ARNs of the roles `build`, `plan`, `deploy` and `provision`."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "deploy_role_arn" {
  description = "ARN of the role that deploys, known before it is made: it gets an access entry in the cluster."
  value       = "arn:${local.partition}:iam::${local.account}:role/${var.name}-ci-deploy"
}

output "subjects" {
  description = "Subjects that GitHub's tokens have to carry for each role."
  value       = local.subjects
}

output "oidc_provider_arn" {
  description = "ARN of the account's provider for GitHub."
  value       = local.provider_arn
}
