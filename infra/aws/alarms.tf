locals {
  alarm_actions = var.alarm_topic == null ? [] : [var.alarm_topic]
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each            = local.functions
  alarm_name          = "${var.name}-${each.key}-errors"
  alarm_description   = "${each.key} failed too often: its log group, ${aws_cloudwatch_log_group.function[each.key].name}, says why."
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.alarm_error_percent
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  metric_query {
    id          = "percent"
    expression  = "100 * errors / invocations"
    label       = "Per cent of invocations that failed"
    return_data = true
  }

  metric_query {
    id = "errors"
    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.this[each.key].function_name }
      period      = 300
      stat        = "Sum"
    }
  }

  metric_query {
    id = "invocations"
    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      dimensions  = { FunctionName = aws_lambda_function.this[each.key].function_name }
      period      = 300
      stat        = "Sum"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  for_each            = local.functions
  alarm_name          = "${var.name}-${each.key}-throttles"
  alarm_description   = "${each.key} was refused for want of concurrency: raise its reserved concurrency, or the account's quota."
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = aws_lambda_function.this[each.key].function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "age" {
  for_each            = local.receivers
  alarm_name          = "${var.name}-${each.key}-age"
  alarm_description   = "Messages for ${each.key} wait too long: is it throttled, or does what it calls hang?"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.work[each.key].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_message_age
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

# Wake-ups that were never taken: the function itself is broken. Its messages are still in the table.
resource "aws_cloudwatch_metric_alarm" "dead" {
  for_each            = local.receivers
  alarm_name          = "${var.name}-${each.key}-dead"
  alarm_description   = "${each.key} could not be woken: look into its log group, then redrive ${aws_sqs_queue.dead[each.key].name}."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead[each.key].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

# Messages themselves fail and die in the table: each failure is a line of the log.
resource "aws_cloudwatch_log_metric_filter" "failures" {
  for_each       = local.receivers
  name           = "failed-messages"
  log_group_name = aws_cloudwatch_log_group.function[each.key].name
  pattern        = "{ $.logger = \"litmus_gitops.batches\" && $.message = \"message * failed: *\" }"

  metric_transformation {
    namespace = var.name
    name      = "FailedMessages-${each.key}"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "failures" {
  for_each            = local.receivers
  alarm_name          = "${var.name}-${each.key}-failures"
  alarm_description   = "Messages for ${each.key} keep failing: its log says why. `litmus-gitops event dead` lists what was given up, `event redrive` sends it again."
  namespace           = var.name
  metric_name         = aws_cloudwatch_log_metric_filter.failures[each.key].metric_transformation[0].name
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.alarm_failures
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "timer" {
  alarm_name          = "${var.name}-timer-silent"
  alarm_description   = "Nothing has called reconcile for ten minutes: what is lost on the way is not healed."
  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = aws_lambda_function.this["reconcile"].function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "api" {
  alarm_name          = "${var.name}-api-errors"
  alarm_description   = "The API answers with 5xx: a function fails or takes longer than 30 seconds."
  namespace           = "AWS/ApiGateway"
  metric_name         = "5xx"
  dimensions          = { ApiId = aws_apigatewayv2_api.this.id }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}
