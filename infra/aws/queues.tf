# Alarm clocks. A message is a record in the table; a queue carries its id alone. Whoever is woken claims the record, so
# that a repeated wake-up does nothing, and one that was lost is sent again by `reconcile`.
resource "aws_sqs_queue" "dead" {
  for_each                  = local.receivers
  name                      = "${var.name}-${each.key}-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "work" {
  for_each                   = local.receivers
  name                       = "${var.name}-${each.key}"
  message_retention_seconds  = 345600
  visibility_timeout_seconds = local.functions_with_options[each.key].timeout
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = 20
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each  = local.receivers
  queue_url = aws_sqs_queue.dead[each.key].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.work[each.key].arn]
  })
}

resource "aws_lambda_event_source_mapping" "work" {
  for_each                = local.receivers
  event_source_arn        = aws_sqs_queue.work[each.key].arn
  function_name           = aws_lambda_function.this[each.key].arn
  batch_size              = each.value
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = local.functions_with_options[each.key].maximum_concurrency
  }

  depends_on = [aws_iam_role_policy.function]
}
