mock_provider "aws" {
  source = "../testing/aws"
}

variables {
  name            = "pocctl-test"
  subnet_ids      = ["subnet-11111111", "subnet-22222222", "subnet-33333333"]
  node_subnet_ids = ["subnet-11111111", "subnet-22222222", "subnet-33333333"]
  node_groups     = { system = { instance_types = ["t3.large"] } }
}

run "closed_encrypted_and_logged" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "The API server is private unless ranges are named."
  }

  assert {
    condition     = contains(aws_eks_cluster.this.encryption_config[0].resources, "secrets")
    error_message = "Kubernetes secrets are encrypted."
  }

  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "The control plane has five logs, and all are kept."
  }

  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API"
    error_message = "Access is by entries, which AWS shows and logs, not by a map in the cluster."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/eks/${aws_eks_cluster.this.name}/cluster"
    error_message = "EKS writes to a group of this name; another one would be encrypted for nothing."
  }
}

run "nodes_keep_their_role_to_themselves" {
  command = plan

  assert {
    condition = alltrue([
      for template in aws_launch_template.node :
      template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1
    ])
    error_message = "Pods reach the metadata of their node."
  }

  assert {
    condition     = alltrue([for template in aws_launch_template.node : template.block_device_mappings[0].ebs[0].encrypted == "true"])
    error_message = "A node's volume is not encrypted."
  }
}

run "add_ons_wait_for_no_nodes" {
  command = plan

  assert {
    condition     = length(setsubtract(["vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "aws-ebs-csi-driver"], keys(aws_eks_addon.this))) == 0
    error_message = "An add-on is missing."
  }

  assert {
    condition     = alltrue([for addon in aws_eks_addon.this : addon.resolve_conflicts_on_create == "OVERWRITE"])
    error_message = "Add-ons take over what EKS put there when it made the cluster."
  }
}

run "named_ranges_get_in_and_no_others" {
  command = plan

  variables {
    public_access_cidrs = ["198.51.100.7/32"]
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["198.51.100.7/32"])
    error_message = "The public endpoint is for the ranges that are named."
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "Nodes use the private endpoint in any case."
  }
}

run "spot_and_taints" {
  command = plan

  variables {
    node_groups = {
      system = { instance_types = ["t3.large"] }
      spot = {
        instance_types = ["t3.large", "m5.large"]
        capacity       = "SPOT"
        min            = 0
        desired        = 0
        max            = 5
        taints         = [{ key = "spot", effect = "NO_SCHEDULE" }]
      }
    }
  }

  assert {
    condition     = aws_eks_node_group.this["spot"].capacity_type == "SPOT" && one(aws_eks_node_group.this["spot"].taint).effect == "NO_SCHEDULE"
    error_message = "The spot group is on demand, or lacks its taint."
  }

  assert {
    condition     = aws_eks_node_group.this["spot"].scaling_config[0].min_size == 0 && aws_eks_node_group.this["spot"].scaling_config[0].max_size == 5
    error_message = "Sizes are those that were asked for."
  }
}

run "pods_get_roles_of_their_own" {
  command = plan

  variables {
    workloads = {
      loki = { namespace = "monitoring", service_account = "loki", policy = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
    }
  }

  assert {
    condition     = aws_eks_pod_identity_association.workload["loki"].namespace == "monitoring" && aws_eks_pod_identity_association.workload["loki"].service_account == "loki"
    error_message = "The role goes to another service account."
  }

  assert {
    condition = contains([
      for condition in data.aws_iam_policy_document.pod_trust.statement[0].condition : one(condition.values) if condition.variable == "aws:SourceArn"
    ], "arn:aws:eks:eu-west-1:123456789012:cluster/pocctl-test")
    error_message = "Pods of other clusters may take the roles."
  }
}

run "people_get_what_they_are_given" {
  command = plan

  variables {
    access = {
      developers = { principal_arn = "arn:aws:iam::123456789012:role/developers", policy = "Edit", namespaces = ["pocctl"] }
      readers    = { principal_arn = "arn:aws:iam::123456789012:role/readers", policy = "View" }
    }
  }

  assert {
    condition     = aws_eks_access_policy_association.this["developers"].access_scope[0].type == "namespace" && aws_eks_access_policy_association.this["readers"].access_scope[0].type == "cluster"
    error_message = "A scope is wider or narrower than asked for."
  }

  assert {
    condition     = endswith(aws_eks_access_policy_association.this["readers"].policy_arn, "cluster-access-policy/AmazonEKSViewPolicy")
    error_message = "Readers get another policy."
  }
}

run "a_kubeconfig_that_kubectl_reads" {
  assert {
    condition     = yamldecode(output.kubeconfig).current-context == "pocctl-test" && yamldecode(output.kubeconfig).clusters[0].cluster.server == output.endpoint
    error_message = "The kubeconfig points elsewhere."
  }
}

run "refuses_the_whole_internet" {
  command = plan

  variables {
    public_access_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.public_access_cidrs]
}

run "refuses_an_old_kubernetes" {
  command = plan

  variables {
    kubernetes_version = "1.27"
  }

  expect_failures = [var.kubernetes_version]
}

run "refuses_sizes_in_the_wrong_order" {
  command = plan

  variables {
    node_groups = { system = { instance_types = ["t3.large"], min = 3, desired = 2, max = 4 } }
  }

  expect_failures = [var.node_groups]
}

run "refuses_spot_of_one_kind" {
  command = plan

  variables {
    node_groups = { spot = { instance_types = ["t3.large"], capacity = "SPOT" } }
  }

  expect_failures = [var.node_groups]
}

run "refuses_no_nodes" {
  command = plan

  variables {
    node_groups = {}
  }

  expect_failures = [var.node_groups]
}

run "refuses_one_subnet" {
  command = plan

  variables {
    subnet_ids = ["subnet-11111111"]
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_an_unknown_policy" {
  command = plan

  variables {
    access = { root = { principal_arn = "arn:aws:iam::123456789012:root", policy = "Everything" } }
  }

  expect_failures = [var.access]
}

run "refuses_to_leave_pods_without_identity" {
  command = plan

  variables {
    addons = { vpc-cni = {} }
  }

  expect_failures = [var.addons]
}
