# The functions' logs, in a bucket of their own and nowhere else.
resource "google_logging_project_bucket_config" "this" {
  project        = var.project
  location       = var.region
  bucket_id      = var.name
  retention_days = var.log_retention_days
  depends_on     = [google_project_service.this]
}

locals {
  logs_of_ours = join(" AND ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=(${join(" OR ", [for service in values(local.services) : "\"${service}\""])})",
  ])
  # Cloud Run's own log of requests holds paths, and those of /admission and /audit hold a token. The functions log each
  # request themselves, by its route.
  logs_of_requests = "log_id(\"run.googleapis.com/requests\")"
}

resource "google_logging_project_sink" "this" {
  name                   = var.name
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.this.id}"
  filter                 = "${local.logs_of_ours} AND NOT ${local.logs_of_requests}"
  unique_writer_identity = true
}

resource "google_logging_project_exclusion" "this" {
  name        = var.name
  description = "The functions' logs are in the bucket ${var.name}; what Cloud Run logs of requests holds tokens and is not kept."
  filter      = local.logs_of_ours
  depends_on  = [google_project_service.this]
}
