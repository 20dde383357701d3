resource "google_monitoring_alert_policy" "errors" {
  for_each              = local.functions
  display_name          = "${local.services[each.key]}: errors"
  combiner              = "OR"
  notification_channels = var.notification_channels
  depends_on            = [google_project_service.this]

  documentation {
    content = "${each.key} answers with 5xx too often: its logs in the bucket ${var.name} say why."
  }

  conditions {
    display_name = "Per cent of answers that are 5xx"

    condition_prometheus_query_language {
      query = join("", [
        "100 * sum(rate(run_googleapis_com:request_count{service_name=\"${local.services[each.key]}\",response_code_class=\"5xx\"}[5m]))",
        " / sum(rate(run_googleapis_com:request_count{service_name=\"${local.services[each.key]}\"}[5m]))",
        " >= ${var.alert_error_percent}",
      ])
      duration            = "0s"
      evaluation_interval = "60s"
    }
  }
}

resource "google_monitoring_alert_policy" "full" {
  for_each              = local.functions
  display_name          = "${local.services[each.key]}: as many instances as it may have"
  combiner              = "OR"
  notification_channels = var.notification_channels
  depends_on            = [google_project_service.this]

  documentation {
    content = "${each.key} has had all its instances for ten minutes: requests are refused or wait. Raise max_instances, and the database's connections with it."
  }

  conditions {
    display_name = "Instances"

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.services[each.key]}\" AND metric.type=\"run.googleapis.com/container/instance_count\""
      comparison      = "COMPARISON_GT"
      threshold_value = local.functions_with_options[each.key].max_instances - 1
      duration        = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_MAX"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

resource "google_monitoring_alert_policy" "age" {
  for_each              = local.receivers
  display_name          = "${local.services[each.key]}: messages wait"
  combiner              = "OR"
  notification_channels = var.notification_channels
  depends_on            = [google_project_service.this]

  documentation {
    content = "Messages for ${each.key} wait too long: has it all its instances, or does what it calls hang?"
  }

  conditions {
    display_name = "Age of the oldest message"

    condition_threshold {
      filter          = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${google_pubsub_subscription.work[each.key].name}\" AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.alert_message_age
      duration        = "180s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
}

resource "google_monitoring_alert_policy" "dead" {
  for_each              = local.receivers
  display_name          = "${local.services[each.key]}: dead letters"
  combiner              = "OR"
  notification_channels = var.notification_channels
  depends_on            = [google_project_service.this]

  documentation {
    content = "${each.key} could not be woken: look into its logs. Its messages are in the database and come again by themselves."
  }

  conditions {
    display_name = "Wake-ups that were given up"

    condition_threshold {
      filter          = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${google_pubsub_subscription.dead[each.key].name}\" AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
}

# Messages themselves fail and die in the database: each failure is a line of the log.
resource "google_logging_metric" "failures" {
  name       = "${var.name}-failed-messages"
  filter     = "${local.logs_of_ours} AND jsonPayload.detail=~\"^message .+ failed: \""
  depends_on = [google_project_service.this]

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

resource "google_monitoring_alert_policy" "failures" {
  display_name          = "${var.name}: messages fail"
  combiner              = "OR"
  notification_channels = var.notification_channels

  documentation {
    content = "Messages keep failing: the function's logs say why. `litmus-gitops event dead` lists what was given up, `event redrive` sends it again."
  }

  conditions {
    display_name = "Failed messages in a quarter of an hour"

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.failures.name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.alert_failures - 1
      duration        = "0s"

      aggregations {
        alignment_period     = "900s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }
}

resource "google_monitoring_alert_policy" "timer" {
  display_name          = "${var.name}: the timer is silent"
  combiner              = "OR"
  notification_channels = var.notification_channels
  depends_on            = [google_project_service.this]

  documentation {
    content = "Nothing has called reconcile for ten minutes: what is lost on the way is not healed."
  }

  conditions {
    display_name = "Requests to reconcile"

    condition_absent {
      filter   = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.services["reconcile"]}\" AND metric.type=\"run.googleapis.com/request_count\""
      duration = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}
