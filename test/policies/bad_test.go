package policies_test

// badPlan is one of our plans with one thing wrong.
type badPlan struct {
	policy string
	// name tells apart what is caught by one policy.
	name string
	// address is a part of that of the resource that is found fault with.
	address string
	spoil   func(plan)
}

// set spoils one argument of a resource.
func set(policy, resource, path string, value any) badPlan {
	return badPlan{policy, resource + "." + path, resource, func(p plan) { p.set(resource, path, value) }}
}

// without leaves a resource out that another one needs.
func without(policy, resource, victim string) badPlan {
	return badPlan{policy, "without " + resource, victim, func(p plan) { p.remove(resource) }}
}

// with adds a resource.
func with(policy, resourceType, name string, after map[string]any) badPlan {
	return badPlan{policy, name, resourceType + ".added", func(p plan) { p.add(resourceType, after) }}
}

// written spoils a policy document where it is written.
func written(policy, name, module, address string, change func(statement map[string]any)) badPlan {
	return badPlan{policy, name, address, func(p plan) { p.rewrite(module, address, change) }}
}

const (
	everyAction  = `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::x"}]}`
	everyIAM     = `{"Statement":[{"Effect":"Allow","Action":["s3:GetObject","iam:*"],"Resource":"arn:aws:iam::1:role/x"}]}`
	wildcard     = `{"Statement":[{"Effect":"Allow","Action":["ec2:*"],"Resource":["*"]}]}`
	public       = `{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Principal":"*","Resource":"x"}]}`
	publicAWS    = `{"Statement":[{"Effect":"Allow","Action":"sns:Publish","Principal":{"AWS":"*"},"Resource":"x"}]}`
	anyone       = `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["*"]}}]}`
	anySubject   = `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"p"},"Condition":{"StringLike":{"i:sub":"repo:example/*"}}}]}`
	halfSubject  = `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"p"},"Condition":{"StringEquals":{"i:sub":"repo:example/*"}}}]}`
	anyAudience  = `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"p"},"Condition":{"StringEquals":{"i:aud":"sts.amazonaws.com"}}}]}`
	withoutTLS   = `{"Statement":[]}`
	artifacts    = `aws_s3_bucket.this["artifacts"]`
	distribution = "aws_cloudfront_distribution.this"
)

