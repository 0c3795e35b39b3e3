output "arn" {
  description = "ARN of the key."
  value       = aws_kms_key.this.arn
}

output "alias" {
  description = "Name of the key's alias, with `alias/`."
  value       = aws_kms_alias.this.name
}
