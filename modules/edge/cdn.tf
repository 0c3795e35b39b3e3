# CloudFront: files from the bucket, the API from the load balancer, both by TLS.

locals {
  # AWS' own policies, whose IDs are the same everywhere.
  caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  caching_disabled  = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  all_viewer        = "216adef6-5c7f-47e4-b989-5492eafa07d3"
}

module "viewer_firewall" {
  source    = "./firewall"
  providers = { aws = aws.us_east_1 }

  name                 = var.name
  scope                = "CLOUDFRONT"
  requests_per_address = var.requests_per_address
  forwarded            = false
  log_days             = var.log_days
}

resource "aws_cloudfront_origin_access_control" "this" {
  name                              = var.name
  description                       = "Signs what CloudFront asks of the bucket of ${var.name}"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

# A page of the application is a path without a file: its first page knows it. Not by
# error pages, which would also take the API's answers.
resource "aws_cloudfront_function" "pages" {
  name    = "${var.name}-pages"
  comment = "Paths without a file are the application's"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = file("${path.module}/pages.js")
}

resource "aws_cloudfront_response_headers_policy" "this" {
  name    = var.name
  comment = "Headers that browsers are kept safe by"

  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      override                   = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = false
    }

    referrer_policy {
      referrer_policy = "strict-origin-when-cross-origin"
      override        = true
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_310:The bucket and the load balancer are in three zones each
  #checkov:skip=CKV_AWS_374:Nobody is kept out by country
  enabled             = true
  comment             = var.name
  aliases             = [var.domain]
  default_root_object = "index.html"
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  price_class         = var.price_class
  web_acl_id          = module.viewer_firewall.arn

  # It serves some minutes later; nothing else waits for that.
  wait_for_deployment = false

  origin {
    origin_id                = "frontend"
    domain_name              = aws_s3_bucket.frontend.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.this.id
  }

  origin {
    origin_id   = "api"
    domain_name = local.origin_domain

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }

  default_cache_behavior {
    target_origin_id           = "frontend"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.caching_optimized
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.pages.arn
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = var.api_paths

    content {
      path_pattern               = ordered_cache_behavior.value
      target_origin_id           = "api"
      viewer_protocol_policy     = "https-only"
      allowed_methods            = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = true
      cache_policy_id            = local.caching_disabled
      origin_request_policy_id   = local.all_viewer
      response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    }
  }

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.viewer.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  logging_config {
    bucket          = var.logs.domain
    prefix          = "cloudfront/"
    include_cookies = false
  }
}
