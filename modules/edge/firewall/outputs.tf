output "arn" {
  description = "ARN of the firewall."
  value       = aws_wafv2_web_acl.this.arn
}

output "name" {
  description = "Name of the firewall, which metrics are by."
  value       = aws_wafv2_web_acl.this.name
}
