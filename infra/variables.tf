variable "account_id" {
  type        = string
  description = "The AWS account; anything else is refused"

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "region" {
  type        = string
  description = "Where the cluster and its backups are"
}

variable "environment" {
  type        = string
  description = "staging or prod: its name, its tags and its budget"

  validation {
    condition     = contains(["staging", "prod"], var.environment)
    error_message = "There are staging and prod."
  }
}

variable "team" {
  type        = string
  description = "Who answers for the cluster and its bill"
  default     = "platform"
}

variable "namespace" {
  type        = string
  description = "The namespace of k8s/overlays: rookery-staging or rookery"
}

variable "kubernetes_version" {
  type        = string
  description = "Minor version of the control plane and the nodes; AWS applies its patches"
  default     = "1.35"
}

variable "vpc_cidr" {
  type        = string
  description = "Addresses of the network, a /16"
  default     = "10.64.0.0/16"
}

variable "api_allowed_cidrs" {
  type        = list(string)
  description = "Who may reach the Kubernetes API from outside of the network; empty: nobody"
  default     = []

  validation {
    condition     = alltrue([for cidr in var.api_allowed_cidrs : tonumber(split("/", cidr)[1]) >= 16])
    error_message = "Name offices and runners, not the internet."
  }
}

variable "admin_role_arns" {
  type        = set(string)
  description = "IAM roles of the people who administer the cluster; who created it has no access by that"
}

variable "pools" {
  type = map(object({
    instance_types = list(string)
    min_size       = number
    max_size       = number
  }))
  description = "Sizes of the two pools, on-demand and spot"
  default = {
    on-demand = {
      instance_types = ["m7i.large"]
      min_size       = 2
      max_size       = 4
    }
    # Several types: fewer nodes are taken away at a time.
    spot = {
      instance_types = ["m7i.large", "m7a.large", "m6i.large", "m6a.large"]
      min_size       = 1
      max_size       = 4
    }
  }
}

variable "log_retention_days" {
  type        = number
  description = "How long the logs of the control plane and of the network's flows are kept"
  default     = 30
}

variable "backup_bucket" {
  type        = string
  description = "Name of the bucket for Postgres backups, as in k8s/components/backup; names are the world's"
}

variable "backup_retention_days" {
  type        = number
  description = "How long a backup that was deleted or overwritten can still be had; the backups' own age is Barman's business"
  default     = 14
}

variable "monthly_budget_usd" {
  type        = number
  description = "What the environment may cost in a month"
}

variable "budget_alert_emails" {
  type        = list(string)
  description = "Who hears of it at 50, 80 and 100 percent, and when the forecast is above"

  validation {
    condition     = length(var.budget_alert_emails) > 0
    error_message = "A budget that nobody hears of is none."
  }
}

variable "activate_cost_tags" {
  type        = bool
  description = "Makes the tags columns of the bill; AWS knows them a day after the first use, so this is for a second apply"
  default     = false
}
