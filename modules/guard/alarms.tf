# Alarms on what AWS runs. What the service does is watched by Prometheus.

locals {
  database_alarms = {
    cpu = {
      metric = "CPUUtilization", statistic = "Average", above = true, of = 1, percent = 70
      text   = "CPU above the objective of 70%"
    }
    connections = {
      metric = "DatabaseConnections", statistic = "Maximum", above = true, of = "connections", percent = 80
      text   = "more than 80% of its connections taken"
    }
    storage = {
      metric = "FreeStorageSpace", statistic = "Minimum", above = false, of = 1, percent = 2 * 1024 * 1024 * 1024
      text   = "less than 2 GiB of storage free"
    }
  }

  database_pairs = merge([
    for name, database in var.databases : {
      for alarm, rule in local.database_alarms : "${name}-${alarm}" => {
        identifier = database.identifier
        rule       = rule
        threshold  = rule.of == "connections" ? floor(database.connections * rule.percent / 100) : rule.percent
      }
    }
  ]...)

  cache_alarms = {
    cpu       = { metric = "EngineCPUUtilization", statistic = "Average", threshold = 80, text = "CPU of the engine above 80%" }
    memory    = { metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum", threshold = 90, text = "memory above 90%" }
    evictions = { metric = "Evictions", statistic = "Sum", threshold = 1000, text = "more than 1000 evictions in five minutes" }
  }

  cache_pairs = merge([
    for name, node in var.caches : {
      for alarm, rule in local.cache_alarms : "${name}-${alarm}" => { node = node, rule = rule }
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each = local.database_pairs

  alarm_name          = "${var.name}-database-${each.key}"
  alarm_description   = "Postgres ${each.key}: ${each.value.rule.text}"
  namespace           = "AWS/RDS"
  metric_name         = each.value.rule.metric
  dimensions          = { DBInstanceIdentifier = each.value.identifier }
  statistic           = each.value.rule.statistic
  period              = 300
  evaluation_periods  = 2
  comparison_operator = each.value.rule.above ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.threshold
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "cache" {
  for_each = local.cache_pairs

  alarm_name          = "${var.name}-cache-${each.key}"
  alarm_description   = "Redis ${each.key}: ${each.value.rule.text}"
  namespace           = "AWS/ElastiCache"
  metric_name         = each.value.rule.metric
  dimensions          = { CacheClusterId = each.value.node }
  statistic           = each.value.rule.statistic
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.rule.threshold
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "load_balancer" {
  for_each = var.load_balancers

  alarm_name          = "${var.name}-load-balancer-${each.key}"
  alarm_description   = "Load balancer ${each.key}: more than ten answers of its own with 5xx in five minutes"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_ELB_5XX_Count"
  dimensions          = { LoadBalancer = each.value }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}
