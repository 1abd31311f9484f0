resource "aws_budgets_budget" "environment" {
  name         = local.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"

  # Until AWS knows the tags it counts the whole account: an alarm too early, not one that never rings.
  dynamic "cost_filter" {
    for_each = var.activate_cost_tags ? [format("user:%s$%s", "rookery:environment", var.environment)] : []

    content {
      name   = "TagKeyValue"
      values = [cost_filter.value]
    }
  }

  notification {
    notification_type          = "ACTUAL"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 50
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.budget_alert_emails
  }

  notification {
    notification_type          = "ACTUAL"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.budget_alert_emails
  }

  notification {
    notification_type          = "ACTUAL"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.budget_alert_emails
  }

  notification {
    notification_type          = "FORECASTED"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.budget_alert_emails
  }
}

# The tags of what AWS runs, and the labels of our pods, which AWS takes over as tags of their share of a node.
resource "aws_ce_cost_allocation_tag" "known" {
  for_each = var.activate_cost_tags ? toset([
    "rookery:team", "rookery:service", "rookery:environment",
    "rookery.dev/team", "rookery.dev/service", "rookery.dev/environment",
  ]) : toset([])

  tag_key = each.key
  status  = "Active"
}

# What each service costs: the share of every pod, by its labels, every day.

data "aws_iam_policy_document" "costs_key" {
  # any: a key's policy is about its own key, and without this nobody could change it again.
  statement {
    sid       = "TheAccountByItsRoles"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${var.account_id}:root"]
    }
  }

  # any: a key's policy is about its own key.
  statement {
    sid       = "ExportsOfThisAccount"
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["bcm-data-exports.amazonaws.com", "billingreports.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_kms_key" "costs" {
  provider = aws.billing

  description         = "Costs of ${local.name}"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.costs_key.json
}

resource "aws_s3_bucket" "costs" {
  provider = aws.billing

  bucket = "${var.backup_bucket}-costs"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "costs" {
  provider = aws.billing

  bucket = aws_s3_bucket.costs.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.costs.arn
    }
  }
}

# Each export overwrites the one before it.
resource "aws_s3_bucket_versioning" "costs" {
  provider = aws.billing

  bucket = aws_s3_bucket.costs.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "costs" {
  provider = aws.billing

  bucket = aws_s3_bucket.costs.id

  rule {
    id     = "forget-earlier-exports"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.backup_retention_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.costs]
}

resource "aws_s3_bucket_public_access_block" "costs" {
  provider = aws.billing

  bucket = aws_s3_bucket.costs.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "costs_bucket" {
  statement {
    sid       = "ExportsOfThisAccount"
    actions   = ["s3:PutObject", "s3:GetBucketPolicy"]
    resources = [aws_s3_bucket.costs.arn, "${aws_s3_bucket.costs.arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["bcm-data-exports.amazonaws.com", "billingreports.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "StringLike"
      variable = "aws:SourceArn"
      values = [
        "arn:aws:cur:us-east-1:${var.account_id}:definition/*",
        "arn:aws:bcm-data-exports:us-east-1:${var.account_id}:export/*",
      ]
    }
  }

  # any: it denies.
  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.costs.arn, "${aws_s3_bucket.costs.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "costs" {
  provider = aws.billing

  bucket = aws_s3_bucket.costs.id
  policy = data.aws_iam_policy_document.costs_bucket.json
}

resource "aws_bcmdataexports_export" "costs" {
  provider = aws.billing

  export {
    name = local.name

    data_query {
      query_statement = "SELECT line_item_usage_start_date, line_item_product_code, line_item_usage_type, line_item_unblended_cost, split_line_item_split_cost, split_line_item_unused_cost, resource_tags FROM COST_AND_USAGE_REPORT"
      table_configurations = {
        COST_AND_USAGE_REPORT = {
          BILLING_VIEW_ARN                      = "arn:aws:billing::${var.account_id}:billingview/primary"
          TIME_GRANULARITY                      = "DAILY"
          INCLUDE_RESOURCES                     = "FALSE"
          INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY = "FALSE"
          INCLUDE_SPLIT_COST_ALLOCATION_DATA    = "TRUE"
        }
      }
    }

    destination_configurations {
      s3_destination {
        s3_bucket = aws_s3_bucket.costs.id
        s3_prefix = "exports"
        s3_region = "us-east-1"

        s3_output_configurations {
          overwrite   = "OVERWRITE_REPORT"
          format      = "PARQUET"
          compression = "PARQUET"
          output_type = "CUSTOM"
        }
      }
    }

    refresh_cadence {
      frequency = "SYNCHRONOUS"
    }
  }

  depends_on = [aws_s3_bucket_policy.costs]
}
