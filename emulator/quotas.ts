/** AWS's default limits, in one place. "Adjustable" ones can be set in the options, as an account's owner would ask AWS to. */
export interface Quotas {
  readonly rolesPerAccount: number;
  readonly policiesPerAccount: number;
  readonly instanceProfilesPerAccount: number;
  readonly oidcProvidersPerAccount: number;
  readonly managedPoliciesPerRole: number;
  readonly instanceProfilesPerRole: number;
  readonly inlinePolicyCharactersPerRole: number;
  readonly trustPolicyCharacters: number;
  readonly managedPolicyCharacters: number;
  readonly tagsPerResource: number;
  readonly clientIdsPerOidcProvider: number;
  readonly repositoriesPerRegistry: number;
  readonly imagesPerRepository: number;
  readonly tagsPerImage: number;
  readonly layerPartsPerUpload: number;
  readonly layerPartBytes: number;
  readonly smallestLayerPartBytes: number;
  readonly podIdentityAssociationsPerCluster: number;
  readonly meshesPerAccount: number;
  readonly virtualNodesPerMesh: number;
  readonly virtualRoutersPerMesh: number;
  readonly virtualServicesPerMesh: number;
  readonly virtualGatewaysPerMesh: number;
  readonly routesPerVirtualRouter: number;
  readonly gatewayRoutesPerVirtualGateway: number;
  readonly backendsPerVirtualNode: number;
  readonly workspacesPerRegion: number;
  readonly rulesNamespacesPerWorkspace: number;
  readonly ruleGroupsPerWorkspace: number;
  readonly rulesPerRuleGroup: number;
  readonly rulesFileBytes: number;
}

/**
 * IAM: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; ECR: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html;
 * EKS: https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html; App Mesh: https://docs.aws.amazon.com/general/latest/gr/appmesh.html (Service Quotas, service code appmesh);
 * Amazon Managed Service for Prometheus: https://docs.aws.amazon.com/prometheus/latest/userguide/AMP_quotas.html
 */
export const DEFAULT_QUOTAS: Quotas = {
  rolesPerAccount: 1_000, // IAM, adjustable to 5,000
  policiesPerAccount: 1_500, // IAM, adjustable to 5,000
  instanceProfilesPerAccount: 1_000, // IAM, adjustable to 5,000
  oidcProvidersPerAccount: 100, // IAM, adjustable to 700
  managedPoliciesPerRole: 10, // IAM, adjustable to 25
  instanceProfilesPerRole: 1_000,
  inlinePolicyCharactersPerRole: 10_240, // IAM: all inline policies of a role together; white space is not counted
  trustPolicyCharacters: 2_048, // IAM, adjustable to 8,192; white space is not counted
  managedPolicyCharacters: 6_144, // IAM; white space is not counted
  tagsPerResource: 50, // IAM and ECR; keys that begin with aws: are refused
  clientIdsPerOidcProvider: 100, // IAM
  repositoriesPerRegistry: 10_000, // ECR, adjustable
  imagesPerRepository: 10_000, // ECR, adjustable
  tagsPerImage: 1_000, // ECR
  layerPartsPerUpload: 4_200, // ECR
  layerPartBytes: 20 * 1024 * 1024, // botocore LayerPartBlob: 0 to 20,971,520 bytes
  podIdentityAssociationsPerCluster: 5_000, // EKS
  meshesPerAccount: 15, // App Mesh, adjustable
  virtualNodesPerMesh: 200, // App Mesh, adjustable
  virtualRoutersPerMesh: 200, // App Mesh, adjustable
  virtualServicesPerMesh: 200, // App Mesh, adjustable
  virtualGatewaysPerMesh: 3, // App Mesh, adjustable
  routesPerVirtualRouter: 50, // App Mesh, adjustable
  gatewayRoutesPerVirtualGateway: 10, // App Mesh, adjustable
  backendsPerVirtualNode: 50, // App Mesh, adjustable
  workspacesPerRegion: 10, // Amazon Managed Service for Prometheus, adjustable
  rulesNamespacesPerWorkspace: 10, // Amazon Managed Service for Prometheus, adjustable
  ruleGroupsPerWorkspace: 100, // Amazon Managed Service for Prometheus, adjustable
  rulesPerRuleGroup: 20, // Amazon Managed Service for Prometheus, adjustable
  rulesFileBytes: 1_000_000, // Amazon Managed Service for Prometheus: 1 megabyte
  smallestLayerPartBytes: 5 * 1024 * 1024, // ECR: but for the last part of an upload
};
