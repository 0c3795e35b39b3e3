# Names and certificates. Two certificates, since CloudFront wants its own in
# us-east-1; both are validated by the same records.

locals {
  origin_domain = "origin.${var.domain}"
  zone_id       = var.zone_id != null ? var.zone_id : aws_route53_zone.this[0].zone_id
}

resource "aws_route53_zone" "this" {
  #checkov:skip=CKV2_AWS_38:Signing needs the parent zone's owner
  #checkov:skip=CKV2_AWS_39:What is asked of the zone is logged by CloudFront
  count = var.zone_id == null ? 1 : 0

  name    = var.domain
  comment = "Names of ${var.name}"
}

resource "aws_acm_certificate" "viewer" {
  provider = aws.us_east_1

  domain_name               = var.domain
  subject_alternative_names = [local.origin_domain]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "origin" {
  domain_name               = var.domain
  subject_alternative_names = [local.origin_domain]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = toset([var.domain, local.origin_domain])

  zone_id         = local.zone_id
  name            = one([for option in aws_acm_certificate.origin.domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type            = one([for option in aws_acm_certificate.origin.domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records         = [one([for option in aws_acm_certificate.origin.domain_validation_options : option.resource_record_value if option.domain_name == each.key])]
  ttl             = 60
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "viewer" {
  provider = aws.us_east_1

  certificate_arn         = aws_acm_certificate.viewer.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_acm_certificate_validation" "origin" {
  certificate_arn         = aws_acm_certificate.origin.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_route53_record" "viewer" {
  for_each = toset(["A", "AAAA"])

  zone_id = local.zone_id
  name    = var.domain
  type    = each.key

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "origin" {
  zone_id = local.zone_id
  name    = local.origin_domain
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}
