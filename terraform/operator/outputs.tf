output "role_arn" {
  description = "The chart's serviceAccount.roleArn."
  value       = aws_iam_role.operator.arn
}

output "policy_json" {
  description = "The operator's policy."
  value       = local.policy
}

output "app_mesh_policy_json" {
  description = "The operator's policy for App Mesh; null: it has none."
  value       = var.app_mesh_name == "" ? null : local.app_mesh_policy
}

output "managed_prometheus_policy_json" {
  description = "The operator's policy for Amazon Managed Service for Prometheus; null: it has none."
  value       = local.managed_prometheus ? local.managed_prometheus_policy : null
}

output "services_boundary_arn" {
  description = "For identity.permissionsBoundaryArn; null: none was created."
  value       = one(aws_iam_policy.services_boundary[*].arn)
}

output "services_boundary_json" {
  description = "The boundary that create_services_boundary creates."
  value       = local.services_boundary
}
