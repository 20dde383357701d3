# The secrets of the deployment are made at random on the first apply and never again, and written without going through
# the state (write-only arguments). Losing the master key makes every secret that we issued invalid.
#
# Each apply makes other random values, and writes them only where a version number is raised: raise that of the
# database's password in both places at once, google_sql_user.functions and here.
ephemeral "random_password" "this" {
  for_each = local.own_secrets
  length   = 64
  special  = false
}

locals {
  own_secrets = toset(["admin-token", "database-password", "master-key"])
}

resource "google_secret_manager_secret" "this" {
  for_each   = local.own_secrets
  secret_id  = "${var.name}-${each.key}"
  depends_on = [google_project_service.this]

  replication {
    auto {}
  }
}

# The master key is 64 hexadecimal digits.
resource "google_secret_manager_secret_version" "this" {
  for_each               = local.own_secrets
  secret                 = google_secret_manager_secret.this[each.key].id
  secret_data_wo         = sha256(ephemeral.random_password.this[each.key].result)
  secret_data_wo_version = 1
}

# A function resolves projects' references to names of this beginning alone, so that none leads to a secret of another
# system.
resource "google_secret_manager_secret" "project" {
  for_each   = var.project_secrets
  secret_id  = "litmus-gitops-projects-${each.value}"
  depends_on = [google_project_service.this]

  replication {
    auto {}
  }
}
