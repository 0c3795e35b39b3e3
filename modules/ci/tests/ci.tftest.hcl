mock_provider "aws" {
  source = "../testing/aws"
}

variables {
  name             = "pocctl-test"
  repository       = "example/shop"
  environment      = "test"
  cluster_arn      = "arn:aws:eks:eu-west-1:123456789012:cluster/pocctl-test"
  state_bucket_arn = "arn:aws:s3:::pocctl-state-123456789012"
  registry         = { arns = { backend = "arn:aws:ecr:eu-west-1:123456789012:repository/pocctl-test/backend" }, kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1" }
  frontend         = { bucket_arn = "arn:aws:s3:::pocctl-test-frontend", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/2", distribution_id = "E1" }
}

run "each_role_trusts_one_subject" {
  command = plan

  assert {
    condition     = output.subjects["deploy"] == "repo:example/shop:environment:test" && output.subjects["provision"] == output.subjects["deploy"]
    error_message = "Changes are made without the environment's approval."
  }

  assert {
    condition     = output.subjects["build"] == "repo:example/shop:ref:refs/heads/main" && output.subjects["plan"] == "repo:example/shop:pull_request"
    error_message = "Builds and plans are for other events."
  }

  assert {
    condition = alltrue(flatten([
      for name, document in data.aws_iam_policy_document.trust : [
        for condition in document.statement[0].condition : condition.test == "StringEquals" && alltrue([for value in condition.values : !strcontains(value, "*")])
      ]
    ]))
    error_message = "A role trusts a pattern."
  }

  assert {
    condition     = alltrue([for document in data.aws_iam_policy_document.trust : toset([for condition in document.statement[0].condition : condition.variable]) == toset(["token.actions.githubusercontent.com:aud", "token.actions.githubusercontent.com:sub"])])
    error_message = "A role looks at less than audience and subject."
  }
}

run "no_action_is_a_pattern" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for document in [data.aws_iam_policy_document.build, data.aws_iam_policy_document.state_read, data.aws_iam_policy_document.deploy, data.aws_iam_policy_document.provision] : [
        for statement in document.statement : [for action in statement.actions : !strcontains(action, "*")]
      ]
    ]))
    error_message = "A role may do what is named by a pattern."
  }
}

run "builds_push_to_their_repositories" {
  command = plan

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.build.statement :
      statement.resources == toset(["arn:aws:ecr:eu-west-1:123456789012:repository/pocctl-test/backend"]) if contains(statement.actions, "ecr:PutImage")
    ])
    error_message = "Builds may push elsewhere."
  }
}

run "provisioning_leaves_its_own_way_in_alone" {
  command = plan

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.provision.statement :
      statement.effect == "Deny" && contains(statement.actions, "iam:UpdateAssumeRolePolicy") && statement.resources == toset(["arn:aws:iam::123456789012:role/pocctl-test-ci-*"])
    ])
    error_message = "One approval would be one for ever."
  }
}

run "one_provider_an_account" {
  command = plan

  variables {
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0 && output.oidc_provider_arn == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    error_message = "AWS refuses a second provider for GitHub."
  }
}

run "refuses_all_repositories_of_an_owner" {
  command = plan

  variables {
    repository = "example/*"
  }

  expect_failures = [var.repository]
}

run "refuses_all_environments" {
  command = plan

  variables {
    environment = "*"
  }

  expect_failures = [var.environment]
}

run "refuses_all_branches" {
  command = plan

  variables {
    branch = "*"
  }

  expect_failures = [var.branch]
}

run "refuses_another_provider" {
  command = plan

  variables {
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/example.com"
  }

  expect_failures = [var.oidc_provider_arn]
}
