# The control plane. It takes some nine minutes, so that nothing stands before it
# but its role, its key, its log group and the subnets.

data "aws_region" "this" {}
data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  region    = data.aws_region.this.id
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition

  # Known before the cluster exists, so that roles need not wait for it.
  cluster_arn = "arn:${local.partition}:eks:${local.region}:${local.account}:cluster/${var.name}"
  log_group   = "/aws/eks/${var.name}/cluster"
}

module "key" {
  source = "../key"

  name        = "${var.name}/cluster"
  description = "Kubernetes secrets and control-plane logs of ${var.name}"
  services = {
    "logs.${local.region}.amazonaws.com" = {
      context = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group}"]
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group
  retention_in_days = var.log_days
  kms_key_id        = module.key.arn
}

data "aws_iam_policy_document" "cluster_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "cluster" {
  name               = "${var.name}-cluster"
  assume_role_policy = data.aws_iam_policy_document.cluster_trust.json
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_eks_cluster" "this" {
  #checkov:skip=CKV_AWS_39:The public endpoint is off unless ranges are named, and never open to all
  #checkov:skip=CKV_AWS_38:The public endpoint is off unless ranges are named, and never open to all
  name                      = var.name
  version                   = var.kubernetes_version
  role_arn                  = aws_iam_role.cluster.arn
  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  access_config {
    authentication_mode = "API"
    # Who makes the cluster also deploys to it.
    bootstrap_cluster_creator_admin_permissions = true
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = module.key.arn
    }
  }

  vpc_config {
    subnet_ids              = var.subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.public_access_cidrs) > 0
    public_access_cidrs     = length(var.public_access_cidrs) > 0 ? var.public_access_cidrs : null
  }

  # EKS makes a log group of its own, unencrypted and kept for ever, if this one is
  # not there yet; and it refuses a role without its policy.
  depends_on = [
    aws_cloudwatch_log_group.this,
    aws_iam_role_policy_attachment.cluster,
  ]
}

# Nodes have DNS, proxy and network from the control plane's own defaults when they
# start, so that add-ons wait for neither nodes nor each other: those with pods to
# place become active when the nodes come.
resource "aws_eks_addon" "this" {
  for_each = var.addons

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = each.value.version
  configuration_values        = each.value.configuration
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  # The driver's pods look for their role once, when they start.
  depends_on = [aws_eks_pod_identity_association.storage]
}
