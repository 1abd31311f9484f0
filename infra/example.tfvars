# What an environment must say; the rest has defaults in variables.tf.
account_id          = "123456789012"
region              = "eu-central-1"
environment         = "prod"
namespace           = "rookery"
backup_bucket       = "rookery-backups"
admin_role_arns     = ["arn:aws:iam::123456789012:role/platform-admin"]
monthly_budget_usd  = 900
budget_alert_emails = ["platform@example.com"]
