# Written by scripts/modules generate, out of modules/stack/outputs.tf.

output "name" {
  description = "First part of every name: project and environment."
  value       = module.stack.name
}

output "vpc_id" {
  description = "ID of the VPC."
  value       = module.stack.vpc_id
}

output "nat_public_ips" {
  description = "Public addresses that requests from inside come from."
  value       = module.stack.nat_public_ips
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = module.stack.cluster_name
}

output "cluster_endpoint" {
  description = "URL of the cluster's API server."
  value       = module.stack.cluster_endpoint
}

output "cluster_certificate_authority" {
  description = "Certificate of the API server's authority, PEM in base64."
  value       = module.stack.cluster_certificate_authority
}

output "cluster_security_group_id" {
  description = "Security group of control plane, nodes and pods."
  value       = module.stack.cluster_security_group_id
}

output "kubeconfig" {
  description = "kubeconfig for kubectl, whose tokens come from the AWS CLI."
  value       = module.stack.kubeconfig
}

output "database_endpoint" {
  description = "Address and port of Postgres, as `host:port`."
  value       = module.stack.database_endpoint
}

output "database_name" {
  description = "Name of the database."
  value       = module.stack.database_name
}

output "database_secret_arn" {
  description = "ARN of the secret with Postgres' `username` and `password`."
  value       = module.stack.database_secret_arn
}

output "database_replica_endpoints" {
  description = "Addresses and ports of the read replicas."
  value       = module.stack.database_replica_endpoints
}

output "redis_endpoint" {
  description = "Address and port of Redis, as `host:port`; TLS alone."
  value       = module.stack.redis_endpoint
}

output "redis_secret_arn" {
  description = "ARN of the secret whose value is Redis' token."
  value       = module.stack.redis_secret_arn
}

output "artifacts_bucket" {
  description = "Name of the bucket of artifacts."
  value       = module.stack.artifacts_bucket
}

output "logs_bucket" {
  description = "Name of the bucket of logs; Loki's are under `loki`, Tempo's traces under `tempo`."
  value       = module.stack.logs_bucket
}

output "url" {
  description = "URL that people use."
  value       = module.stack.url
}

output "cloudfront_url" {
  description = "URL of the distribution by CloudFront's own name."
  value       = module.stack.cloudfront_url
}

output "cloudfront_id" {
  description = "ID of the distribution."
  value       = module.stack.cloudfront_id
}

output "frontend_bucket" {
  description = "Name of the bucket of the frontend's files."
  value       = module.stack.frontend_bucket
}

output "alb_dns_name" {
  description = "DNS name of the load balancer."
  value       = module.stack.alb_dns_name
}

output "ingress_annotations" {
  description = "Annotations for an Ingress that goes through the load balancer, without `alb.ingress.kubernetes.io/`."
  value       = module.stack.ingress_annotations
}

output "load_balancer_controller_values" {
  description = "Values for the load balancer controller's chart, with which it takes the load balancer over and leaves its tags alone."
  value       = module.stack.load_balancer_controller_values
}

output "name_servers" {
  description = "Name servers to enter at the parent of the domain; none if the zone was there."
  value       = module.stack.name_servers
}

output "repository_urls" {
  description = "URLs of the image repositories, by short name."
  value       = module.stack.repository_urls
}

output "role_arns" {
  description = "ARNs of roles: `workloads` of pods by short name, with the load balancer controller's, and `ci` of GitHub's workflows."
  value       = module.stack.role_arns
}

output "alerts_topic_arn" {
  description = "ARN of the topic of alarms, findings and spending."
  value       = module.stack.alerts_topic_arn
}
