# The store, and the messages in it. It has no address outside the network.
resource "google_compute_network" "this" {
  name                    = var.name
  auto_create_subnetworks = false
  depends_on              = [google_project_service.this]
}

resource "google_compute_global_address" "database" {
  name          = "${var.name}-database"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.this.id
}

resource "google_service_networking_connection" "database" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database.name]
}

resource "google_vpc_access_connector" "this" {
  name          = var.name
  region        = var.region
  network       = google_compute_network.this.name
  ip_cidr_range = var.connector_range
  min_instances = 2
  max_instances = 5
}

resource "google_sql_database_instance" "state" {
  name                = var.name
  region              = var.region
  database_version    = "POSTGRES_15"
  deletion_protection = var.deletion_protection
  depends_on          = [google_service_networking_connection.database]

  settings {
    tier                        = var.database.tier
    edition                     = "ENTERPRISE"
    availability_type           = var.database.availability
    disk_autoresize             = true
    deletion_protection_enabled = var.deletion_protection

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
    }

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.this.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    database_flags {
      name  = "max_connections"
      value = tostring(var.database.max_connections)
    }
  }
}

resource "google_sql_database" "state" {
  name     = "litmus_gitops"
  instance = google_sql_database_instance.state.name
}

resource "google_sql_user" "functions" {
  name                = "litmus_gitops"
  instance            = google_sql_database_instance.state.name
  password_wo         = sha256(ephemeral.random_password.this["database-password"].result)
  password_wo_version = 1
}
