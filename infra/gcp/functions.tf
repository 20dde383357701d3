locals {
  # What each function is: the paths that it answers from outside, the functions that it sends messages to, whether
  # messages are for it, the secrets that it reads, and how much it gets.
  functions = {
    git_push = {
      paths       = ["/git/*"]
      sends       = ["sync"]
      receives    = false
      secrets     = ["master-key", "projects"]
      public      = false
      memory      = "512Mi"
      timeout     = 30
      concurrency = 8
    }
    workload_admission = {
      paths       = ["/admission/*", "/changes/*"]
      sends       = ["announce", "dispatch", "sync", "workload_admission"]
      receives    = true
      secrets     = ["master-key"]
      public      = false
      memory      = "512Mi"
      timeout     = 60
      concurrency = 8
    }
    workload_audit = {
      paths       = ["/audit/*"]
      sends       = ["announce", "dispatch", "sync"]
      receives    = false
      secrets     = ["master-key"]
      public      = false
      memory      = "512Mi"
      timeout     = 60
      concurrency = 8
    }
    run_report = {
      paths       = ["/reports/*"]
      sends       = ["announce", "dispatch", "sync"]
      receives    = false
      secrets     = ["master-key"]
      public      = false
      memory      = "512Mi"
      timeout     = 60
      concurrency = 8
    }
    dispatch = {
      paths       = ["/orders/*"]
      sends       = ["announce", "dispatch", "sync"]
      receives    = true
      secrets     = ["master-key", "projects"]
      public      = false
      memory      = "1Gi"
      timeout     = 300
      concurrency = 16
    }
    portal = {
      paths       = ["/", "/api/*", "/healthz", "/page.css", "/page.js", "/readyz"]
      sends       = ["announce", "dispatch", "reconcile", "sync", "workload_admission"]
      receives    = false
      secrets     = ["admin-token", "master-key", "projects"]
      public      = true
      memory      = "1Gi"
      timeout     = 60
      concurrency = 8
    }
    sync = {
      paths       = []
      sends       = ["announce", "dispatch", "sync"]
      receives    = true
      secrets     = ["master-key", "projects"]
      public      = true
      memory      = "1Gi"
      timeout     = 300
      concurrency = 4
    }
    announce = {
      paths       = []
      sends       = ["announce"]
      receives    = true
      secrets     = ["master-key", "projects"]
      public      = true
      memory      = "512Mi"
      timeout     = 120
      concurrency = 8
    }
    reconcile = {
      paths       = []
      sends       = ["announce", "dispatch", "reconcile", "sync", "workload_admission"]
      receives    = true
      secrets     = ["master-key", "projects"]
      public      = true
      memory      = "1Gi"
      timeout     = 300
      concurrency = 4
    }
  }

  functions_with_options = {
    for name, function in local.functions : name => {
      memory        = coalesce(try(var.functions[name].memory, null), function.memory)
      timeout       = coalesce(try(var.functions[name].timeout, null), function.timeout)
      concurrency   = coalesce(try(var.functions[name].concurrency, null), function.concurrency)
      min_instances = coalesce(try(var.functions[name].min_instances, null), 0)
      max_instances = coalesce(try(var.functions[name].max_instances, null), 5)
    }
  }

  # Functions that messages are for.
  receivers = { for name, function in local.functions : name => function if function.receives }

  # Functions that are called from outside, by way of the load balancer.
  served = { for name, function in local.functions : name => function if length(function.paths) > 0 }

  # What each function is called in Cloud Run, where names have no underscore.
  services = { for name in keys(local.functions) : name => "${var.name}-${replace(name, "_", "-")}" }

  public_url = "https://${var.domain}"

  # Where each service is reached within Google, known before it is made: the tokens of those who wake it are made out
  # to this address, and it has to be told so.
  addresses = {
    for name, service in local.services : name => "https://${service}-${data.google_project.this.number}.${var.region}.run.app"
  }

  store_url = join("", [
    "postgresql://${google_sql_user.functions.name}@${google_sql_database_instance.state.private_ip_address}",
    "/${google_sql_database.state.name}?sslmode=require&pubsub=projects/${var.project}/topics/${var.name}",
  ])
}

resource "google_storage_bucket" "bundles" {
  name                        = "${var.project}-${var.name}-bundles"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
}

resource "google_storage_bucket_object" "bundle" {
  for_each = local.functions
  name     = "${each.key}-${filesha256("${var.bundles}/${each.key}.zip")}.zip"
  bucket   = google_storage_bucket.bundles.name
  source   = "${var.bundles}/${each.key}.zip"
}

resource "google_artifact_registry_repository" "images" {
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
  depends_on    = [google_project_service.this]
}

resource "google_cloudfunctions2_function" "this" {
  for_each    = local.functions
  name        = local.services[each.key]
  description = "litmus-gitops: ${each.key}"
  location    = var.region

  build_config {
    runtime           = var.runtime
    entry_point       = each.key
    docker_repository = google_artifact_registry_repository.images.id
    service_account   = google_service_account.builder.id

    environment_variables = {
      GOOGLE_FUNCTION_SOURCE = "gcp_entry.py"
    }

    source {
      storage_source {
        bucket = google_storage_bucket.bundles.name
        object = google_storage_bucket_object.bundle[each.key].name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.function[each.key].email
    available_memory                 = local.functions_with_options[each.key].memory
    available_cpu                    = "1"
    timeout_seconds                  = local.functions_with_options[each.key].timeout
    min_instance_count               = local.functions_with_options[each.key].min_instances
    max_instance_count               = local.functions_with_options[each.key].max_instances
    max_instance_request_concurrency = local.functions_with_options[each.key].concurrency
    ingress_settings                 = contains(keys(local.served), each.key) ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_INTERNAL_ONLY"
    vpc_connector                    = google_vpc_access_connector.this.id
    vpc_connector_egress_settings    = "PRIVATE_RANGES_ONLY"

    environment_variables = merge(
      var.settings,
      {
        STORE_URL         = local.store_url
        OIDC_AUDIENCE     = local.addresses[each.key]
        PUBSUB_ACCOUNT    = google_service_account.caller["pubsub"].email
        SCHEDULER_ACCOUNT = google_service_account.caller["timer"].email
        DELIVERY_SECONDS  = tostring(local.functions_with_options[each.key].timeout)
        THREADS           = tostring(local.functions_with_options[each.key].concurrency)
      },
      each.value.public ? { PUBLIC_URL = local.public_url } : {},
    )

    secret_environment_variables {
      key        = "MASTER_KEY"
      project_id = var.project
      secret     = google_secret_manager_secret.this["master-key"].secret_id
      version    = google_secret_manager_secret_version.this["master-key"].version
    }

    secret_environment_variables {
      key        = "PGPASSWORD"
      project_id = var.project
      secret     = google_secret_manager_secret.this["database-password"].secret_id
      version    = google_secret_manager_secret_version.this["database-password"].version
    }

    dynamic "secret_environment_variables" {
      for_each = contains(each.value.secrets, "admin-token") ? ["admin-token"] : []
      content {
        key        = "ADMIN_TOKEN"
        project_id = var.project
        secret     = google_secret_manager_secret.this[secret_environment_variables.value].secret_id
        version    = google_secret_manager_secret_version.this[secret_environment_variables.value].version
      }
    }
  }

  depends_on = [
    google_project_iam_member.builder,
    google_artifact_registry_repository_iam_member.builder,
    google_secret_manager_secret_iam_member.own,
  ]
}