func badPlans() []badPlan {
	whole := []any{"0.0.0.0/0"}
	return []badPlan{
		set("database-encrypted", "aws_db_instance.this", "storage_encrypted", false),
		set("database-encrypted", "aws_db_instance.this", "kms_key_id", nil),
		set("database-tls", "aws_db_parameter_group.this", "parameter.value", "0"),
		set("database-password", "aws_db_instance.this", "manage_master_user_password", nil),
		set("cache-encrypted", "aws_elasticache_replication_group.this", "at_rest_encryption_enabled", "false"),
		set("cache-encrypted", "aws_elasticache_replication_group.this", "transit_encryption_enabled", false),
		set("cache-encrypted", "aws_elasticache_replication_group.this", "auth_token", nil),
		set("bucket-encrypted", `aws_s3_bucket_server_side_encryption_configuration.this["artifacts"]`, "rule.apply_server_side_encryption_by_default.sse_algorithm", "AES256").of(artifacts),
		without("bucket-encrypted", `aws_s3_bucket_server_side_encryption_configuration.this["delivery"]`, `aws_s3_bucket.this["delivery"]`),
		without("bucket-encrypted", "aws_s3_bucket_server_side_encryption_configuration.frontend", "aws_s3_bucket.frontend"),
		without("bucket-tls", `aws_s3_bucket_policy.this["artifacts"]`, artifacts),
		set("bucket-tls", `aws_s3_bucket_policy.this["artifacts"]`, "policy", withoutTLS).of(artifacts),
		written("bucket-tls", "of a policy known later", "stack.edge", "data.aws_iam_policy_document.frontend", func(statement map[string]any) {
			statement["effect"] = constant("Allow")
		}).of("aws_s3_bucket.frontend"),
		set("cluster-secrets", "aws_eks_cluster.this", "encryption_config", []any{}),
		set("volume-encrypted", "aws_launch_template.node", "block_device_mappings.ebs.encrypted", "false"),
		set("volume-encrypted", "aws_launch_template.node", "block_device_mappings", []any{}),
		set("images-encrypted", "aws_ecr_repository.this", "encryption_configuration.encryption_type", "AES256"),
		set("logs-encrypted", "aws_cloudwatch_log_group.flow", "kms_key_id", nil),
		set("logs-encrypted", "aws_cloudtrail.this", "kms_key_id", nil),
		set("topic-encrypted", "aws_sns_topic.alerts", "kms_master_key_id", nil),
		set("secret-encrypted", "aws_secretsmanager_secret.token", "kms_key_id", nil),
		set("key-rotates", "aws_kms_key.this", "enable_key_rotation", false),
		set("cdn-tls", distribution, "viewer_certificate.minimum_protocol_version", "TLSv1"),
		set("cdn-tls", distribution, "default_cache_behavior.viewer_protocol_policy", "allow-all"),
		set("cdn-tls", distribution, "ordered_cache_behavior.viewer_protocol_policy", "allow-all"),
		set("cdn-tls", distribution, "origin.custom_origin_config.origin_protocol_policy", "http-only"),
		with("listener-tls", "aws_lb_listener", "plain", map[string]any{"protocol": "HTTP", "default_action": []any{map[string]any{"type": "forward"}}}),

		set("bucket-private", `aws_s3_bucket_public_access_block.this["logs"]`, "block_public_policy", false).of(`aws_s3_bucket.this["logs"]`),
		without("bucket-private", `aws_s3_bucket_public_access_block.this["logs"]`, `aws_s3_bucket.this["logs"]`),
		without("bucket-private", "aws_s3_bucket_public_access_block.frontend", "aws_s3_bucket.frontend"),
		set("bucket-policy-private", `aws_s3_bucket_policy.this["artifacts"]`, "policy", public),
		set("bucket-policy-private", "aws_sns_topic_policy.alerts", "policy", publicAWS),
		written("bucket-policy-private", "of a policy known later", "stack.edge", "data.aws_iam_policy_document.frontend", func(statement map[string]any) {
			statement["effect"] = constant("Allow")
			delete(statement, "condition")
		}),
		set("database-private", "aws_db_instance.this", "publicly_accessible", true),
		set("cluster-private", "aws_eks_cluster.this", "vpc_config.endpoint_private_access", false),
		{"cluster-private", "open to all", "aws_eks_cluster.this", func(p plan) {
			p.set("aws_eks_cluster.this", "vpc_config.endpoint_public_access", true)
			p.set("aws_eks_cluster.this", "vpc_config.public_access_cidrs", whole)
		}},
		{"cluster-private", "open by default", "aws_eks_cluster.this", func(p plan) {
			p.set("aws_eks_cluster.this", "vpc_config.endpoint_public_access", true)
			p.set("aws_eks_cluster.this", "vpc_config.public_access_cidrs", []any{})
		}},
		set("ingress-narrow", "aws_vpc_security_group_ingress_rule.cloudfront", "cidr_ipv4", "0.0.0.0/0"),
		set("ingress-narrow", "aws_vpc_security_group_ingress_rule.cloudfront", "cidr_ipv6", "::/0"),
		with("ingress-narrow", "aws_security_group_rule", "a rule of the older kind", map[string]any{"type": "ingress", "cidr_blocks": whole}),
		with("ingress-narrow", "aws_security_group", "a rule in the group", map[string]any{"ingress": []any{map[string]any{"cidr_blocks": whole}}}),
		set("subnet-private", "aws_subnet.public", "map_public_ip_on_launch", true),
		set("metadata-tokens", "aws_launch_template.node", "metadata_options.http_tokens", "optional"),
		set("metadata-tokens", "aws_launch_template.node", "metadata_options.http_put_response_hop_limit", 2),
		set("metadata-tokens", "aws_eks_node_group.this", "launch_template", []any{}),
		set("edge-firewall", distribution, "web_acl_id", nil),
		without("edge-firewall", "aws_wafv2_web_acl_association.this", "aws_lb.this"),
		set("edge-firewall", "aws_wafv2_web_acl.this", "rule.statement.managed_rule_group_statement", []any{}),
		set("edge-firewall", "aws_wafv2_web_acl.this", "rule.statement.rate_based_statement", []any{}),
		set("images-immutable", "aws_ecr_repository.this", "image_tag_mutability", "MUTABLE"),
		set("images-immutable", "aws_ecr_repository.this", "image_scanning_configuration.scan_on_push", false),
		set("cdn-origin-signed", "aws_cloudfront_origin_access_control.this", "signing_behavior", "never"),

		set("iam-wildcard", `aws_iam_role_policy.workload["loki"]`, "policy", wildcard),
		written("iam-wildcard", "as it is written", "stack", "data.aws_iam_policy_document.autoscaler", func(statement map[string]any) {
			statement["actions"] = constant([]any{"autoscaling:*"})
			statement["resources"] = constant([]any{"*"})
		}),
		set("iam-full", `aws_iam_role_policy.workload["loki"]`, "policy", everyAction),
		set("iam-full", `aws_iam_role_policy.this["provision"]`, "policy", everyIAM),
		written("iam-full", "as it is written", "stack.ci", "data.aws_iam_policy_document.provision", func(statement map[string]any) {
			statement["actions"] = constant([]any{"iam:*"})
		}),
		set("iam-administrator", "aws_iam_role_policy_attachment.provision", "policy_arn", "arn:aws:iam::aws:policy/AdministratorAccess"),
		set("iam-trust", "aws_iam_role.cluster", "assume_role_policy", anyone),
		set("iam-trust", `aws_iam_role.this["build"]`, "assume_role_policy", anySubject),
		set("iam-trust", `aws_iam_role.this["deploy"]`, "assume_role_policy", halfSubject),
		set("iam-trust", `aws_iam_role.this["plan"]`, "assume_role_policy", anyAudience),
		written("iam-trust", "as it is written, by a pattern", "stack.ci", "data.aws_iam_policy_document.trust", func(statement map[string]any) {
			for _, condition := range statement["condition"].([]any) {
				condition.(map[string]any)["test"] = constant("StringLike")
			}
		}),

		set("cluster-logs", "aws_eks_cluster.this", "enabled_cluster_log_types", []any{"api"}),
		set("database-logs", "aws_db_instance.this", "enabled_cloudwatch_logs_exports", []any{}),
		set("database-logs", "aws_db_instance.this", "performance_insights_enabled", false),
		without("network-logs", "aws_flow_log.this", "aws_vpc.this"),
		set("network-logs", "aws_flow_log.this", "traffic_type", "REJECT").of("aws_vpc.this"),
		set("edge-logs", "aws_lb.this", "access_logs.enabled", false),
		set("edge-logs", distribution, "logging_config", []any{}),
		without("edge-logs", "aws_wafv2_web_acl_logging_configuration.this", "aws_wafv2_web_acl.this"),
		without("bucket-logs", `aws_s3_bucket_logging.this["artifacts"]`, artifacts),
		set("trail-whole", "aws_cloudtrail.this", "is_multi_region_trail", false),
		set("trail-whole", "aws_cloudtrail.this", "enable_log_file_validation", false),
		set("logs-end", "aws_cloudwatch_log_group.trail", "retention_in_days", 0),
		set("database-backups", "aws_db_instance.this", "backup_retention_period", 1),
		set("bucket-versions", `aws_s3_bucket_versioning.this["artifacts"]`, "versioning_configuration.status", "Suspended").of(artifacts),
		without("bucket-versions", "aws_s3_bucket_versioning.frontend", "aws_s3_bucket.frontend"),
		set("cache-failover", "aws_elasticache_replication_group.this", "multi_az_enabled", false),
		set("tagged", "aws_vpc.this", "tags_all", map[string]any{"Name": "x"}),

		set("prod-deletion", "aws_db_instance.this", "deletion_protection", false),
		set("prod-deletion", "aws_db_instance.replica", "deletion_protection", false),
		set("prod-deletion", "aws_lb.this", "enable_deletion_protection", false),
		set("prod-snapshot", "aws_db_instance.this", "skip_final_snapshot", true),
		set("prod-snapshot", "aws_db_instance.this", "delete_automated_backups", true),
		set("prod-buckets", "aws_s3_bucket.frontend", "force_destroy", true),
		set("prod-buckets", "aws_ecr_repository.this", "force_delete", true),
		set("prod-zones", "aws_db_instance.this", "multi_az", false),
		without("prod-zones", `aws_nat_gateway.this["eu-west-1a"]`, "aws_vpc.this"),
		set("prod-backups", "aws_db_instance.this", "backup_retention_period", 7),
		set("prod-backups", "aws_elasticache_replication_group.this", "snapshot_retention_limit", 0),
	}
}

// of says that another resource is found fault with than the one that is spoiled.
func (b badPlan) of(address string) badPlan {
	b.address = address
	return b
}
