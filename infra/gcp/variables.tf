# What `litmus-gitops deploy gcp` writes into build/gcp/bundles.auto.tfvars.json.

variable "bundles" {
  description = "The folder with one zip a function, as `litmus-gitops deploy gcp --plan` makes it."
  type        = string
}

variable "runtime" {
  description = "The runtime of the Python that the bundles were made with: their bytecode fits no other."
  type        = string

  validation {
    condition     = contains(["python311", "python312", "python313", "python314"], var.runtime)
    error_message = "The runtime is python311, python312, python313 or python314."
  }
}

# What a deployment is told.

variable "project" {
  description = "The id of the Google Cloud project of everything."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "The region of everything that has one, for example europe-west3."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region looks like europe-west3."
  }
}

variable "domain" {
  description = "The host name under which people, clusters and git hosts reach it. Its A record has to lead to the output `address`."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "A domain looks like gitops.example.org, without https:// and without a path."
  }
}

variable "name" {
  description = "What everything is called, or begins with."
  type        = string
  default     = "litmus-gitops"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,14}$", var.name))
    error_message = "A name has 3 to 15 lower-case letters, digits and hyphens, a letter first: service accounts have room for no more."
  }
}

variable "project_secrets" {
  description = "Names of secrets that projects may name as gcp-sm:<name>. Their containers are made here, as litmus-gitops-projects-<name>; their values are yours to add."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.project_secrets : can(regex("^[A-Za-z0-9_-]{1,200}$", id))])
    error_message = "A secret's id has letters, digits, _ and -."
  }
}

variable "settings" {
  description = "More settings, as docs/settings.md has them, for every function: WATCHED_KINDS, RETENTION_DAYS, HTTPS_PROXY …"
  type        = map(string)
  default     = {}

  validation {
    condition = length(setintersection(keys(var.settings), [
      "ADMIN_TOKEN", "MASTER_KEY", "MASTER_KEY_FILE", "PUBLIC_URL", "STORE_URL",
    ])) == 0
    error_message = "STORE_URL, MASTER_KEY, ADMIN_TOKEN and PUBLIC_URL are set by the module."
  }
}

variable "functions" {
  description = "What a function gets in place of its default, by its name: memory such as 512Mi, timeout in seconds, how many instances at least and at most, and how many requests each takes at a time."
  type = map(object({
    memory        = optional(string)
    timeout       = optional(number)
    min_instances = optional(number)
    max_instances = optional(number)
    concurrency   = optional(number)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.functions), keys(local.functions))) == 0
    error_message = "There is no such function: the names are those of local.functions in functions.tf."
  }

  validation {
    condition     = alltrue([for one in values(var.functions) : coalesce(one.timeout, 1) <= 600])
    error_message = "Pub/Sub waits 600 seconds for an answer: no timeout is longer."
  }
}

variable "database" {
  description = "The Cloud SQL machine: its tier, whether it has a stand-by (REGIONAL) or not (ZONAL), and how many connections it takes: at least the instances of all functions times their concurrency."
  type = object({
    tier            = optional(string, "db-custom-2-7680")
    availability    = optional(string, "REGIONAL")
    max_connections = optional(number, 400)
  })
  default = {}

  validation {
    condition     = contains(["REGIONAL", "ZONAL"], var.database.availability)
    error_message = "The availability is REGIONAL or ZONAL."
  }
}

variable "connector_range" {
  description = "A /28 that nothing else in the network uses, for the connector between the functions and the database."
  type        = string
  default     = "10.8.0.0/28"

  validation {
    condition     = can(cidrhost(var.connector_range, 0)) && endswith(var.connector_range, "/28")
    error_message = "The range is a /28, such as 10.8.0.0/28."
  }
}

variable "deletion_protection" {
  description = "Whether the database refuses to be deleted."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.log_retention_days >= 1 && var.log_retention_days <= 3650
    error_message = "Cloud Logging keeps for 1 to 3650 days."
  }
}

variable "notification_channels" {
  description = "The names of the monitoring channels that alerts go to, as projects/<project>/notificationChannels/<id>."
  type        = list(string)
  default     = []
}

variable "alert_error_percent" {
  description = "From how many per cent of a function's answers within five minutes that are 5xx an alert is given."
  type        = number
  default     = 5

  validation {
    condition     = var.alert_error_percent > 0 && var.alert_error_percent <= 100
    error_message = "A percentage is above 0 and at most 100."
  }
}

variable "alert_message_age" {
  description = "From how many seconds that a message has waited an alert is given."
  type        = number
  default     = 600

  validation {
    condition     = var.alert_message_age >= 60
    error_message = "Monitoring looks once a minute: at least 60."
  }
}

variable "alert_failures" {
  description = "From how many failed deliveries of messages within fifteen minutes an alert is given; a message that keeps failing becomes a dead letter."
  type        = number
  default     = 5

  validation {
    condition     = var.alert_failures >= 1
    error_message = "At least one."
  }
}

variable "labels" {
  description = "Labels of everything that takes some, beside `application`."
  type        = map(string)
  default     = {}
}
