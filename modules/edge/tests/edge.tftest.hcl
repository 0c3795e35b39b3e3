mock_provider "aws" {
  source = "../testing/aws"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing/aws"
}

variables {
  name                      = "pocctl-test"
  domain                    = "test.example.com"
  zone_id                   = "Z0123456789ABC"
  vpc_id                    = "vpc-11111111"
  subnet_ids                = ["subnet-11111111", "subnet-22222222"]
  cluster_name              = "pocctl-test"
  created_cluster_name      = "pocctl-test"
  cluster_security_group_id = "sg-11111111"
  pod_trust_policy          = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  logs                      = { bucket = "pocctl-test-delivery", domain = "pocctl-test-delivery.s3.amazonaws.com" }
}

# The firewalls have tests of their own, and a schema that takes Terraform longer than
# everything else here together.
override_module {
  target = module.viewer_firewall
  outputs = {
    arn  = "arn:aws:wafv2:eu-west-1:123456789012:global/webacl/mock/11111111-2222-3333-4444-555555555555"
    name = "mock-viewer"
  }
}

override_module {
  target = module.origin_firewall
  outputs = {
    arn  = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/mock/11111111-2222-3333-4444-555555555555"
    name = "mock-origin"
  }
}

run "cloudfront_alone_reaches_the_load_balancer" {
  command = plan

  assert {
    condition     = aws_vpc_security_group_ingress_rule.cloudfront.prefix_list_id == "pl-4fa04526" && aws_vpc_security_group_ingress_rule.cloudfront.cidr_ipv4 == null
    error_message = "The load balancer is open to the internet."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.cloudfront.from_port == 443 && aws_vpc_security_group_ingress_rule.cloudfront.to_port == 443
    error_message = "More than HTTPS is open."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.backend : rule.referenced_security_group_id == "sg-11111111" && rule.from_port == 8080])
    error_message = "The load balancer reaches more than the backend."
  }
}

run "the_controller_finds_the_load_balancer" {
  command = plan

  assert {
    condition     = aws_lb.this.tags["elbv2.k8s.aws/cluster"] == "pocctl-test" && aws_lb.this.tags["ingress.k8s.aws/resource"] == "LoadBalancer" && aws_lb.this.tags["ingress.k8s.aws/stack"] == output.ingress["group.name"]
    error_message = "The controller would make a load balancer of its own."
  }

  assert {
    condition     = output.ingress["scheme"] == (aws_lb.this.internal ? "internal" : "internet-facing") && output.ingress["load-balancer-name"] == aws_lb.this.name
    error_message = "The controller replaces a load balancer whose scheme or name differ."
  }

  assert {
    condition     = aws_eks_pod_identity_association.controller.service_account == "aws-load-balancer-controller" && aws_eks_pod_identity_association.controller.namespace == "kube-system"
    error_message = "The controller has no role."
  }
}

run "the_controller_leaves_terraforms_tags_alone" {
  command = plan

  assert {
    condition     = output.controller_values.defaultTags["pocctl:environment"] == "test"
    error_message = "The controller takes away the tag by which leftovers are found."
  }
}

run "the_controller_changes_only_what_is_its_own" {
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.controller.statement :
      anytrue([for condition in statement.condition : contains(["aws:RequestTag/elbv2.k8s.aws/cluster", "aws:ResourceTag/elbv2.k8s.aws/cluster"], condition.variable)]) || alltrue([for action in statement.actions : can(regex(":(Describe|Get|List)", action))])
      if contains(statement.resources, "*")
    ])
    error_message = "The controller changes what is not tagged as its cluster's."
  }
}

run "tls_everywhere" {
  command = plan

  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "Browsers may use an old TLS."
  }

  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https" && alltrue([for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : behavior.viewer_protocol_policy == "https-only"])
    error_message = "Something is served without TLS."
  }

  assert {
    condition     = alltrue([for origin in aws_cloudfront_distribution.this.origin : try(origin.custom_origin_config[0].origin_protocol_policy, "https-only") == "https-only"])
    error_message = "CloudFront asks the load balancer without TLS."
  }

  assert {
    condition     = aws_acm_certificate.viewer.subject_alternative_names == toset(["origin.test.example.com"]) && aws_acm_certificate.origin.validation_method == "DNS"
    error_message = "A certificate lacks a name, or waits for a mail."
  }
}

run "answers_of_the_api_are_not_kept" {
  command = plan

  assert {
    condition     = alltrue([for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : behavior.cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"])
    error_message = "One user's answer may go to another."
  }

  assert {
    condition     = length(aws_cloudfront_distribution.this.custom_error_response) == 0
    error_message = "Error pages would also replace the API's errors."
  }
}

run "the_bucket_is_cloudfronts_alone" {
  assert {
    condition     = aws_s3_bucket_public_access_block.frontend.block_public_policy && aws_s3_bucket_public_access_block.frontend.restrict_public_buckets
    error_message = "The bucket can be made public."
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.frontend.statement : one(one(statement.condition).values) if statement.sid == "Read"
    ]) == aws_cloudfront_distribution.this.arn
    error_message = "Another distribution may read the bucket."
  }

  assert {
    condition     = aws_cloudfront_origin_access_control.this.signing_behavior == "always"
    error_message = "CloudFront does not sign."
  }

  assert {
    condition     = aws_cloudfront_distribution.this.web_acl_id == module.viewer_firewall.arn && aws_wafv2_web_acl_association.this.web_acl_arn == module.origin_firewall.arn
    error_message = "Something is not behind a firewall."
  }
}

run "protected_by_default" {
  command = plan

  assert {
    condition     = aws_lb.this.enable_deletion_protection && !aws_s3_bucket.frontend.force_destroy
    error_message = "The controller or a mistake may delete the load balancer or the files."
  }
}

run "makes_a_zone_where_there_is_none" {
  command = plan

  variables {
    zone_id = null
  }

  assert {
    condition     = length(aws_route53_zone.this) == 1 && aws_route53_zone.this[0].name == "test.example.com"
    error_message = "No zone holds the domain."
  }
}

run "uses_the_zone_that_is_there" {
  command = plan

  assert {
    condition     = length(aws_route53_zone.this) == 0 && alltrue([for record in aws_route53_record.viewer : record.zone_id == "Z0123456789ABC"])
    error_message = "Records go to another zone."
  }
}

run "refuses_a_domain_with_a_scheme" {
  command = plan

  variables {
    domain = "https://test.example.com"
  }

  expect_failures = [var.domain]
}

run "refuses_the_name_of_a_zone_for_its_id" {
  command = plan

  variables {
    zone_id = "example.com"
  }

  expect_failures = [var.zone_id]
}

run "refuses_a_path_without_a_slash" {
  command = plan

  variables {
    api_paths = ["api/*"]
  }

  expect_failures = [var.api_paths]
}

run "refuses_a_limit_below_that_of_aws" {
  command = plan

  variables {
    requests_per_address = 10
  }

  expect_failures = [var.requests_per_address]
}

run "refuses_a_port_that_is_none" {
  command = plan

  variables {
    backend_ports = { http = 70000 }
  }

  expect_failures = [var.backend_ports]
}
