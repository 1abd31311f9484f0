# The cluster and its nodes: AWS's own policies, which it keeps in step with what they do.

data "aws_iam_policy_document" "cluster_trust" {
  statement {
    sid     = "ControlPlane"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "cluster" {
  name               = "${local.name}-cluster"
  assume_role_policy = data.aws_iam_policy_document.cluster_trust.json
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}

data "aws_iam_policy_document" "node_trust" {
  statement {
    sid     = "Nodes"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "node" {
  name               = "${local.name}-node"
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset(["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"])

  role       = aws_iam_role.node.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

# Workload identity: a pod of exactly this ServiceAccount gets exactly this role, for minutes. No key is anywhere.

locals {
  # Role -> the ServiceAccount that may have it. CloudNativePG names the ServiceAccount of a database after its Cluster.
  workloads = merge(
    {
      for service in local.databases :
      "${service}-backup" => { namespace = var.namespace, service_account = "${service}-db" }
    },
    {
      ebs-csi          = { namespace = "kube-system", service_account = "ebs-csi-controller-sa" }
      external-secrets = { namespace = "external-secrets", service_account = "external-secrets" }
    },
  )
}

data "aws_iam_policy_document" "workload_trust" {
  for_each = local.workloads

  statement {
    sid     = "Workload"
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/eks-cluster-name"
      values   = [local.name]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-namespace"
      values   = [each.value.namespace]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [each.value.service_account]
    }
  }
}

resource "aws_iam_role" "ebs_csi" {
  name               = "${local.name}-ebs-csi"
  assume_role_policy = data.aws_iam_policy_document.workload_trust["ebs-csi"].json
}

resource "aws_iam_role_policy_attachment" "ebs_csi" {
  role       = aws_iam_role.ebs_csi.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
}

# For a team that keeps its secrets with AWS instead of Vault: External Secrets reads those of this environment, and lists none.

data "aws_iam_policy_document" "external_secrets" {
  statement {
    sid       = "ReadSecretsOfTheEnvironment"
    actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    resources = ["arn:aws:secretsmanager:${var.region}:${var.account_id}:secret:rookery/${var.environment}/*"]
  }
}

resource "aws_iam_role" "external_secrets" {
  name               = "${local.name}-external-secrets"
  assume_role_policy = data.aws_iam_policy_document.workload_trust["external-secrets"].json
}

resource "aws_iam_role_policy" "external_secrets" {
  name   = "read-secrets"
  role   = aws_iam_role.external_secrets.id
  policy = data.aws_iam_policy_document.external_secrets.json
}

resource "aws_eks_pod_identity_association" "external_secrets" {
  cluster_name    = aws_eks_cluster.main.name
  namespace       = local.workloads["external-secrets"].namespace
  service_account = local.workloads["external-secrets"].service_account
  role_arn        = aws_iam_role.external_secrets.arn
}
