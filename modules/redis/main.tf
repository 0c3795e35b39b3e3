# Redis over TLS with a token. ElastiCache has no managed token, so Secrets Manager
# makes one when the group is made; docs/adr/0031 says why this way.

data "aws_region" "this" {}
data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  region    = data.aws_region.this.id
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  logs      = toset(["slow-log", "engine-log"])
}

module "key" {
  source = "../key"

  name        = "${var.name}/cache"
  description = "Redis of ${var.name}: storage, snapshots, token and logs"
  services = {
    "logs.${local.region}.amazonaws.com" = {
      context = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/elasticache/${var.name}/*"]
    }
  }
}

resource "aws_secretsmanager_secret" "token" {
  #checkov:skip=CKV2_AWS_57:ElastiCache rotates no token by itself; docs/modules.md says how it is done
  name                    = "${var.name}/redis"
  description             = "Token of Redis in ${var.name}"
  kms_key_id              = module.key.arn
  recovery_window_in_days = var.secret_recovery_days
}

# Another one at every plan, of which the first is kept.
data "aws_secretsmanager_random_password" "token" {
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "token" {
  secret_id     = aws_secretsmanager_secret.token.id
  secret_string = data.aws_secretsmanager_random_password.token.random_password

  lifecycle {
    ignore_changes = [secret_string]
  }
}

resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = "Data subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-cache"
  description = "Redis of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-cache" }
}

resource "aws_vpc_security_group_ingress_rule" "client" {
  for_each = var.client_security_groups

  security_group_id            = aws_security_group.this.id
  description                  = "Redis from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_elasticache_parameter_group" "this" {
  name        = var.name
  description = "Redis of ${var.name}"
  family      = "redis7"

  # It is a cache: what was not used for longest makes room.
  parameter {
    name  = "maxmemory-policy"
    value = "allkeys-lru"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.logs

  name              = "/aws/elasticache/${var.name}/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = module.key.arn
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id = var.name
  description          = "Redis of ${var.name}"
  engine               = "redis"
  engine_version       = var.engine_version
  node_type            = var.node_type
  num_cache_clusters   = var.nodes
  port                 = 6379
  parameter_group_name = aws_elasticache_parameter_group.this.name

  automatic_failover_enabled = true
  multi_az_enabled           = true
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.this.id]

  at_rest_encryption_enabled = true
  kms_key_id                 = module.key.arn
  transit_encryption_enabled = true
  auth_token                 = aws_secretsmanager_secret_version.token.secret_string
  # The old one stays good until the clients have the new one.
  auth_token_update_strategy = "ROTATE"

  snapshot_retention_limit   = var.snapshot_days
  snapshot_window            = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:04:30"
  auto_minor_version_upgrade = true

  dynamic "log_delivery_configuration" {
    for_each = local.logs

    content {
      destination_type = "cloudwatch-logs"
      destination      = aws_cloudwatch_log_group.this[log_delivery_configuration.key].name
      log_format       = "json"
      log_type         = log_delivery_configuration.key
    }
  }
}
