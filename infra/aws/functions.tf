locals {
  # What each function is: the routes that it answers, the functions that it sends messages to, the secrets that it
  # reads, how much it gets, and, where messages are for it, in batches of how many.
  functions = {
    git_push = {
      routes  = ["POST /git/{project}"]
      sends   = ["sync"]
      secrets = ["master-key", "projects"]
      public  = false
      batch   = 0
      memory  = 512
      timeout = 15
    }
    workload_admission = {
      routes  = ["POST /admission/{cluster}/{token}", "POST /changes/{cluster}"]
      sends   = ["announce", "dispatch", "sync", "workload_admission"]
      secrets = ["master-key"]
      public  = false
      batch   = 5
      memory  = 1024
      timeout = 120
    }
    workload_audit = {
      routes  = ["POST /audit/{cluster}/{token}"]
      sends   = ["announce", "dispatch", "sync"]
      secrets = ["master-key"]
      public  = false
      batch   = 0
      memory  = 1024
      timeout = 29
    }
    run_report = {
      routes  = ["POST /reports/{cluster}"]
      sends   = ["announce", "dispatch", "sync"]
      secrets = ["master-key"]
      public  = false
      batch   = 0
      memory  = 512
      timeout = 29
    }
    dispatch = {
      routes  = ["GET /orders/{cluster}"]
      sends   = ["announce", "dispatch", "sync"]
      secrets = ["master-key", "projects"]
      public  = false
      batch   = 5
      memory  = 1024
      timeout = 300
    }
    portal = {
      routes  = ["ANY /api/{proxy+}", "GET /", "GET /page.css", "GET /page.js", "GET /healthz", "GET /readyz"]
      sends   = ["announce", "dispatch", "reconcile", "sync", "workload_admission"]
      secrets = ["admin-token", "master-key", "projects"]
      public  = true
      batch   = 0
      memory  = 1024
      timeout = 29
    }
    sync = {
      routes  = []
      sends   = ["announce", "dispatch", "sync"]
      secrets = ["master-key", "projects"]
      public  = true
      batch   = 1
      memory  = 1024
      timeout = 300
    }
    announce = {
      routes  = []
      sends   = ["announce"]
      secrets = ["master-key", "projects"]
      public  = true
      batch   = 5
      memory  = 512
      timeout = 120
    }
    reconcile = {
      routes  = []
      sends   = ["announce", "dispatch", "reconcile", "sync", "workload_admission"]
      secrets = ["master-key", "projects"]
      public  = true
      batch   = 1
      memory  = 1024
      timeout = 300
    }
  }

  functions_with_options = {
    for name, function in local.functions : name => {
      memory               = coalesce(try(var.functions[name].memory, null), function.memory)
      timeout              = coalesce(try(var.functions[name].timeout, null), function.timeout)
      reserved_concurrency = coalesce(try(var.functions[name].reserved_concurrency, null), -1)
      maximum_concurrency  = coalesce(try(var.functions[name].maximum_concurrency, null), 10)
    }
  }

  # Functions that messages are for, with how many of them an invocation takes.
  receivers = { for name, function in local.functions : name => function.batch if function.batch > 0 }

  public_url = coalesce(var.public_url, aws_apigatewayv2_api.this.api_endpoint)
}

resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.functions
  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "this" {
  for_each                       = local.functions
  function_name                  = "${var.name}-${each.key}"
  description                    = "litmus-gitops: ${each.key}"
  role                           = aws_iam_role.function[each.key].arn
  filename                       = "${var.bundles}/${each.key}.zip"
  source_code_hash               = filebase64sha256("${var.bundles}/${each.key}.zip")
  handler                        = "lambda_entry.handler"
  runtime                        = var.runtime
  architectures                  = [var.architecture]
  memory_size                    = local.functions_with_options[each.key].memory
  timeout                        = local.functions_with_options[each.key].timeout
  reserved_concurrent_executions = local.functions_with_options[each.key].reserved_concurrency

  environment {
    variables = merge(
      var.settings,
      {
        FUNCTION_TARGET = each.key
        STORE_URL       = "dynamodb:${aws_dynamodb_table.state.name}"
        MASTER_KEY      = "aws-sm:${aws_secretsmanager_secret.this["master-key"].name}"
      },
      each.value.public ? { PUBLIC_URL = local.public_url } : {},
      contains(each.value.secrets, "admin-token") ? {
        ADMIN_TOKEN = "aws-sm:${aws_secretsmanager_secret.this["admin-token"].name}"
      } : {},
    )
  }

  dynamic "vpc_config" {
    for_each = var.network == null ? [] : [var.network]
    content {
      subnet_ids         = vpc_config.value.subnets
      security_group_ids = vpc_config.value.security_groups
    }
  }

  # Its rights and its log group first: a function that starts without them would fail, or make a group that keeps logs
  # for ever.
  depends_on = [
    aws_cloudwatch_log_group.function,
    aws_iam_role_policy.function,
    aws_iam_role_policy_attachment.network,
    aws_secretsmanager_secret_version.this,
  ]
}
