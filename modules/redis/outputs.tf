output "id" {
  description = "ID of the replication group."
  value       = aws_elasticache_replication_group.this.id
}

output "endpoint" {
  description = "Address and port of the primary, as `host:port`; TLS alone."
  value       = "${aws_elasticache_replication_group.this.primary_endpoint_address}:6379"
}

output "address" {
  description = "Host name of the primary."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "reader_address" {
  description = "Host name that spreads over the replicas."
  value       = aws_elasticache_replication_group.this.reader_endpoint_address
}

output "port" {
  description = "Port of Redis."
  value       = 6379
}

output "node_ids" {
  description = "IDs of the nodes, which metrics are by."
  value       = [for index in range(var.nodes) : format("%s-%03d", var.name, index + 1)]
}

output "secret_arn" {
  description = "ARN of the secret whose value is the token."
  value       = aws_secretsmanager_secret.token.arn
}

output "kms_key_arn" {
  description = "ARN of the key of storage, snapshots and token."
  value       = module.key.arn
}

output "security_group_id" {
  description = "Security group of the nodes."
  value       = aws_security_group.this.id
}
