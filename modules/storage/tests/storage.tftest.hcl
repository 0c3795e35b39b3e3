mock_provider "aws" {
  source = "../testing/aws"
}

variables {
  name       = "pocctl-test"
  trail_name = "pocctl-test-trail"
}

run "nothing_is_public" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket_public_access_block.this) == 3 && alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "A bucket can be made public."
  }

  assert {
    condition = alltrue([
      for document in data.aws_iam_policy_document.this : anytrue([
        for statement in document.statement : statement.effect == "Deny" && anytrue([for condition in statement.condition : condition.variable == "aws:SecureTransport"])
      ])
    ])
    error_message = "A bucket is read without TLS."
  }
}

run "encrypted_versioned_and_logged" {
  command = plan

  assert {
    condition     = alltrue([for bucket in ["artifacts", "logs"] : one(one(aws_s3_bucket_server_side_encryption_configuration.this[bucket].rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"])
    error_message = "Artifacts and logs have a key of their own."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this["delivery"].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Load balancers do not deliver to a bucket with a key of its own."
  }

  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"])
    error_message = "A bucket forgets what was there."
  }

  assert {
    condition     = keys(aws_s3_bucket_logging.this) == ["artifacts", "logs"]
    error_message = "Access is logged, but not that to the logs of it."
  }
}

run "only_the_trail_writes_the_trail" {
  command = plan

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.this["logs"].statement :
      contains([for condition in statement.condition : one(condition.values) if condition.variable == "aws:SourceArn"], "arn:aws:cloudtrail:eu-west-1:123456789012:trail/pocctl-test-trail") if startswith(statement.sid, "Trail")
    ])
    error_message = "Another account's trail may write here."
  }
}

run "logs_go_when_they_are_old" {
  command = plan

  assert {
    condition     = one(one([for rule in aws_s3_bucket_lifecycle_configuration.this["logs"].rule : rule if rule.id == "age"]).expiration).days == 365
    error_message = "Logs are kept for a year by default."
  }

  assert {
    condition     = length([for rule in aws_s3_bucket_lifecycle_configuration.this["artifacts"].rule : rule if rule.id == "age"]) == 0
    error_message = "Artifacts do not age."
  }
}

run "data_outlives_mistakes" {
  command = plan

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : !bucket.force_destroy])
    error_message = "A bucket goes with what is in it."
  }
}

run "refuses_logs_of_a_day" {
  command = plan

  variables {
    log_days = 1
  }

  expect_failures = [var.log_days]
}

run "refuses_artifacts_without_return" {
  command = plan

  variables {
    artifact_days = 0
  }

  expect_failures = [var.artifact_days]
}
