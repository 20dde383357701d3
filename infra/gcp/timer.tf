# A look, once a minute, at everything that can lag. A tick that fails is of no use: the next one does as much.
resource "google_cloud_scheduler_job" "reconcile" {
  name             = "${var.name}-reconcile"
  region           = var.region
  schedule         = "* * * * *"
  attempt_deadline = "300s"
  depends_on       = [google_cloudfunctions2_function.this]

  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "${local.addresses["reconcile"]}/google/ticks"

    oidc_token {
      service_account_email = google_service_account.caller["timer"].email
      audience              = local.addresses["reconcile"]
    }
  }
}
