mock_provider "aws" {
  source = "../testing/aws"
}

variables {
  name                   = "pocctl-test"
  vpc_id                 = "vpc-11111111"
  subnet_ids             = ["subnet-11111111", "subnet-22222222"]
  client_security_groups = { cluster = "sg-11111111" }
}

# The real provider answers a secret; the mock an empty list.
override_resource {
  target = aws_db_instance.this
  values = {
    master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1", secret_status = "active", kms_key_id = "key" }]
  }
}

run "encrypted_private_and_restorable" {
  command = plan

  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "The database is open or unencrypted."
  }

  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.backup_retention_period == 7
    error_message = "By default there is a standby, and a week of backups."
  }

  assert {
    condition     = aws_db_instance.this.performance_insights_enabled && aws_db_instance.this.monitoring_interval == 60
    error_message = "What the database does is watched."
  }
}

run "the_password_is_aws_own" {
  command = plan

  assert {
    condition     = aws_db_instance.this.manage_master_user_password == true && aws_db_instance.this.password == null
    error_message = "The password is in the plan."
  }
}

run "tls_alone" {
  command = plan

  assert {
    condition     = one([for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "rds.force_ssl"]) == "1"
    error_message = "Clients may connect without TLS."
  }

  assert {
    condition     = aws_db_parameter_group.this.family == "postgres17"
    error_message = "The parameters are of another version."
  }
}

run "clients_alone_connect" {
  command = plan

  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.client : rule.referenced_security_group_id] == ["sg-11111111"]
    error_message = "Others may connect."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.client : rule.from_port == 5432 && rule.to_port == 5432 && rule.cidr_ipv4 == null])
    error_message = "Clients get more than Postgres' port."
  }
}

run "protected_by_default" {
  command = plan

  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups
    error_message = "The database can be lost by a mistake."
  }
}

run "unprotected_leaves_nothing" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = !aws_db_instance.this.deletion_protection && aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.delete_automated_backups
    error_message = "An environment that is taken away leaves snapshots or backups."
  }
}

run "replicas_are_as_safe_as_the_instance" {
  command = plan

  variables {
    replicas = 2
  }

  assert {
    condition     = length(aws_db_instance.replica) == 2 && alltrue([for replica in aws_db_instance.replica : replica.storage_encrypted && !replica.publicly_accessible && replica.deletion_protection])
    error_message = "A replica is open, unencrypted or unprotected."
  }
}

run "the_secret_is_put_out" {
  assert {
    condition     = output.secret_arn == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1"
    error_message = "Clients do not find the password."
  }
}

run "refuses_to_go_without_backups" {
  command = plan

  variables {
    backup_days = 0
  }

  expect_failures = [var.backup_days]
}

run "refuses_storage_that_cannot_grow" {
  command = plan

  variables {
    storage_gib = { initial = 100, maximum = 100 }
  }

  expect_failures = [var.storage_gib]
}

run "refuses_a_minor_version" {
  command = plan

  variables {
    engine_version = "17.2"
  }

  expect_failures = [var.engine_version]
}

run "refuses_a_user_that_is_guessed" {
  command = plan

  variables {
    master_username = "postgres"
  }

  expect_failures = [var.master_username]
}

run "refuses_six_replicas" {
  command = plan

  variables {
    replicas = 6
  }

  expect_failures = [var.replicas]
}

run "refuses_insights_for_a_week_and_a_half" {
  command = plan

  variables {
    performance_insights_days = 10
  }

  expect_failures = [var.performance_insights_days]
}

run "refuses_one_zone" {
  command = plan

  variables {
    subnet_ids = ["subnet-11111111"]
  }

  expect_failures = [var.subnet_ids]
}
