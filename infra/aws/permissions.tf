# One role a function, with the calls that it makes on the very things that it makes them on.
data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  for_each           = local.functions
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

data "aws_iam_policy_document" "function" {
  for_each = local.functions

  statement {
    sid = "State"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:ConditionCheckItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]
    resources = [aws_dynamodb_table.state.arn]
  }

  statement {
    sid       = "Wake"
    actions   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
    resources = [for name in each.value.sends : aws_sqs_queue.work[name].arn]
  }

  dynamic "statement" {
    for_each = each.value.batch > 0 ? [each.key] : []
    content {
      sid = "BeWoken"
      actions = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
      ]
      resources = [aws_sqs_queue.work[statement.value].arn]
    }
  }

  statement {
    sid     = "Secrets"
    actions = ["secretsmanager:GetSecretValue"]
    resources = concat(
      [for name in each.value.secrets : aws_secretsmanager_secret.this[name].arn if name != "projects"],
      contains(each.value.secrets, "projects") ? [for secret in aws_secretsmanager_secret.project : secret.arn] : [],
    )
  }

  # The streams of one log group have no ARNs before they are there: this is the one star.
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:log-stream:*"]
  }
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions
  name     = "what-it-does"
  role     = aws_iam_role.function[each.key].id
  policy   = data.aws_iam_policy_document.function[each.key].json
}

# A network interface has no ARN that could be named before it is there: AWS' own policy says what Lambda needs.
resource "aws_iam_role_policy_attachment" "network" {
  for_each   = var.network == null ? {} : local.functions
  role       = aws_iam_role.function[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}
