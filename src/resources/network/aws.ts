import type { Violation } from "../../crds/desired.ts";
import type { EffectiveService, IdentityMode } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { AGENT_ADDRESS } from "../identity-token.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { sortedUnique } from "../order.ts";
import { addressPeer, tcp, type NetworkRule } from "./rules.ts";

/** The way to AWS: port 443 of the endpoints that the role's policy needs, and of no other. */

const HTTPS = 443;
const HTTP = 80;
/** Services behind gateway endpoints, whose addresses are the prefix lists'; every other is behind an interface endpoint. */
const GATEWAY_SERVICES = ["s3", "dynamodb"] as const;
/** What IRSA exchanges the pod's token at. */
const STS = "sts";

/** Where Envoy of App Mesh is told what the mesh is. */
const ENVOY_MANAGEMENT = "appmesh-envoy-management";

/** What pods need of AWS beside what their policy allows. */
export interface Proxies {
  readonly identityModes: readonly IdentityMode[];
  readonly meshes: readonly Mesh[];
}

/** Whether the role may do anything, as far as is known; otherwise pods have no way to AWS. */
export function usesAws(service: EffectiveService): boolean {
  return allowStatements(service).length > 0 || hasUnknownRights(service);
}

/** What a managed policy or a role of others allows is its owner's to say and to change, so its services are not known (docs/adr, managed policies). */
function hasUnknownRights({ spec: { aws } }: EffectiveService): boolean {
  return aws?.existingRole !== undefined || (aws?.managedPolicyArns ?? []).length > 0;
}

/** One rule, or none; and a problem for each AWS service that the policy names and the configuration knows no addresses of. */
export function awsEgress(
  service: EffectiveService,
  config: OperatorConfig,
  proxies: Proxies,
): { readonly rules: readonly NetworkRule[]; readonly problems: readonly Violation[] } {
  const modes = proxies.identityModes;
  const needed = neededServices(service, proxies);
  const unknown = hasUnknownRights(service);
  const cidrs = sortedUnique(
    unknown ? Object.values(config.network.awsEndpointCidrs).flat() : needed.flatMap(({ name }) => endpointCidrs(name, config)),
  );
  return {
    rules: cidrs.length === 0 ? [] : [{ peers: cidrs.map(addressPeer), ports: [tcp(HTTPS)] }],
    problems: [
      ...needed.filter(({ name }) => endpointCidrs(name, config).length === 0).map(noEgress),
      ...(unknown && modes.includes("IRSA") && endpointCidrs(STS, config).length === 0 ? [noCredentials(service)] : []),
    ],
  };
}

/** The way to the node's Pod Identity Agent, for pods of a role that may do anything. */
export function agentEgress(service: EffectiveService, { identityModes, meshes }: Proxies): readonly NetworkRule[] {
  if (!identityModes.includes("PodIdentity") || !(usesAws(service) || inAppMesh(meshes))) return [];
  return [{ peers: [addressPeer(`${AGENT_ADDRESS}/32`)], ports: [tcp(HTTP)] }];
}

/** Envoy has the role's credentials too. */
function inAppMesh(meshes: readonly Mesh[]): boolean {
  return meshes.some(({ provider }) => provider === "AppMesh");
}

interface NeededService {
  readonly name: string;
  /** The first statement that needs it; undefined: Envoy does. */
  readonly sid: string | undefined;
}

function allowStatements({ spec }: EffectiveService) {
  return (spec.aws?.policy?.statements ?? []).filter(({ effect }) => effect === "Allow");
}

/** IAM prefixes of what is allowed, and what Envoy calls; for IRSA STS before anything else. */
function neededServices(service: EffectiveService, { identityModes, meshes }: Proxies): readonly NeededService[] {
  const first = identityModes.includes("IRSA") ? [STS] : [];
  const named = allowStatements(service).flatMap(({ sid, actions }) =>
    [...first, ...actions.map(iamPrefix)].map((name) => ({ name, sid })),
  );
  const proxied = inAppMesh(meshes) ? [...first, ENVOY_MANAGEMENT] : [];
  return sortedUnique([...named.map(({ name }) => name), ...proxied]).map((name) => ({
    name,
    sid: sortedUnique(named.filter((one) => one.name === name).map(({ sid }) => sid))[0],
  }));
}

function iamPrefix(action: string): string {
  return action.slice(0, Math.max(0, action.indexOf(":"))).toLowerCase();
}

function endpointKind(name: string): "interface" | (typeof GATEWAY_SERVICES)[number] {
  return GATEWAY_SERVICES.find((gateway) => gateway === name) ?? "interface";
}

function endpointCidrs(name: string, config: OperatorConfig): readonly string[] {
  return config.network.awsEndpointCidrs[endpointKind(name)];
}

function noCredentials({ spec: { aws } }: EffectiveService): Violation {
  const field = aws?.existingRole === undefined ? "managedPolicyArns" : "existingRole";
  return {
    field: `spec.aws.${field}`,
    reason: "NoEgressFor",
    message: `the role's credentials need sts, and no addresses of sts are known: the platform team adds them to network.awsEndpointCidrs.interface of the operator's configuration, or remove ${field}`,
  };
}

function noEgress({ name, sid }: NeededService): Violation {
  if (sid === undefined) {
    return {
      field: "network.awsEndpointCidrs",
      reason: "NoEgressFor",
      message: `Envoy of App Mesh calls ${name} and no addresses of it are known: the platform team adds them to network.awsEndpointCidrs.interface of the operator's configuration`,
    };
  }
  const why = name === STS ? "needs sts, for the role's credentials," : `allows ${name}`;
  return {
    field: `spec.aws.policy.statements[${sid}].actions`,
    reason: "NoEgressFor",
    message: `statement ${sid} ${why} and no addresses of ${name} are known: the platform team adds them to network.awsEndpointCidrs.${endpointKind(name)} of the operator's configuration, or remove the actions`,
  };
}
