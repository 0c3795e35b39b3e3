output "name" {
  description = "First part of every name: project and environment."
  value       = local.name
}

output "vpc_id" {
  description = "ID of the VPC."
  value       = module.network.vpc_id
}

output "nat_public_ips" {
  description = "Public addresses that requests from inside come from."
  value       = module.network.nat_public_ips
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = module.eks.name
}

output "cluster_endpoint" {
  description = "URL of the cluster's API server."
  value       = module.eks.endpoint
}

output "cluster_certificate_authority" {
  description = "Certificate of the API server's authority, PEM in base64."
  value       = module.eks.certificate_authority
}

output "cluster_security_group_id" {
  description = "Security group of control plane, nodes and pods."
  value       = module.eks.security_group_id
}

output "kubeconfig" {
  description = "kubeconfig for kubectl, whose tokens come from the AWS CLI."
  value       = module.eks.kubeconfig
}

output "database_endpoint" {
  description = "Address and port of Postgres, as `host:port`."
  value       = module.rds.endpoint
}

output "database_name" {
  description = "Name of the database."
  value       = module.rds.database
}

output "database_secret_arn" {
  description = "ARN of the secret with Postgres' `username` and `password`."
  value       = module.rds.secret_arn
}

output "database_replica_endpoints" {
  description = "Addresses and ports of the read replicas."
  value       = module.rds.replica_endpoints
}

output "redis_endpoint" {
  description = "Address and port of Redis, as `host:port`; TLS alone."
  value       = module.redis.endpoint
}

output "redis_secret_arn" {
  description = "ARN of the secret whose value is Redis' token."
  value       = module.redis.secret_arn
}

output "artifacts_bucket" {
  description = "Name of the bucket of artifacts."
  value       = module.storage.artifacts_bucket
}

output "logs_bucket" {
  description = "Name of the bucket of logs; Loki's are under `loki`, Tempo's traces under `tempo`."
  value       = module.storage.logs_bucket
}

output "url" {
  description = "URL that people use."
  value       = module.edge.url
}

output "cloudfront_url" {
  description = "URL of the distribution by CloudFront's own name."
  value       = module.edge.cloudfront_url
}

output "cloudfront_id" {
  description = "ID of the distribution."
  value       = module.edge.cloudfront_id
}

output "frontend_bucket" {
  description = "Name of the bucket of the frontend's files."
  value       = module.edge.frontend_bucket
}

output "alb_dns_name" {
  description = "DNS name of the load balancer."
  value       = module.edge.alb_dns_name
}

output "ingress_annotations" {
  description = "Annotations for an Ingress that goes through the load balancer, without `alb.ingress.kubernetes.io/`."
  value       = module.edge.ingress
}

output "load_balancer_controller_values" {
  description = "Values for the load balancer controller's chart, with which it takes the load balancer over and leaves its tags alone."
  value       = module.edge.controller_values
}

output "name_servers" {
  description = "Name servers to enter at the parent of the domain; none if the zone was there."
  value       = module.edge.name_servers
}

output "repository_urls" {
  description = "URLs of the image repositories, by short name."
  value       = module.registry.repository_urls
}

output "role_arns" {
  description = "ARNs of roles: `workloads` of pods by short name, with the load balancer controller's, and `ci` of GitHub's workflows."
  value = {
    workloads = merge(module.eks.workload_role_arns, { load-balancer-controller = module.edge.controller_role_arn })
    ci        = try(module.ci[0].role_arns, {})
  }
}

output "alerts_topic_arn" {
  description = "ARN of the topic of alarms, findings and spending."
  value       = module.guard.alerts_topic_arn
}
