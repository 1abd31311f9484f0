locals {
  # The services that have a database.
  databases = toset(["auth", "products", "orders", "payments"])
}

resource "aws_kms_key" "backups" {
  description         = "Postgres backups of ${local.name}"
  enable_key_rotation = true

  tags = {
    "rookery:service" = "database"
  }
}

resource "aws_s3_bucket" "backups" {
  bucket = var.backup_bucket

  tags = {
    "rookery:service" = "database"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "backups" {
  bucket = aws_s3_bucket.backups.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.backups.arn
    }
  }
}

# Who breaks into a database can delete its backups, but not their versions.
resource "aws_s3_bucket_versioning" "backups" {
  bucket = aws_s3_bucket.backups.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "backups" {
  bucket = aws_s3_bucket.backups.id

  rule {
    id     = "forget-what-was-deleted"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.backup_retention_days
    }

    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.backups]
}

resource "aws_s3_bucket_public_access_block" "backups" {
  bucket = aws_s3_bucket.backups.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "backups_bucket" {
  # any: it denies.
  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.backups.arn, "${aws_s3_bucket.backups.arn}/*"]

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

resource "aws_s3_bucket_policy" "backups" {
  bucket = aws_s3_bucket.backups.id
  policy = data.aws_iam_policy_document.backups_bucket.json
}

# One role per database, for its own folder: orders cannot read the payments of a backup.

data "aws_iam_policy_document" "backup" {
  for_each = local.databases

  # To ask whether the bucket is there, which Barman does first, is the same permission: names can be seen, contents cannot.
  statement {
    sid       = "SeeTheBucket"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.backups.arn]
  }

  statement {
    sid       = "ReadAndWriteItsFolder"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = ["${aws_s3_bucket.backups.arn}/${var.environment}/${each.key}-db/*"]
  }

  statement {
    sid       = "UseTheKey"
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = [aws_kms_key.backups.arn]
  }
}

resource "aws_iam_role" "backup" {
  for_each = local.databases

  name               = "${local.name}-${each.key}-backup"
  assume_role_policy = data.aws_iam_policy_document.workload_trust["${each.key}-backup"].json

  tags = {
    "rookery:service" = each.key
  }
}

resource "aws_iam_role_policy" "backup" {
  for_each = local.databases

  name   = "backup"
  role   = aws_iam_role.backup[each.key].id
  policy = data.aws_iam_policy_document.backup[each.key].json
}

resource "aws_eks_pod_identity_association" "backup" {
  for_each = local.databases

  cluster_name    = aws_eks_cluster.main.name
  namespace       = local.workloads["${each.key}-backup"].namespace
  service_account = local.workloads["${each.key}-backup"].service_account
  role_arn        = aws_iam_role.backup[each.key].arn

  tags = {
    "rookery:service" = each.key
  }
}
