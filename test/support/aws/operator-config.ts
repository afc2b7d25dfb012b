import { operatorConfigFile, type OperatorConfig } from "../../../src/crds/operator-config.ts";

/** A whole configuration for tests of the AWS side: account 111122223333, eu-west-1, cluster demo. */
export function operatorConfig(endpoint?: string): OperatorConfig {
  return operatorConfigFile.parse({
    cluster: {
      name: "demo",
      region: "eu-west-1",
      accountId: "111122223333",
      oidcIssuer: "https://oidc.eks.eu-west-1.amazonaws.com/id/DEMO",
    },
    identity: { permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/platform-boundary" },
    // Fast enough that a test never waits for the bucket.
    aws: { endpoint: endpoint ?? null, limits: { iam: "1000/s", ecr: "1000/s" } },
  });
}
