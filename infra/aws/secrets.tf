# The two secrets of the deployment are made at random on the first apply and never again, and written without going
# through the state (write-only arguments). Losing the master key makes every secret that we issued invalid.
ephemeral "random_password" "this" {
  for_each = local.own_secrets
  length   = 64
  special  = false
}

locals {
  own_secrets = toset(["admin-token", "master-key"])
}

resource "aws_secretsmanager_secret" "this" {
  for_each                = local.own_secrets
  name                    = "${var.name}/${each.key}"
  recovery_window_in_days = 30
}

# The master key is 64 hexadecimal digits.
resource "aws_secretsmanager_secret_version" "this" {
  for_each                 = local.own_secrets
  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = sha256(ephemeral.random_password.this[each.key].result)
  secret_string_wo_version = 1
}

# A function resolves projects' references below this prefix alone, so that none leads to a secret of another system.
resource "aws_secretsmanager_secret" "project" {
  for_each                = var.project_secrets
  name                    = "litmus-gitops-projects/${each.value}"
  recovery_window_in_days = 7
}
