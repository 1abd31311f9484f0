output "kubeconfig" {
  description = "Writes the way to the cluster into ~/.kube/config"
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${aws_eks_cluster.main.name}"
}

output "backups" {
  description = "destinationPath of k8s/components/backup"
  value       = "s3://${aws_s3_bucket.backups.bucket}/${var.environment}"
}

output "costs" {
  description = "Where the daily costs of each pod arrive"
  value       = "s3://${aws_s3_bucket.costs.bucket}/exports"
}
