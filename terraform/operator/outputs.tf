output "role_arn" {
  description = "The chart's serviceAccount.roleArn."
  value       = aws_iam_role.operator.arn
}

output "policy_json" {
  description = "The operator's policy."
  value       = local.policy
}
