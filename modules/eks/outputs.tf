output "name" {
  description = "Name of the cluster; known when the cluster is."
  value       = aws_eks_cluster.this.name
}

output "arn" {
  description = "ARN of the cluster, known before the cluster is."
  value       = local.cluster_arn
}

output "endpoint" {
  description = "URL of the API server."
  value       = aws_eks_cluster.this.endpoint
}

output "certificate_authority" {
  description = "Certificate of the API server's authority, PEM in base64."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "security_group_id" {
  description = "Security group of the control plane, nodes and pods."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "oidc_provider_arn" {
  description = "ARN of the identity provider for IRSA."
  value       = aws_iam_openid_connect_provider.this.arn
}

output "oidc_issuer" {
  description = "URL of the cluster's token issuer."
  value       = aws_eks_cluster.this.identity[0].oidc[0].issuer
}

output "pod_trust_policy" {
  description = "JSON of a trust policy for roles of this cluster's pods."
  value       = data.aws_iam_policy_document.pod_trust.json
}

output "workload_role_arns" {
  description = "ARNs of the workloads' roles, by short name."
  value       = { for name, role in aws_iam_role.workload : name => role.arn }
}

output "node_role_arn" {
  description = "ARN of the nodes' role."
  value       = aws_iam_role.node.arn
}

output "node_group_names" {
  description = "Names of the node groups."
  value       = [for group in aws_eks_node_group.this : group.node_group_name]
}

output "kubeconfig" {
  description = "kubeconfig for kubectl, whose tokens come from the AWS CLI."
  value = yamlencode({
    apiVersion      = "v1"
    kind            = "Config"
    current-context = var.name
    clusters = [{
      name = var.name
      cluster = {
        server                     = aws_eks_cluster.this.endpoint
        certificate-authority-data = aws_eks_cluster.this.certificate_authority[0].data
      }
    }]
    contexts = [{ name = var.name, context = { cluster = var.name, user = var.name } }]
    users = [{
      name = var.name
      user = {
        exec = {
          apiVersion      = "client.authentication.k8s.io/v1beta1"
          command         = "aws"
          args            = ["eks", "get-token", "--cluster-name", var.name, "--region", local.region]
          interactiveMode = "Never"
        }
      }
    }]
  })
}
