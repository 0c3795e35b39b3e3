# The whole of an environment. Its time is that of the cluster with its nodes, or of
# the database, whichever is longer: both, the cache and the edge begin as soon as
# there are subnets, and what they need of each other is names that are known before.

data "aws_partition" "this" {}

locals {
  name      = "${var.project}-${var.environment}"
  trail     = "${local.name}-trail"
  account   = var.account_id
  partition = data.aws_partition.this.partition
}

module "network" {
  source = "../network"

  name                = local.name
  cidr                = var.network.cidr
  zone_count          = var.network.zone_count
  zones               = var.network.zones
  nat                 = var.network.nat
  interface_endpoints = var.network.interface_endpoints
  flow_log_days       = var.log_days
}

module "eks" {
  source = "../eks"

  name                = local.name
  kubernetes_version  = var.cluster.version
  subnet_ids          = module.network.private_subnet_ids
  node_subnet_ids     = module.network.node_subnet_ids
  public_access_cidrs = var.cluster.public_access_cidrs
  node_groups         = var.cluster.node_groups
  workloads           = local.workloads
  log_days            = var.log_days

  access = merge(var.cluster.access, var.delivery == null ? {} : {
    ci-deploy = {
      principal_arn = module.ci[0].role_arns["deploy"]
      policy        = "Admin"
      namespaces    = [var.delivery.namespace]
    }
  })
}

module "rds" {
  source = "../rds"

  name                        = local.name
  vpc_id                      = module.network.vpc_id
  subnet_ids                  = module.network.data_subnet_ids
  client_security_groups      = { cluster = module.eks.security_group_id }
  engine_version              = var.database.engine_version
  instance_class              = var.database.instance_class
  storage_gib                 = { initial = var.database.initial_gib, maximum = var.database.maximum_gib }
  multi_az                    = var.database.multi_az
  replicas                    = var.database.replicas
  backup_days                 = var.database.backup_days
  performance_insights_days   = var.database.insights_days
  slow_statement_milliseconds = var.database.slow_statements
  deletion_protection         = var.protected
  log_days                    = var.log_days
}

module "redis" {
  source = "../redis"

  name                   = local.name
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.data_subnet_ids
  client_security_groups = { cluster = module.eks.security_group_id }
  engine_version         = var.cache.engine_version
  node_type              = var.cache.node_type
  nodes                  = var.cache.nodes
  snapshot_days          = var.cache.snapshot_days
  secret_recovery_days   = var.protected ? 30 : 0
  log_days               = var.log_days
}

module "storage" {
  source = "../storage"

  name          = local.name
  force_destroy = !var.protected
  trail_name    = var.guard.trail ? local.trail : null
}

module "edge" {
  source    = "../edge"
  providers = { aws = aws, aws.us_east_1 = aws.us_east_1 }

  name                      = local.name
  domain                    = var.domain
  zone_id                   = var.zone_id
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.public_subnet_ids
  cluster_name              = local.name
  created_cluster_name      = module.eks.name
  cluster_security_group_id = module.eks.security_group_id
  pod_trust_policy          = module.eks.pod_trust_policy
  backend_ports             = var.edge.backend_ports
  api_paths                 = var.edge.api_paths
  origin_prefix_list_id     = var.edge.origin_prefix_list_id
  requests_per_address      = var.edge.requests_per_address
  price_class               = var.edge.price_class
  logs                      = { bucket = module.storage.delivery_bucket, domain = module.storage.delivery_bucket_domain }
  deletion_protection       = var.protected
  force_destroy             = !var.protected
  log_days                  = var.log_days
}

module "registry" {
  source = "../registry"

  name          = local.name
  repositories  = var.repositories
  force_destroy = !var.protected
}

module "ci" {
  source = "../ci"
  count  = var.delivery == null ? 0 : 1

  name              = local.name
  repository        = var.delivery.repository
  branch            = var.delivery.branch
  environment       = var.environment
  oidc_provider_arn = var.delivery.oidc_provider_arn
  cluster_arn       = module.eks.arn
  state_bucket_arn  = "arn:${local.partition}:s3:::${var.delivery.state_bucket}"
  registry          = { arns = module.registry.repository_arns, kms_key_arn = module.registry.kms_key_arn }
  frontend = {
    bucket_arn      = module.edge.frontend_bucket_arn
    kms_key_arn     = module.edge.frontend_kms_key_arn
    distribution_id = module.edge.cloudfront_id
  }
}

module "guard" {
  source = "../guard"

  name           = local.name
  guardduty      = var.guard.guardduty
  alert_emails   = var.guard.alert_emails
  monthly_budget = var.guard.monthly_budget
  cost_tags      = var.guard.cost_tags

  trail = {
    enabled     = var.guard.trail
    name        = local.trail
    bucket      = module.storage.logs_bucket
    kms_key_arn = module.storage.kms_key_arn
  }

  # By names that are known before: alarms and schedules do not wait.
  databases      = { primary = { identifier = local.name, connections = var.database.connections } }
  caches         = { for index in range(var.cache.nodes) : "node-${index + 1}" => format("%s-%03d", local.name, index + 1) }
  load_balancers = { main = module.edge.alb_arn_suffix }

  night         = var.guard.night
  night_cluster = { name = local.name, node_groups = { for name, group in var.cluster.node_groups : name => { min = group.min, max = group.max, desired = group.desired } } }
  # A database with replicas cannot be stopped.
  night_databases = var.database.replicas == 0 ? { primary = local.name } : {}
}
