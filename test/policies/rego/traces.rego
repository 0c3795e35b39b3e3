# What happens leaves traces, and data outlives mistakes.
package pocctl

import rego.v1

policies["cluster-logs"] := "The control plane keeps all five of its logs"

policies["database-logs"] := "Databases put out their logs, and insights are on"

policies["network-logs"] := "Every network has a flow log of all traffic"

policies["edge-logs"] := "Load balancers, CloudFront and firewalls log"

policies["bucket-logs"] := "Access to buckets is logged"

policies["trail-whole"] := "The audit trail is of all regions, and its files are sealed"

policies["logs-end"] := "Logs are not kept for ever"

policies["database-backups"] := "Databases can be restored to any second of a week"

policies["bucket-versions"] := "Buckets keep earlier versions"

policies["cache-failover"] := "Caches fail over to another zone"

policies["tagged"] := "Everything carries its environment, by which leftovers are found"

deny contains finding("cluster-logs", cluster, sprintf("%v are not kept", [missing])) if {
	some cluster in of("aws_eks_cluster")
	missing := {"api", "audit", "authenticator", "controllerManager", "scheduler"} - {log | some log in after(cluster).enabled_cluster_log_types}
	count(missing) > 0
}

deny contains finding("database-logs", database, "the log of Postgres is not put out") if {
	some database in of("aws_db_instance")
	not "postgresql" in object.get(after(database), "enabled_cloudwatch_logs_exports", [])
}

deny contains finding("database-logs", database, "performance_insights_enabled is not true") if {
	some database in of("aws_db_instance")
	not after(database).performance_insights_enabled == true
}

deny contains finding("network-logs", network, "there is no flow log of all traffic") if {
	some network in of("aws_vpc")
	not logged(network)
}

logged(network) if after(companion(network, "aws_flow_log")).traffic_type == "ALL"

deny contains finding("edge-logs", balancer, "there is no access log") if {
	some balancer in of("aws_lb")
	not block(balancer, "access_logs", "enabled") == true
}

deny contains finding("edge-logs", distribution, "there is no access log") if {
	some distribution in of("aws_cloudfront_distribution")
	count(object.get(after(distribution), "logging_config", [])) == 0
}

deny contains finding("edge-logs", firewall, "what it blocks is not logged") if {
	some firewall in of("aws_wafv2_web_acl")
	count([logging |
		some logging in of("aws_wafv2_web_acl_logging_configuration")
		logging.module_address == firewall.module_address
	]) == 0
}

# The bucket of deliveries would log to itself; the frontend's is read by CloudFront
# alone, which logs.
deny contains finding("bucket-logs", bucket, "access is not logged") if {
	some bucket in of("aws_s3_bucket")
	not delivery(bucket)
	not bucket.name == "frontend"
	not companion(bucket, "aws_s3_bucket_logging")
}

deny contains finding("trail-whole", trail, sprintf("%s is not true", [argument])) if {
	some trail in of("aws_cloudtrail")
	some argument in ["is_multi_region_trail", "include_global_service_events", "enable_log_file_validation"]
	not after(trail)[argument] == true
}

deny contains finding("logs-end", group, "retention_in_days is not set") if {
	some group in of("aws_cloudwatch_log_group")
	not object.get(after(group), "retention_in_days", 0) > 0
}

deny contains finding("database-backups", database, "backups are kept for less than a week") if {
	some database in of("aws_db_instance")
	not given(database, "replicate_source_db")
	not after(database).backup_retention_period >= 7
}

deny contains finding("bucket-versions", bucket, "earlier versions are not kept") if {
	some bucket in of("aws_s3_bucket")
	not versioned(bucket)
}

versioned(bucket) if block(companion(bucket, "aws_s3_bucket_versioning"), "versioning_configuration", "status") == "Enabled"

deny contains finding("cache-failover", cache, sprintf("%s is not true", [argument])) if {
	some cache in of("aws_elasticache_replication_group")
	some argument in ["automatic_failover_enabled", "multi_az_enabled"]
	not after(cache)[argument] == true
}

deny contains finding("tagged", resource, "pocctl:environment is not among its tags") if {
	some type
	some resource in resources[type]
	"tags_all" in object.keys(after(resource))
	not after(resource).tags_all["pocctl:environment"] == input.variables.environment.value
	not resource.change.after_unknown.tags_all == true
}
