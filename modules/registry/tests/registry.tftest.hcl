mock_provider "aws" {
  source = "../testing/aws"
}

variables {
  name = "pocctl-test"
}

run "tags_never_move_and_images_are_scanned" {
  command = plan

  assert {
    condition     = length(aws_ecr_repository.this) == 2 && alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "A tag can be moved to another image."
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_scanning_configuration[0].scan_on_push && repository.encryption_configuration[0].encryption_type == "KMS"])
    error_message = "Images are not scanned, or not encrypted with a key of their own."
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : !repository.force_delete])
    error_message = "A repository goes with its images."
  }
}

run "old_images_go" {
  command = plan

  variables {
    kept_images = 10
  }

  assert {
    condition     = alltrue([for policy in aws_ecr_lifecycle_policy.this : jsondecode(policy.policy).rules[1].selection.countNumber == 10])
    error_message = "The number of images kept is another."
  }
}

run "refuses_too_few_images_to_roll_back_to" {
  command = plan

  variables {
    kept_images = 1
  }

  expect_failures = [var.kept_images]
}

run "refuses_a_name_that_aws_would" {
  command = plan

  variables {
    repositories = ["Backend"]
  }

  expect_failures = [var.repositories]
}
