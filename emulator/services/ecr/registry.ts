import type {
  DescribeRegistryRequest,
  DescribeRegistryResponse,
  GetAuthorizationTokenRequest,
  GetAuthorizationTokenResponse,
  GetRegistryScanningConfigurationRequest,
  GetRegistryScanningConfigurationResponse,
  PutRegistryScanningConfigurationRequest,
  PutRegistryScanningConfigurationResponse,
  PutReplicationConfigurationRequest,
  PutReplicationConfigurationResponse,
} from "@aws-sdk/client-ecr";
import { read, write, type Call, type Operation } from "../../operation.ts";
import type { RegistryRecord } from "../../records.ts";
import { invalidParameter } from "./shared.ts";

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

const UNTOUCHED: RegistryRecord = { scanType: "BASIC", scanRules: [], replicationRules: [] };

function registryOf({ store, accountId }: Call): RegistryRecord {
  return store.registries.get(accountId) ?? UNTOUCHED;
}

const describeRegistry = read<DescribeRegistryRequest, DescribeRegistryResponse>("DescribeRegistry", {
  permissions: () => [{ action: "ecr:DescribeRegistry", resource: "*" }],
  handle(_, call) {
    const rules = registryOf(call).replicationRules.map(({ destinations, repositoryFilters }) => ({
      destinations: [...destinations],
      repositoryFilters: repositoryFilters && [...repositoryFilters],
    }));
    return { registryId: call.accountId, replicationConfiguration: { rules } };
  },
});

const putReplicationConfiguration = write<PutReplicationConfigurationRequest, PutReplicationConfigurationResponse>(
  "PutReplicationConfiguration",
  {
    permissions: () => [{ action: "ecr:PutReplicationConfiguration", resource: "*" }],
    handle({ replicationConfiguration }, call) {
      call.store.registries.set(call.accountId, { ...registryOf(call), replicationRules: replicationConfiguration.rules });
      return { replicationConfiguration };
    },
  },
);

const getRegistryScanningConfiguration = read<GetRegistryScanningConfigurationRequest, GetRegistryScanningConfigurationResponse>(
  "GetRegistryScanningConfiguration",
  {
    permissions: () => [{ action: "ecr:GetRegistryScanningConfiguration", resource: "*" }],
    handle(_, call) {
      const { scanType, scanRules } = registryOf(call);
      const rules = scanRules.map((rule) => ({ ...rule, repositoryFilters: [...rule.repositoryFilters] }));
      return { registryId: call.accountId, scanningConfiguration: { scanType, rules } };
    },
  },
);

const putRegistryScanningConfiguration = write<PutRegistryScanningConfigurationRequest, PutRegistryScanningConfigurationResponse>(
  "PutRegistryScanningConfiguration",
  {
    permissions: () => [{ action: "ecr:PutRegistryScanningConfiguration", resource: "*" }],
    handle({ scanType = "BASIC", rules = [] }, call) {
      if (scanType === "BASIC" && rules.some(({ scanFrequency }) => scanFrequency === "CONTINUOUS_SCAN")) {
        throw invalidParameter("The scan frequency CONTINUOUS_SCAN is not supported for the scan type BASIC");
      }
      call.store.registries.set(call.accountId, { ...registryOf(call), scanType, scanRules: rules });
      return { registryScanningConfiguration: { scanType, rules } };
    },
  },
);

export const REGISTRY_OPERATIONS: readonly Operation[] = [
  getAuthorizationToken,
  describeRegistry,
  putReplicationConfiguration,
  getRegistryScanningConfiguration,
  putRegistryScanningConfiguration,
];
