output "alerts_topic_arn" {
  description = "ARN of the topic of alarms, findings and spending."
  value       = aws_sns_topic.alerts.arn
}

output "trail_arn" {
  description = "ARN of the audit trail; none if there is none."
  value       = one(aws_cloudtrail.this[*].arn)
}

output "detector_id" {
  description = "ID of GuardDuty's detector; none if there is none."
  value       = one(aws_guardduty_detector.this[*].id)
}
