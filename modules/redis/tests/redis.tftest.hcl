mock_provider "aws" {
  source = "../testing/aws"
}

variables {
  name                   = "pocctl-test"
  vpc_id                 = "vpc-11111111"
  subnet_ids             = ["subnet-11111111", "subnet-22222222"]
  client_security_groups = { cluster = "sg-11111111" }
}

run "encrypted_and_in_two_zones" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.this.at_rest_encryption_enabled == "true" && aws_elasticache_replication_group.this.transit_encryption_enabled == true
    error_message = "The cache is not encrypted."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.num_cache_clusters == 2
    error_message = "Nothing takes over when a node fails."
  }

  assert {
    condition     = length(aws_elasticache_replication_group.this.log_delivery_configuration) == 2
    error_message = "Slow log and engine log are kept."
  }

  assert {
    condition     = one([for parameter in aws_elasticache_parameter_group.this.parameter : parameter.value if parameter.name == "maxmemory-policy"]) == "allkeys-lru"
    error_message = "A full cache has to forget, not to refuse."
  }
}

run "the_token_is_the_secret" {
  assert {
    condition     = aws_elasticache_replication_group.this.auth_token == aws_secretsmanager_secret_version.token.secret_string && length(nonsensitive(aws_elasticache_replication_group.this.auth_token)) == 64
    error_message = "Clients find another token than Redis wants."
  }
}

run "the_token_stays_when_aws_offers_another" {
  override_data {
    target = data.aws_secretsmanager_random_password.token
    values = { random_password = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" }
  }

  assert {
    condition     = startswith(nonsensitive(aws_elasticache_replication_group.this.auth_token), "0123456789abcdef")
    error_message = "Every run changes the token."
  }
}

run "clients_alone_connect" {
  command = plan

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.client : rule.from_port == 6379 && rule.to_port == 6379 && rule.cidr_ipv4 == null && rule.referenced_security_group_id == "sg-11111111"])
    error_message = "Others may connect, or to more than Redis' port."
  }
}

run "refuses_a_single_node" {
  command = plan

  variables {
    nodes = 1
  }

  expect_failures = [var.nodes]
}

run "refuses_another_major_version" {
  command = plan

  variables {
    engine_version = "6.2"
  }

  expect_failures = [var.engine_version]
}

run "refuses_a_short_recovery" {
  command = plan

  variables {
    secret_recovery_days = 3
  }

  expect_failures = [var.secret_recovery_days]
}

run "refuses_a_database_size" {
  command = plan

  variables {
    node_type = "db.t4g.small"
  }

  expect_failures = [var.node_type]
}
