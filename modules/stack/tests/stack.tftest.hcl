mock_provider "aws" {
  source = "../testing/aws"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing/aws"
}

variables {
  environment = "test"
  account_id  = "123456789012"
  region      = "eu-west-1"
  domain      = "test.example.com"
  zone_id     = "Z0123456789ABC"
  protected   = false
  cluster     = { node_groups = { system = { instance_types = ["t3.large"] } } }
  guard       = { monthly_budget = 900 }
}

override_resource {
  target = module.rds.aws_db_instance.this
  values = {
    endpoint           = "pocctl-test.mock.eu-west-1.rds.amazonaws.com:5432"
    master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1", secret_status = "active", kms_key_id = "key" }]
  }
}

override_resource {
  target = module.eks.aws_eks_cluster.this
  values = {
    endpoint              = "https://MOCK.gr7.eu-west-1.eks.amazonaws.com"
    certificate_authority = [{ data = "TU9DSw==" }]
    identity              = [{ oidc = [{ issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/MOCK" }] }]
  }
}

# The firewalls have tests of their own, and a schema that takes Terraform longer than
# everything else here together.
override_module {
  target = module.edge.module.viewer_firewall
  outputs = {
    arn  = "arn:aws:wafv2:eu-west-1:123456789012:global/webacl/mock/11111111-2222-3333-4444-555555555555"
    name = "mock-viewer"
  }
}

override_module {
  target = module.edge.module.origin_firewall
  outputs = {
    arn  = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/mock/11111111-2222-3333-4444-555555555555"
    name = "mock-origin"
  }
}

run "the_parts_fit_together" {
  assert {
    condition     = output.name == "pocctl-test" && output.cluster_name == "pocctl-test"
    error_message = "Names are put together differently."
  }

  assert {
    condition     = output.database_endpoint == "pocctl-test.mock.eu-west-1.rds.amazonaws.com:5432" && output.database_secret_arn == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1"
    error_message = "The database is not put out."
  }

  assert {
    condition     = toset(keys(output.role_arns.workloads)) == toset(["argo-rollouts", "cluster-autoscaler", "external-secrets", "load-balancer-controller", "loki", "tempo"])
    error_message = "A part of the platform has no role."
  }

  assert {
    condition     = length(output.role_arns.ci) == 0
    error_message = "Roles of workflows are made without a repository."
  }
}

run "pods_read_the_secrets_of_their_environment" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.external_secrets.statement : [
        for resource in statement.resources : resource != "*" && !endswith(resource, ":secret:*")
      ] if statement.sid != "Keys"
    ]))
    error_message = "External Secrets reads every secret of the account."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.external_secrets.statement : one(one(statement.condition).values) if statement.sid == "DatabaseSecret"]) == "arn:aws:rds:eu-west-1:123456789012:db:pocctl-test"
    error_message = "External Secrets reads the passwords of other databases."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.telemetry["loki"].statement : one(statement.resources) if statement.sid == "Objects"]) == "arn:aws:s3:::pocctl-test-logs-123456789012/loki/*"
    error_message = "Loki writes outside of its folder."
  }
}

run "workflows_deliver" {
  variables {
    delivery = { repository = "example/shop", state_bucket = "pocctl-state-123456789012" }
  }

  assert {
    condition     = toset(keys(output.role_arns.ci)) == toset(["build", "plan", "deploy", "provision"])
    error_message = "A role of the workflows is missing."
  }
}

run "an_unprotected_environment_can_be_taken_away" {
  command = plan

  assert {
    condition     = !module.rds.deletion_protection
    error_message = "The database refuses to go."
  }
}

run "refuses_prod_unprotected" {
  command = plan

  variables {
    environment = "prod"
    network     = { nat = "zonal" }
    database    = { backup_days = 35 }
  }

  expect_failures = [var.protected]
}

run "refuses_prod_behind_one_nat_gateway" {
  command = plan

  variables {
    environment = "prod"
    protected   = true
    database    = { backup_days = 35 }
  }

  expect_failures = [var.network]
}

run "refuses_prod_without_a_standby" {
  command = plan

  variables {
    environment = "prod"
    protected   = true
    network     = { nat = "zonal" }
    database    = { backup_days = 35, multi_az = false }
  }

  expect_failures = [var.database]
}

run "refuses_prod_with_a_night" {
  command = plan

  variables {
    environment = "prod"
    protected   = true
    network     = { nat = "zonal" }
    database    = { backup_days = 35 }
    guard       = { monthly_budget = 900, night = {} }
  }

  expect_failures = [var.guard]
}

run "refuses_an_account_that_is_none" {
  command = plan

  variables {
    account_id = "staging"
  }

  expect_failures = [var.account_id]
}

run "refuses_a_zone_for_a_region" {
  command = plan

  variables {
    region = "eu-west-1a"
  }

  expect_failures = [var.region]
}
