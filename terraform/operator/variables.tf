# What is said here and in the operator's configuration file has to be the same; each says which field.

variable "cluster" {
  description = "cluster.name."
  type        = string
}

variable "region" {
  description = "cluster.region."
  type        = string
}

variable "oidc_provider_arn" {
  description = "The IAM OIDC provider of the cluster, whose URL is cluster.oidcIssuer."
  type        = string
}

variable "service_account" {
  description = "The operator's own ServiceAccount; namespace is that of the chart's release."
  type        = object({ namespace = string, name = string })
  default     = { namespace = "platform-system", name = "platform-operator" }
}

variable "permissions_boundary_arn" {
  description = "identity.permissionsBoundaryArn: the boundary of every role that the operator makes; null: the one that create_services_boundary creates."
  type        = string
  default     = null
}

variable "create_services_boundary" {
  description = "Whether a boundary is created; services_boundary_arn is then for identity.permissionsBoundaryArn, or for identity.allowedBoundaryArns."
  type        = bool
  default     = false
}

variable "services_boundary_actions" {
  description = "What services may be allowed at most, as [\"dynamodb:*\", \"s3:*\"]; whatever is here, IAM, the account and access to the cluster are denied."
  type        = list(string)
  default     = ["*"]
}

variable "allowed_boundary_arns" {
  description = "identity.allowedBoundaryArns."
  type        = list(string)
  default     = []
}

variable "allowed_managed_policy_arns" {
  description = "identity.allowedManagedPolicyArns."
  type        = list(string)
  default     = []
}

variable "repository_prefix" {
  description = "registry.repositoryPrefix."
  type        = string
  default     = ""
}

variable "existing_repositories" {
  description = "existingRepositories of every tenancy, which are whole names; where registry.mode is Existing also repository_prefix and *, as prod/*."
  type        = list(string)
  default     = []
}

variable "kms_key" {
  description = "registry.encryption.kmsKey; empty: none."
  type        = string
  default     = ""
}

variable "pod_identity" {
  description = "Whether EKS Pod Identity is among the modes that services may choose (identity.modes)."
  type        = bool
  default     = false
}

variable "cluster_domain" {
  description = "network.clusterDomain; only App Mesh's policy names it."
  type        = string
  default     = "cluster.local"
}

variable "app_mesh_name" {
  description = "mesh.appMesh.meshName; empty: there is none, or it is retired."
  type        = string
  default     = ""
}

variable "managed_prometheus_workspace_arn" {
  description = "slos.workspaceArn; empty: there is none."
  type        = string
  default     = ""
}

variable "budgets_workspace_arn" {
  description = "The workspace whose URL is slos.prometheus.url, with the mode SigV4; empty: none is asked so."
  type        = string
  default     = ""
}

variable "name" {
  description = "Of the role and of its policies."
  type        = string
  default     = "platform-operator"
}

variable "path" {
  description = "Of the role and of its policies."
  type        = string
  default     = "/"

  validation {
    condition     = !startswith(var.path, "/platform-operator/")
    error_message = "The operator writes the roles under /platform-operator/: its own must not be among them."
  }
}

variable "operator_permissions_boundary_arn" {
  description = "A boundary of the operator's own role; null: none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Of the role and of its policies."
  type        = map(string)
  default     = {}
}
