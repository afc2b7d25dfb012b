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
