# What `litmus-gitops deploy aws` writes into build/aws/bundles.auto.tfvars.json.

variable "bundles" {
  description = "The folder with one zip a function, as `litmus-gitops deploy aws --plan` makes it."
  type        = string
}

variable "runtime" {
  description = "The Lambda runtime of the Python that the bundles were made with: their bytecode and wheels fit no other."
  type        = string

  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13", "python3.14"], var.runtime)
    error_message = "The runtime is python3.11, python3.12, python3.13 or python3.14."
  }
}

variable "architecture" {
  description = "The processor that the bundles' wheels are for."
  type        = string

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

# What a deployment is told.

variable "region" {
  description = "The AWS region of everything, for example eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like eu-central-1."
  }
}

variable "name" {
  description = "What everything is called, or begins with: the table, the queues, the functions, the secrets."
  type        = string
  default     = "litmus-gitops"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,31}$", var.name))
    error_message = "A name has 3 to 32 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "public_url" {
  description = "Where people, clusters and git hosts reach the API if it has a domain of yours; else the API's own address."
  type        = string
  default     = null

  validation {
    condition     = var.public_url == null || can(regex("^https://[^/]+$", var.public_url))
    error_message = "The public URL is https://<host>, without a slash at its end."
  }
}

variable "project_secrets" {
  description = "Names of secrets that projects may name as aws-sm:<name>. Their containers are made here, as litmus-gitops-projects/<name>; their values are yours to put."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.project_secrets : can(regex("^[A-Za-z0-9][A-Za-z0-9/_.-]{0,199}$", name))])
    error_message = "A secret's name has letters, digits, and / _ . - after the first."
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
  description = "What a function gets in place of its default, by its name. Memory in MB, times in seconds; reserved_concurrency -1 reserves nothing, maximum_concurrency bounds the messages that it works on at a time."
  type = map(object({
    memory               = optional(number)
    timeout              = optional(number)
    reserved_concurrency = optional(number)
    maximum_concurrency  = optional(number)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.functions), keys(local.functions))) == 0
    error_message = "There is no such function: the names are those of local.functions in functions.tf."
  }

  validation {
    condition     = alltrue([for one in values(var.functions) : coalesce(one.maximum_concurrency, 2) >= 2])
    error_message = "SQS works on at least two messages at a time: maximum_concurrency is 2 or more."
  }

  validation {
    condition     = alltrue([for one in values(var.functions) : coalesce(one.timeout, 1) <= 900])
    error_message = "Lambda ends every call after 900 seconds."
  }
}

variable "network" {
  description = "Subnets and security groups, where git hosts or subscribers are in a private network; null reaches the internet alone."
  type = object({
    subnets         = list(string)
    security_groups = list(string)
  })
  default = null
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "For how many days CloudWatch keeps logs."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch knows only 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "alarm_topic" {
  description = "The ARN of the SNS topic that alarms go to; null shows them in CloudWatch alone."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic == null || can(regex("^arn:aws[a-z-]*:sns:", var.alarm_topic))
    error_message = "The topic is named by its ARN, arn:aws:sns:…"
  }
}

variable "alarm_error_percent" {
  description = "From how many per cent of a function's invocations that fail within five minutes an alarm is given."
  type        = number
  default     = 5

  validation {
    condition     = var.alarm_error_percent > 0 && var.alarm_error_percent <= 100
    error_message = "A percentage is above 0 and at most 100."
  }
}

variable "alarm_message_age" {
  description = "From how many seconds that a message has waited an alarm is given."
  type        = number
  default     = 600

  validation {
    condition     = var.alarm_message_age >= 60
    error_message = "CloudWatch looks once a minute: at least 60."
  }
}

variable "alarm_failures" {
  description = "From how many failed deliveries of messages to one function within fifteen minutes an alarm is given; a message that keeps failing becomes a dead letter."
  type        = number
  default     = 5

  validation {
    condition     = var.alarm_failures >= 1
    error_message = "At least one."
  }
}

variable "requests_per_second" {
  description = "How many requests the API takes in a second, all callers together; as many again may come at once."
  type        = number
  default     = 200

  validation {
    condition     = var.requests_per_second >= 1
    error_message = "At least one."
  }
}

variable "tags" {
  description = "Tags of everything, beside `application`."
  type        = map(string)
  default     = {}
}
