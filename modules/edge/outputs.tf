output "url" {
  description = "URL that people use."
  value       = "https://${var.domain}"
}

output "cloudfront_url" {
  description = "URL of the distribution by CloudFront's own name."
  value       = "https://${aws_cloudfront_distribution.this.domain_name}"
}

output "cloudfront_id" {
  description = "ID of the distribution, which invalidations are for."
  value       = aws_cloudfront_distribution.this.id
}

output "alb_dns_name" {
  description = "DNS name of the load balancer."
  value       = aws_lb.this.dns_name
}

output "alb_arn_suffix" {
  description = "Part of the load balancer's ARN that metrics are by."
  value       = aws_lb.this.arn_suffix
}

output "ingress" {
  description = "Annotations for an Ingress that goes through this load balancer, without `alb.ingress.kubernetes.io/`."
  value = {
    "group.name"                          = local.ingress_group
    "scheme"                              = "internet-facing"
    "target-type"                         = "ip"
    "listen-ports"                        = jsonencode([{ HTTPS = 443 }])
    "ssl-policy"                          = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    "certificate-arn"                     = aws_acm_certificate_validation.origin.certificate_arn
    "load-balancer-name"                  = aws_lb.this.name
    "subnets"                             = join(",", var.subnet_ids)
    "security-groups"                     = aws_security_group.load_balancer.id
    "manage-backend-security-group-rules" = "false"
    "wafv2-acl-arn"                       = module.origin_firewall.arn
  }
}

output "controller_values" {
  description = "Values for the load balancer controller's chart. It takes away tags that it does not know, so that it has to be told Terraform's, which what it makes then carries too."
  value = {
    clusterName    = var.cluster_name
    region         = local.region
    vpcId          = var.vpc_id
    defaultTags    = data.aws_default_tags.this.tags
    serviceAccount = { create = true, name = aws_eks_pod_identity_association.controller.service_account }
  }
}

output "controller_role_arn" {
  description = "ARN of the load balancer controller's role."
  value       = aws_iam_role.controller.arn
}

output "frontend_bucket" {
  description = "Name of the bucket of the frontend's files."
  value       = aws_s3_bucket.frontend.id
}

output "frontend_bucket_arn" {
  description = "ARN of that bucket, known before it is made."
  value       = local.frontend_arn
}

output "frontend_kms_key_arn" {
  description = "ARN of the key of the frontend's files."
  value       = module.key.arn
}

output "name_servers" {
  description = "Name servers to enter at the parent of the domain; none if the zone was there."
  value       = flatten(aws_route53_zone.this[*].name_servers)
}

output "zone_id" {
  description = "ID of the zone."
  value       = local.zone_id
}
