# One service account a function, with roles on the very things that it uses and none on the project.
resource "google_service_account" "function" {
  for_each     = local.functions
  account_id   = substr(local.services[each.key], 0, 30)
  display_name = "litmus-gitops: ${each.key}"
}

locals {
  # Each function with each secret of the deployment that it reads; all of them reach the database.
  reads = merge([for name, function in local.functions : {
    for secret in setunion(setsubtract(function.secrets, ["projects"]), ["database-password"]) :
    "${name}/${secret}" => { function = name, secret = secret }
  }]...)

  # Each function that resolves projects' references with each secret that they may name.
  resolves = merge([for name, function in local.functions : {
    for secret in var.project_secrets : "${name}/${secret}" => { function = name, secret = secret }
  } if contains(function.secrets, "projects")]...)

  # Each function with each topic that it publishes to.
  publishes = merge([for name, function in local.functions : {
    for topic in function.sends : "${name}/${topic}" => { function = name, topic = topic }
  }]...)
}

resource "google_secret_manager_secret_iam_member" "own" {
  for_each  = local.reads
  secret_id = google_secret_manager_secret.this[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.function].member
}

resource "google_secret_manager_secret_iam_member" "project" {
  for_each  = local.resolves
  secret_id = google_secret_manager_secret.project[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.function].member
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.publishes
  topic    = google_pubsub_topic.work[each.value.topic].id
  role     = "roles/pubsub.publisher"
  member   = google_service_account.function[each.value.function].member
}

# Git hosts, clusters and people have no Google account: what they call is open to all, through the load balancer alone,
# and verifies signatures and tokens itself.
resource "google_cloud_run_v2_service_iam_member" "everyone" {
  for_each = local.served
  name     = google_cloudfunctions2_function.this[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

# Whoever wakes a function: Pub/Sub for messages, the scheduler for the tick.
resource "google_service_account" "caller" {
  for_each     = toset(["pubsub", "timer"])
  account_id   = "${var.name}-${each.key}"
  display_name = "litmus-gitops: ${each.key}"
}

resource "google_cloud_run_v2_service_iam_member" "pubsub" {
  for_each = local.receivers
  name     = google_cloudfunctions2_function.this[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.caller["pubsub"].member
}

resource "google_cloud_run_v2_service_iam_member" "timer" {
  name     = google_cloudfunctions2_function.this["reconcile"].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.caller["timer"].member
}

# What makes images of bundles. Its roles are those that Google asks of a builder.
resource "google_service_account" "builder" {
  account_id   = "${var.name}-builder"
  display_name = "litmus-gitops: builds the functions"
}

resource "google_project_iam_member" "builder" {
  for_each = toset(["roles/logging.logWriter", "roles/storage.objectViewer"])
  project  = var.project
  role     = each.value
  member   = google_service_account.builder.member
}

resource "google_artifact_registry_repository_iam_member" "builder" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.builder.member
}
