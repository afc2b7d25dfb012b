# The operator's own role: assumed by its ServiceAccount alone (IRSA), with the policy that its code needs and no more; and, where asked for, a boundary
# of the roles that it makes.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  issuer = regex("^arn:[^:]+:iam::[0-9]+:oidc-provider/(.+)$", var.oidc_provider_arn)[0]

  written    = var.permissions_boundary_arn == null ? [] : [var.permissions_boundary_arn]
  boundaries = sort(distinct(concat(local.written, aws_iam_policy.services_boundary[*].arn, var.allowed_boundary_arns)))

  # The templates are made by `npm run generate` from the code that makes config/iam/operator-policy.json.
  template = var.pod_identity ? "policy-pod-identity.json.tftpl" : "policy.json.tftpl"
  policy = jsonencode(jsondecode(templatefile("${path.module}/${local.template}", {
    partition             = data.aws_partition.current.partition
    dns_suffix            = data.aws_partition.current.dns_suffix
    account_id            = data.aws_caller_identity.current.account_id
    region                = var.region
    cluster               = var.cluster
    boundaries            = local.boundaries
    managed_policies      = sort(distinct(var.allowed_managed_policy_arns))
    repository_prefix     = var.repository_prefix
    existing_repositories = sort(distinct(var.existing_repositories))
    kms_key               = var.kms_key
  })))

  app_mesh_policy = jsonencode(jsondecode(templatefile("${path.module}/policy-app-mesh.json.tftpl", {
    partition      = data.aws_partition.current.partition
    account_id     = data.aws_caller_identity.current.account_id
    region         = var.region
    cluster        = var.cluster
    cluster_domain = var.cluster_domain
    mesh_name      = var.app_mesh_name
  })))

  managed_prometheus = var.managed_prometheus_workspace_arn != "" || var.budgets_workspace_arn != ""
  managed_prometheus_policy = jsonencode(jsondecode(templatefile("${path.module}/policy-managed-prometheus.json.tftpl", {
    region        = var.region
    cluster       = var.cluster
    workspace_arn = var.managed_prometheus_workspace_arn
    rules_arn     = replace(var.managed_prometheus_workspace_arn, ":workspace/", ":rulegroupsnamespace/")
    budgets_arn   = var.budgets_workspace_arn
  })))

  services_boundary = jsonencode(jsondecode(templatefile("${path.module}/services-boundary.json.tftpl", {
    partition  = data.aws_partition.current.partition
    account_id = data.aws_caller_identity.current.account_id
    actions    = sort(distinct(var.services_boundary_actions))
  })))
}

resource "aws_iam_role" "operator" {
  name                 = var.name
  path                 = var.path
  permissions_boundary = var.operator_permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.oidc_provider_arn }
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = "system:serviceaccount:${var.service_account.namespace}:${var.service_account.name}"
        }
      }
    }]
  })
}

resource "aws_iam_policy" "operator" {
  name        = var.name
  path        = var.path
  description = "What platform-operator calls in AWS for the cluster ${var.region}.${var.cluster}."
  policy      = local.policy
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(local.boundaries) > 0
      error_message = "Every role of a service has a boundary: write permissions_boundary_arn, or create_services_boundary = true."
    }
  }
}

resource "aws_iam_role_policy_attachment" "operator" {
  role       = aws_iam_role.operator.name
  policy_arn = aws_iam_policy.operator.arn
}

# One managed policy has no room for App Mesh as well.
resource "aws_iam_policy" "app_mesh" {
  count       = var.app_mesh_name == "" ? 0 : 1
  name        = "${var.name}-app-mesh"
  path        = var.path
  description = "What platform-operator calls in App Mesh for the cluster ${var.region}.${var.cluster}."
  policy      = local.app_mesh_policy
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "app_mesh" {
  count      = var.app_mesh_name == "" ? 0 : 1
  role       = aws_iam_role.operator.name
  policy_arn = aws_iam_policy.app_mesh[0].arn
}

# Nor has everybody a workspace of Amazon Managed Service for Prometheus.
resource "aws_iam_policy" "managed_prometheus" {
  count       = local.managed_prometheus ? 1 : 0
  name        = "${var.name}-managed-prometheus"
  path        = var.path
  description = "What platform-operator calls in Amazon Managed Service for Prometheus for the cluster ${var.region}.${var.cluster}."
  policy      = local.managed_prometheus_policy
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "managed_prometheus" {
  count      = local.managed_prometheus ? 1 : 0
  role       = aws_iam_role.operator.name
  policy_arn = aws_iam_policy.managed_prometheus[0].arn
}

# Of the roles of services, not of the operator's.
resource "aws_iam_policy" "services_boundary" {
  count       = var.create_services_boundary ? 1 : 0
  name        = "${var.name}-services-boundary"
  path        = var.path
  description = "What the role of a PlatformService can never exceed."
  policy      = local.services_boundary
  tags        = var.tags
}
