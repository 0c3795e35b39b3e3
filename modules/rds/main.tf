# Postgres. Its master password is made, kept and rotated by RDS in Secrets Manager,
# and so is in no state and no plan.

data "aws_region" "this" {}
data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  region    = data.aws_region.this.id
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  log_names = toset(["postgresql", "upgrade"])
}

module "key" {
  source = "../key"

  name        = "${var.name}/database"
  description = "Postgres of ${var.name}: storage, backups, password, insights and logs"
  services = {
    "logs.${local.region}.amazonaws.com" = {
      context = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/rds/instance/${var.name}/*"]
    }
  }
}

resource "aws_db_subnet_group" "this" {
  name        = var.name
  description = "Data subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-database"
  description = "Postgres of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "client" {
  for_each = var.client_security_groups

  security_group_id            = aws_security_group.this.id
  description                  = "Postgres from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-"
  description = "Postgres ${var.engine_version} of ${var.name}"
  family      = "postgres${var.engine_version}"

  dynamic "parameter" {
    for_each = {
      "rds.force_ssl"              = { value = "1" }
      "log_connections"            = { value = "1" }
      "log_disconnections"         = { value = "1" }
      "log_lock_waits"             = { value = "1" }
      "log_statement"              = { value = "ddl" }
      "log_min_duration_statement" = { value = tostring(var.slow_statement_milliseconds) }
      # Read at the start alone.
      "shared_preload_libraries" = { value = "pg_stat_statements", apply_method = "pending-reboot" }
    }

    content {
      name         = parameter.key
      value        = parameter.value.value
      apply_method = try(parameter.value.apply_method, "immediate")
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.log_names

  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = module.key.arn
}

resource "aws_db_instance" "this" {
  identifier     = var.name
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class
  db_name        = var.database
  port           = 5432

  username                      = var.master_username
  manage_master_user_password   = true
  master_user_secret_kms_key_id = module.key.arn

  iam_database_authentication_enabled = true

  storage_type          = "gp3"
  allocated_storage     = var.storage_gib.initial
  max_allocated_storage = var.storage_gib.maximum
  storage_encrypted     = true
  kms_key_id            = module.key.arn

  multi_az               = var.multi_az
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  publicly_accessible    = false
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  parameter_group_name       = aws_db_parameter_group.this.name
  auto_minor_version_upgrade = true

  backup_retention_period = var.backup_days
  backup_window           = "02:00-03:00"
  maintenance_window      = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot   = true

  deletion_protection      = var.deletion_protection
  delete_automated_backups = !var.deletion_protection
  skip_final_snapshot      = !var.deletion_protection
  # Once for each instance, so that one that is made again can also be deleted again.
  final_snapshot_identifier = "${var.name}-final-${formatdate("YYYYMMDDhhmmss", plantimestamp())}"

  performance_insights_enabled          = true
  performance_insights_kms_key_id       = module.key.arn
  performance_insights_retention_period = var.performance_insights_days

  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn
  enabled_cloudwatch_logs_exports = local.log_names

  lifecycle {
    ignore_changes = [final_snapshot_identifier]
  }

  # RDS makes log groups of its own, unencrypted and kept for ever, if these are not
  # there yet; and it refuses a monitoring role without its policy.
  depends_on = [
    aws_cloudwatch_log_group.this,
    aws_iam_role_policy_attachment.monitoring,
  ]
}

resource "aws_db_instance" "replica" {
  count = var.replicas

  identifier          = "${var.name}-replica-${count.index + 1}"
  replicate_source_db = aws_db_instance.this.identifier
  instance_class      = var.instance_class

  storage_type          = "gp3"
  max_allocated_storage = var.storage_gib.maximum
  storage_encrypted     = true

  vpc_security_group_ids              = [aws_security_group.this.id]
  publicly_accessible                 = false
  ca_cert_identifier                  = "rds-ca-rsa2048-g1"
  parameter_group_name                = aws_db_parameter_group.this.name
  iam_database_authentication_enabled = true
  auto_minor_version_upgrade          = true
  maintenance_window                  = "sun:04:30-sun:05:30"
  copy_tags_to_snapshot               = true
  deletion_protection                 = var.deletion_protection
  skip_final_snapshot                 = true # a replica has no data of its own

  performance_insights_enabled          = true
  performance_insights_kms_key_id       = module.key.arn
  performance_insights_retention_period = var.performance_insights_days

  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn
  enabled_cloudwatch_logs_exports = local.log_names
}

data "aws_iam_policy_document" "monitoring_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "monitoring" {
  name               = "${var.name}-database-monitoring"
  assume_role_policy = data.aws_iam_policy_document.monitoring_trust.json
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}
