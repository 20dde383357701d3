# Alarm clocks. A message is a row in the database; a topic carries its id alone. Whoever is woken claims the row, so
# that a repeated wake-up does nothing, and one that was lost is sent again by `reconcile`.
resource "google_pubsub_topic" "work" {
  for_each   = local.receivers
  name       = "${var.name}-${each.key}"
  depends_on = [google_project_service.this]
}

resource "google_pubsub_topic" "dead" {
  for_each   = local.receivers
  name       = "${var.name}-${each.key}-dead"
  depends_on = [google_project_service.this]
}

resource "google_pubsub_subscription" "work" {
  for_each                   = local.receivers
  name                       = "${var.name}-${each.key}"
  topic                      = google_pubsub_topic.work[each.key].id
  ack_deadline_seconds       = min(local.functions_with_options[each.key].timeout, 600)
  message_retention_duration = "345600s"

  expiration_policy {
    ttl = ""
  }

  push_config {
    push_endpoint = "${local.addresses[each.key]}/google/messages"

    oidc_token {
      service_account_email = google_service_account.caller["pubsub"].email
      audience              = local.addresses[each.key]
    }
  }

  depends_on = [google_cloudfunctions2_function.this]

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead[each.key].id
    max_delivery_attempts = 100
  }
}

# Wake-ups that were never taken are kept for two weeks: the function itself is broken. Its messages are still in the
# database.
resource "google_pubsub_subscription" "dead" {
  for_each                   = local.receivers
  name                       = "${var.name}-${each.key}-dead"
  topic                      = google_pubsub_topic.dead[each.key].id
  message_retention_duration = "1209600s"

  expiration_policy {
    ttl = ""
  }
}

locals {
  pubsub = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic_iam_member" "dead" {
  for_each = local.receivers
  topic    = google_pubsub_topic.dead[each.key].id
  role     = "roles/pubsub.publisher"
  member   = local.pubsub
}

resource "google_pubsub_subscription_iam_member" "dead" {
  for_each     = local.receivers
  subscription = google_pubsub_subscription.work[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub
}
