output "public_url" {
  description = "Where people, clusters and git hosts reach it."
  value       = local.public_url
}

output "api_endpoint" {
  description = "The API's own address: what a domain of yours has to lead to."
  value       = aws_apigatewayv2_api.this.api_endpoint
}

output "admin_token_secret" {
  description = "The secret that holds the owner's token."
  value       = aws_secretsmanager_secret.this["admin-token"].name
}

output "table" {
  description = "The table that holds everything."
  value       = aws_dynamodb_table.state.name
}

output "functions" {
  description = "The functions' names in Lambda."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}
