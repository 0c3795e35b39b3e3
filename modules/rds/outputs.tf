output "identifier" {
  description = "Identifier of the instance."
  value       = aws_db_instance.this.identifier
}

output "endpoint" {
  description = "Address and port of the instance, as `host:port`."
  value       = aws_db_instance.this.endpoint
}

output "address" {
  description = "Host name of the instance."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Port of the instance."
  value       = aws_db_instance.this.port
}

output "replica_endpoints" {
  description = "Addresses and ports of the read replicas."
  value       = aws_db_instance.replica[*].endpoint
}

output "database" {
  description = "Name of the database."
  value       = aws_db_instance.this.db_name
}

output "secret_arn" {
  description = "ARN of the secret with `username` and `password`, which RDS rotates every seven days."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "resource_id" {
  description = "ID of the instance in policies for IAM authentication."
  value       = aws_db_instance.this.resource_id
}

output "kms_key_arn" {
  description = "ARN of the key of storage, backups and password."
  value       = module.key.arn
}

output "security_group_id" {
  description = "Security group of the instance."
  value       = aws_security_group.this.id
}

output "deletion_protection" {
  description = "Whether the instance refuses to be deleted."
  value       = aws_db_instance.this.deletion_protection
}
