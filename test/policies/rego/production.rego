# What production has beside: nothing of it goes by mistake, or with one zone.
package pocctl

import rego.v1

policies["prod-deletion"] := "prod's databases and load balancers refuse to be deleted"

policies["prod-snapshot"] := "prod's databases leave a last snapshot and their backups"

policies["prod-buckets"] := "prod's buckets and repositories are not deleted with what is in them"

policies["prod-zones"] := "prod outlives the loss of a zone"

policies["prod-backups"] := "prod's databases can be restored to any second of two weeks, its caches to a day"

deny contains finding("prod-deletion", database, "deletion_protection is not true") if {
	production
	some database in of("aws_db_instance")
	not after(database).deletion_protection == true
}

deny contains finding("prod-deletion", balancer, "enable_deletion_protection is not true") if {
	production
	some balancer in of("aws_lb")
	not after(balancer).enable_deletion_protection == true
}

deny contains finding("prod-snapshot", database, sprintf("%s is not false", [argument])) if {
	production
	some database in of("aws_db_instance")
	not given(database, "replicate_source_db")
	some argument in ["skip_final_snapshot", "delete_automated_backups"]
	not after(database)[argument] == false
}

deny contains finding("prod-buckets", bucket, "force_destroy is not false") if {
	production
	some bucket in of("aws_s3_bucket")
	not after(bucket).force_destroy == false
}

deny contains finding("prod-buckets", repository, "force_delete is not false") if {
	production
	some repository in of("aws_ecr_repository")
	not after(repository).force_delete == false
}

deny contains finding("prod-zones", database, "multi_az is not true") if {
	production
	some database in of("aws_db_instance")
	not given(database, "replicate_source_db")
	not after(database).multi_az == true
}

deny contains finding("prod-zones", network, "there are fewer than three NAT gateways") if {
	production
	some network in of("aws_vpc")
	count(of("aws_nat_gateway")) < 3
}

deny contains finding("prod-backups", database, "backups are kept for less than two weeks") if {
	production
	some database in of("aws_db_instance")
	not given(database, "replicate_source_db")
	not after(database).backup_retention_period >= 14
}

deny contains finding("prod-backups", cache, "there are no snapshots") if {
	production
	some cache in of("aws_elasticache_replication_group")
	not after(cache).snapshot_retention_limit >= 1
}
