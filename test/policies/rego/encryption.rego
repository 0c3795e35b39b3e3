# Everything that lies somewhere is encrypted, and everything that travels is.
package pocctl

import rego.v1

policies["database-encrypted"] := "Databases are encrypted with a key of their own"

policies["database-tls"] := "Databases refuse connections without TLS"

policies["database-password"] := "RDS makes and rotates the master password"

policies["cache-encrypted"] := "Caches are encrypted where they lie and where they travel, and want a token"

policies["bucket-encrypted"] := "Buckets are encrypted by KMS, but for those that services deliver to"

policies["bucket-tls"] := "Buckets refuse requests without TLS"

policies["cluster-secrets"] := "Kubernetes secrets are encrypted with a key"

policies["volume-encrypted"] := "Nodes' volumes are encrypted"

policies["images-encrypted"] := "Images are encrypted with a key"

policies["logs-encrypted"] := "Logs are encrypted with a key"

policies["topic-encrypted"] := "Topics are encrypted with a key"

policies["secret-encrypted"] := "Secrets are encrypted with a key of their own"

policies["key-rotates"] := "Keys rotate"

policies["cdn-tls"] := "CloudFront wants TLS 1.2 of browsers and of what it asks"

policies["listener-tls"] := "Load balancers listen with TLS"

deny contains finding("database-encrypted", database, "storage_encrypted is not true") if {
	some database in of("aws_db_instance")
	not after(database).storage_encrypted == true
}

deny contains finding("database-encrypted", database, "kms_key_id names no key") if {
	some database in of("aws_db_instance")
	not given(database, "kms_key_id")
	not given(database, "replicate_source_db")
}

deny contains finding("database-tls", group, "rds.force_ssl is not 1") if {
	some group in of("aws_db_parameter_group")
	startswith(after(group).family, "postgres")
	count([parameter |
		some parameter in after(group).parameter
		parameter.name == "rds.force_ssl"
		parameter.value == "1"
	]) == 0
}

deny contains finding("database-password", database, "the password is not managed by RDS") if {
	some database in of("aws_db_instance")
	not given(database, "replicate_source_db")
	not after(database).manage_master_user_password == true
}

deny contains finding("cache-encrypted", cache, sprintf("%s is not true", [argument])) if {
	some cache in of("aws_elasticache_replication_group")
	some argument in ["at_rest_encryption_enabled", "transit_encryption_enabled"]
	not after(cache)[argument] in [true, "true"]
}

deny contains finding("cache-encrypted", cache, "there is neither a token nor a user group") if {
	some cache in of("aws_elasticache_replication_group")
	not given(cache, "auth_token")
	not given(cache, "user_group_ids")
}

# What load balancers, CloudFront and S3 deliver to can't have a key of its own.
delivery(bucket) if object.get(bucket, "index", null) == "delivery"

deny contains finding("bucket-encrypted", bucket, "no encryption by KMS") if {
	some bucket in of("aws_s3_bucket")
	not delivery(bucket)
	not encrypted_by(bucket, {"aws:kms", "aws:kms:dsse"})
}

deny contains finding("bucket-encrypted", bucket, "no encryption") if {
	some bucket in of("aws_s3_bucket")
	delivery(bucket)
	not encrypted_by(bucket, {"AES256"})
}

encrypted_by(bucket, algorithms) if {
	encryption := companion(bucket, "aws_s3_bucket_server_side_encryption_configuration")
	some rule in after(encryption).rule
	some default_ in rule.apply_server_side_encryption_by_default
	default_.sse_algorithm in algorithms
}

deny contains finding("bucket-tls", bucket, "no policy refuses requests without TLS") if {
	some bucket in of("aws_s3_bucket")
	not refuses_plain(bucket)
}

# By the policy itself, or where it is known later, by how it is written.
refuses_plain(bucket) if {
	policy := companion(bucket, "aws_s3_bucket_policy")
	some statement in json.unmarshal(after(policy).policy).Statement
	statement.Effect == "Deny"
	statement.Condition.Bool["aws:SecureTransport"] in ["false", ["false"]]
}

refuses_plain(bucket) if {
	policy := companion(bucket, "aws_s3_bucket_policy")
	some statement in written_statements[module_path(policy)][_]
	statement.effect.constant_value == "Deny"
	some condition in statement.condition
	condition.variable.constant_value == "aws:SecureTransport"
	condition.values.constant_value == ["false"]
	policy.change.after_unknown.policy == true
}

deny contains finding("cluster-secrets", cluster, "secrets are not encrypted") if {
	some cluster in of("aws_eks_cluster")
	count([config | some config in after(cluster).encryption_config; "secrets" in config.resources]) == 0
}

deny contains finding("volume-encrypted", template, "a volume is not encrypted") if {
	some template in of("aws_launch_template")
	some mapping in after(template).block_device_mappings
	some volume in mapping.ebs
	not volume.encrypted in [true, "true"]
}

deny contains finding("volume-encrypted", template, "no volume is described, and so none is encrypted") if {
	some template in of("aws_launch_template")
	count(object.get(after(template), "block_device_mappings", [])) == 0
}

deny contains finding("images-encrypted", repository, "the encryption is not KMS'") if {
	some repository in of("aws_ecr_repository")
	not block(repository, "encryption_configuration", "encryption_type") == "KMS"
}

deny contains finding("logs-encrypted", group, "kms_key_id names no key") if {
	some group in of("aws_cloudwatch_log_group")
	not given(group, "kms_key_id")
}

deny contains finding("logs-encrypted", trail, "kms_key_id names no key") if {
	some trail in of("aws_cloudtrail")
	not given(trail, "kms_key_id")
}

deny contains finding("topic-encrypted", topic, "kms_master_key_id names no key") if {
	some topic in of("aws_sns_topic")
	not given(topic, "kms_master_key_id")
}

deny contains finding("secret-encrypted", secret, "kms_key_id names no key") if {
	some secret in of("aws_secretsmanager_secret")
	not given(secret, "kms_key_id")
}

deny contains finding("key-rotates", key, "enable_key_rotation is not true") if {
	some key in of("aws_kms_key")
	not after(key).enable_key_rotation == true
}

deny contains finding("cdn-tls", distribution, "browsers may use an older TLS") if {
	some distribution in of("aws_cloudfront_distribution")
	not block(distribution, "viewer_certificate", "minimum_protocol_version") in ["TLSv1.2_2019", "TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025"]
}

deny contains finding("cdn-tls", distribution, "a behaviour serves without TLS") if {
	some distribution in of("aws_cloudfront_distribution")
	some name in ["default_cache_behavior", "ordered_cache_behavior"]
	some behaviour in after(distribution)[name]
	not behaviour.viewer_protocol_policy in ["https-only", "redirect-to-https"]
}

deny contains finding("cdn-tls", distribution, "an origin is asked without TLS") if {
	some distribution in of("aws_cloudfront_distribution")
	some origin in after(distribution).origin
	some custom in origin.custom_origin_config
	custom.origin_protocol_policy != "https-only"
}

deny contains finding("listener-tls", listener, "the listener neither has TLS nor sends to where it is") if {
	some listener in of("aws_lb_listener")
	not after(listener).protocol in ["HTTPS", "TLS"]
	not after(listener).default_action[0].redirect[0].protocol == "HTTPS"
}
