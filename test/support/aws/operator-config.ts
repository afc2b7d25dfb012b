import { operatorConfigFile, type OperatorConfig } from "../../../src/crds/operator-config.ts";

/** Managed policies that services may name: the account's, AWS's, and one that nobody has made. */
export const METRICS_POLICY = "arn:aws:iam::111122223333:policy/platform-metrics";
export const XRAY_POLICY = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess";
export const MISSING_POLICY = "arn:aws:iam::111122223333:policy/not-made";

/** So high that a test never waits for the bucket. */
export const NO_LIMITS = { iam: "1000/s", ecr: "1000/s", eks: "1000/s", appmesh: "1000/s", aps: "1000/s" };

/** A whole configuration for tests of the AWS side: account 111122223333, eu-west-1, cluster demo. `overrides` are for whole blocks. */
export function operatorConfig(endpoint?: string, overrides: object = {}): OperatorConfig {
  return operatorConfigFile.parse({
    cluster: {
      name: "demo",
      region: "eu-west-1",
      accountId: "111122223333",
      oidcIssuer: "https://oidc.eks.eu-west-1.amazonaws.com/id/DEMO",
    },
    identity: {
      permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/platform-boundary",
      allowedManagedPolicyArns: [METRICS_POLICY, XRAY_POLICY, MISSING_POLICY],
    },
    aws: { endpoint: endpoint ?? null, limits: NO_LIMITS },
    ...overrides,
  });
}
