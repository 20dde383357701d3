output "public_url" {
  description = "Where people, clusters and git hosts reach it."
  value       = local.public_url
}

output "address" {
  description = "The address that the domain's A record has to lead to; the certificate is issued once it does."
  value       = google_compute_global_address.public.address
}

output "admin_token_secret" {
  description = "The secret that holds the owner's token."
  value       = google_secret_manager_secret.this["admin-token"].secret_id
}

output "database" {
  description = "The Cloud SQL instance that holds everything."
  value       = google_sql_database_instance.state.connection_name
}

output "functions" {
  description = "The functions' services in Cloud Run."
  value       = local.services
}
