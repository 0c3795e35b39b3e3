# The load balancer. It is made here, so that its name, firewall and logs stand when
# the cluster does; its tags let the load balancer controller in the cluster find it
# and make listeners, rules and target groups in it. docs/adr/0032 says why.

data "aws_region" "this" {}
data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_default_tags" "this" {}

data "aws_ec2_managed_prefix_list" "cloudfront" {
  count = var.origin_prefix_list_id == null ? 1 : 0

  name = "com.amazonaws.global.cloudfront.origin-facing"
}

locals {
  region    = data.aws_region.this.id
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition

  prefix_list_id = var.origin_prefix_list_id != null ? var.origin_prefix_list_id : data.aws_ec2_managed_prefix_list.cloudfront[0].id

  # Ingresses of this group share the load balancer.
  ingress_group = var.name
}

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-load-balancer"
  description = "HTTPS from CloudFront to the load balancer of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-load-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "cloudfront" {
  security_group_id = aws_security_group.load_balancer.id
  description       = "HTTPS from CloudFront"
  prefix_list_id    = local.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "backend" {
  for_each = var.backend_ports

  security_group_id            = aws_security_group.load_balancer.id
  description                  = "Pods, ${each.key}"
  referenced_security_group_id = var.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "backend" {
  for_each = var.backend_ports

  security_group_id            = var.cluster_security_group_id
  description                  = "Load balancer, ${each.key}"
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_lb" "this" {
  #checkov:skip=CKV2_AWS_20:It has no listener for HTTP, and its group lets only CloudFront in, on 443
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.load_balancer.id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  enable_deletion_protection = var.deletion_protection

  access_logs {
    enabled = true
    bucket  = var.logs.bucket
    prefix  = "alb"
  }

  tags = {
    "elbv2.k8s.aws/cluster"    = var.cluster_name
    "ingress.k8s.aws/resource" = "LoadBalancer"
    "ingress.k8s.aws/stack"    = local.ingress_group
  }
}

module "origin_firewall" {
  source = "./firewall"

  name                 = var.name
  scope                = "REGIONAL"
  requests_per_address = var.requests_per_address
  forwarded            = true
  log_days             = var.log_days
}

resource "aws_wafv2_web_acl_association" "this" {
  resource_arn = aws_lb.this.arn
  web_acl_arn  = module.origin_firewall.arn
}
