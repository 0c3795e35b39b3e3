# Nothing is open to the internet that does not have to be.
package pocctl

import rego.v1

policies["bucket-private"] := "Buckets cannot be made public"

policies["bucket-policy-private"] := "Policies of buckets, topics, keys and repositories allow nobody without a condition"

policies["database-private"] := "Databases have no public address"

policies["cluster-private"] := "The API server has a private endpoint, and is not open to the whole internet"

policies["ingress-narrow"] := "Security groups let nobody in from everywhere"

policies["subnet-private"] := "What starts in a subnet gets no public address by itself"

policies["metadata-tokens"] := "Nodes give their metadata for a token alone, and not to pods"

policies["edge-firewall"] := "CloudFront and load balancers stand behind a firewall with managed rules and a limit"

policies["images-immutable"] := "Tags of images never move, and images are scanned"

policies["cdn-origin-signed"] := "CloudFront signs what it asks of buckets"

deny contains finding("bucket-private", bucket, "public access is not blocked") if {
	some bucket in of("aws_s3_bucket")
	not blocked(bucket)
}

blocked(bucket) if {
	access := after(companion(bucket, "aws_s3_bucket_public_access_block"))
	every argument in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"] {
		access[argument] == true
	}
}

deny contains finding("bucket-policy-private", resource, "a statement allows anybody without a condition") if {
	some type in ["aws_s3_bucket_policy", "aws_sns_topic_policy", "aws_sqs_queue_policy", "aws_kms_key", "aws_ecr_repository_policy"]
	some resource in of(type)
	some statement in json.unmarshal(after(resource).policy).Statement
	statement.Effect == "Allow"
	anybody(statement)
	not statement.Condition
}

anybody(statement) if statement.Principal == "*"

anybody(statement) if "*" in as_array(statement.Principal.AWS)

# The same of documents whose JSON is only known when they are applied.
deny contains finding("bucket-policy-private", document, "a statement allows anybody without a condition") if {
	some module, documents in written_statements
	some address, statements in documents
	some statement in statements
	object.get(statement, ["effect", "constant_value"], "Allow") == "Allow"
	some principal in object.get(statement, "principals", [])
	principal.type.constant_value in ["*", "AWS"]
	principal.identifiers.constant_value == ["*"]
	count(object.get(statement, "condition", [])) == 0
	document := {"address": concat(".", [part | some part in [module, address]; part != ""])}
}

deny contains finding("database-private", database, "publicly_accessible is not false") if {
	some database in of("aws_db_instance")
	not after(database).publicly_accessible == false
}

deny contains finding("cluster-private", cluster, "there is no private endpoint") if {
	some cluster in of("aws_eks_cluster")
	not block(cluster, "vpc_config", "endpoint_private_access") == true
}

deny contains finding("cluster-private", cluster, "the public endpoint is open to the whole internet") if {
	some cluster in of("aws_eks_cluster")
	some config in after(cluster).vpc_config
	config.endpoint_public_access == true
	some cidr in object.get(config, "public_access_cidrs", ["0.0.0.0/0"])
	cidr in everywhere
}

# EKS opens to all where a public endpoint is on and no ranges are given.
deny contains finding("cluster-private", cluster, "the public endpoint names no ranges, which opens it to all") if {
	some cluster in of("aws_eks_cluster")
	some config in after(cluster).vpc_config
	not config.endpoint_public_access == false
	count(object.get(config, "public_access_cidrs", [])) == 0
}

everywhere := {"0.0.0.0/0", "::/0"}

deny contains finding("ingress-narrow", rule, "anybody on the internet gets in") if {
	some rule in of("aws_vpc_security_group_ingress_rule")
	some argument in ["cidr_ipv4", "cidr_ipv6"]
	after(rule)[argument] in everywhere
}

deny contains finding("ingress-narrow", rule, "anybody on the internet gets in") if {
	some rule in of("aws_security_group_rule")
	after(rule).type == "ingress"
	some argument in ["cidr_blocks", "ipv6_cidr_blocks"]
	some cidr in after(rule)[argument]
	cidr in everywhere
}

deny contains finding("ingress-narrow", group, "anybody on the internet gets in") if {
	some type in ["aws_security_group", "aws_default_security_group"]
	some group in of(type)
	some rule in after(group).ingress
	some argument in ["cidr_blocks", "ipv6_cidr_blocks"]
	some cidr in rule[argument]
	cidr in everywhere
}

deny contains finding("subnet-private", subnet, "map_public_ip_on_launch is true") if {
	some subnet in of("aws_subnet")
	after(subnet).map_public_ip_on_launch == true
}

deny contains finding("metadata-tokens", template, "http_tokens is not required") if {
	some template in of("aws_launch_template")
	not block(template, "metadata_options", "http_tokens") == "required"
}

deny contains finding("metadata-tokens", template, "pods reach the metadata: the hop limit is above 1") if {
	some template in of("aws_launch_template")
	not block(template, "metadata_options", "http_put_response_hop_limit") == 1
}

deny contains finding("metadata-tokens", group, "a node group without a launch template takes AWS' defaults") if {
	some group in of("aws_eks_node_group")
	count(object.get(after(group), "launch_template", [])) == 0
}

deny contains finding("edge-firewall", distribution, "web_acl_id names no firewall") if {
	some distribution in of("aws_cloudfront_distribution")
	not given(distribution, "web_acl_id")
}

deny contains finding("edge-firewall", balancer, "no firewall is associated") if {
	some balancer in of("aws_lb")
	after(balancer).load_balancer_type == "application"
	not companion(balancer, "aws_wafv2_web_acl_association")
}

deny contains finding("edge-firewall", firewall, "there are no managed rules") if {
	some firewall in of("aws_wafv2_web_acl")
	count([rule | some rule in after(firewall).rule; count(rule.statement[0].managed_rule_group_statement) > 0]) == 0
}

deny contains finding("edge-firewall", firewall, "there is no limit for an address") if {
	some firewall in of("aws_wafv2_web_acl")
	count([rule | some rule in after(firewall).rule; count(rule.statement[0].rate_based_statement) > 0]) == 0
}

deny contains finding("images-immutable", repository, "tags can be moved") if {
	some repository in of("aws_ecr_repository")
	not after(repository).image_tag_mutability == "IMMUTABLE"
}

deny contains finding("images-immutable", repository, "images are not scanned") if {
	some repository in of("aws_ecr_repository")
	not block(repository, "image_scanning_configuration", "scan_on_push") == true
}

deny contains finding("cdn-origin-signed", control, "requests are not always signed") if {
	some control in of("aws_cloudfront_origin_access_control")
	not after(control).signing_behavior == "always"
}
