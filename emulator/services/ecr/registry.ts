import type {
  DescribeRegistryRequest,
  DescribeRegistryResponse,
  GetAuthorizationTokenRequest,
  GetAuthorizationTokenResponse,
  GetRegistryScanningConfigurationRequest,
  GetRegistryScanningConfigurationResponse,
} from "@aws-sdk/client-ecr";
import { read, type Operation } from "../../operation.ts";

const TOKEN_LIFETIME_MS = 12 * 3600 * 1000; // ECR's tokens are good for 12 hours

const getAuthorizationToken = read<GetAuthorizationTokenRequest, GetAuthorizationTokenResponse>("GetAuthorizationToken", {
  permissions: () => [{ action: "ecr:GetAuthorizationToken", resource: "*" }],
  handle(_, call) {
    const password = Buffer.from(call.randomBytes(48)).toString("base64url");
    return {
      authorizationData: [
        {
          authorizationToken: Buffer.from(`AWS:${password}`).toString("base64"),
          expiresAt: new Date(call.now + TOKEN_LIFETIME_MS),
          proxyEndpoint: `https://${call.accountId}.dkr.ecr.${call.region}.amazonaws.com`,
        },
      ],
    };
  },
});

const describeRegistry = read<DescribeRegistryRequest, DescribeRegistryResponse>("DescribeRegistry", {
  permissions: () => [{ action: "ecr:DescribeRegistry", resource: "*" }],
  handle: (_, { accountId }) => ({ registryId: accountId, replicationConfiguration: { rules: [] } }),
});

const getRegistryScanningConfiguration = read<GetRegistryScanningConfigurationRequest, GetRegistryScanningConfigurationResponse>(
  "GetRegistryScanningConfiguration",
  {
    permissions: () => [{ action: "ecr:GetRegistryScanningConfiguration", resource: "*" }],
    handle: (_, { accountId }) => ({ registryId: accountId, scanningConfiguration: { scanType: "BASIC", rules: [] } }),
  },
);

export const REGISTRY_OPERATIONS: readonly Operation[] = [getAuthorizationToken, describeRegistry, getRegistryScanningConfiguration];
