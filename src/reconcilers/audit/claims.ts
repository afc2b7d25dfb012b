import type { StepCondition } from "../../crds/conditions.ts";
import { meshOfNamespace, repositoryMode, repositoryName } from "../../crds/effective.ts";
import { keyOf, keyString, type ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { PlatformService } from "../../crds/platform-service.ts";
import { virtualNodeName } from "../../resources/app-mesh/names.ts";
import { associationName } from "../../resources/eks/association.ts";
import { existingRoleName } from "../../resources/iam/existing-role.ts";
import { roleName } from "../../resources/iam/role.ts";
import { serviceHost } from "../../resources/mesh/host.ts";
import { rulesNamespaceName } from "../../resources/slo/rule-file.ts";
import { AUDITED_KINDS, isMeshRead, placeOf, type AuditedKind } from "./holdings.ts";

/** What services want of AWS, have there by their status, or use of others: what of it is anybody's is no orphan. */

/** An object that a service of the cluster wants for itself. */
export interface Wanted {
  readonly kind: AuditedKind;
  readonly name: string;
  readonly service: PlatformService;
}

export interface Claims {
  readonly wanted: readonly Wanted[];
  /** The service that wants, has or uses the object; undefined: none does. */
  holder(kind: AuditedKind, name: string): ObjectKey | undefined;
  service(key: ObjectKey): PlatformService | undefined;
}

/** The condition that tells of each kind. */
export const CONDITION_OF: Readonly<Record<AuditedKind, StepCondition>> = {
  Role: "IdentityReady",
  Repository: "RepositoryReady",
  PodIdentityAssociation: "ServiceAccountReady",
  VirtualNode: "MeshSecurityReady",
  VirtualRouter: "TrafficReady",
  VirtualService: "TrafficReady",
  RuleGroupsNamespace: "SLOsReady",
};

export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>>;

/** Needs no tier: names depend on none. */
export function claimsOf(services: readonly PlatformService[], namespaceLabels: NamespaceLabels, config: OperatorConfig): Claims {
  const byKey = new Map(services.map((service) => [keyString(keyOf(service)), service]));
  const wanted: Wanted[] = [];
  const holders = new Map<string, ObjectKey>();
  for (const service of services) {
    const key = keyOf(service);
    const names = wantedNames(service, namespaceLabels(key.namespace), config);
    // Its finalizer takes away what it has; what it wanted is not missing.
    if (!isLeaving(service)) for (const [kind, name] of names) wanted.push({ kind, name, service });
    for (const [kind, name] of [...names, ...listedNames(service), ...usedNames(service, config)])
      holders.set(placeOf({ kind, name }), key);
  }
  return {
    wanted,
    holder: (kind, name) => holders.get(placeOf({ kind, name })),
    service: (key) => byKey.get(keyString(key)),
  };
}

/** It is being deleted, and its finalizer is still at it. */
export function isLeaving({ metadata }: PlatformService): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** The name that the operator gives the object of a service; undefined: that is for the service to say, or the configuration has none. */
export function givenName(kind: AuditedKind, key: ObjectKey, config: OperatorConfig): string | undefined {
  switch (kind) {
    case "Role":
      return roleName(key, config);
    case "Repository":
      return undefined;
    case "PodIdentityAssociation":
      return associationName(key);
    case "VirtualNode":
    case "VirtualRouter":
      return virtualNodeName(key, config);
    case "VirtualService":
      return serviceHost(key, config);
    case "RuleGroupsNamespace":
      return rulesNamespaceName(key, config);
    default:
      return kind satisfies never;
  }
}

type Named = readonly [AuditedKind, string];

function wantedNames(service: PlatformService, labels: Readonly<Record<string, string>>, config: OperatorConfig): readonly Named[] {
  const { spec } = service;
  const key = keyOf(service);
  const kinds: AuditedKind[] = [];
  if (spec.aws?.existingRole === undefined) {
    kinds.push("Role");
    if ((spec.aws?.identity ?? config.identity.default) === "PodIdentity") kinds.push("PodIdentityAssociation");
  }
  // What a squad brings is never in App Mesh.
  if (isMeshRead(config) && spec.workloadRef === undefined && meshOfNamespace(labels, config).mesh === "AppMesh") {
    kinds.push("VirtualNode");
    if (spec.port !== undefined) kinds.push("VirtualRouter", "VirtualService");
  }
  if (config.slos.delivery === "AmazonManagedPrometheus" && (spec.slos ?? []).length > 0) kinds.push("RuleGroupsNamespace");
  const given = kinds.map((kind): Named => [kind, givenName(kind, key, config) ?? ""]);
  return repositoryMode(spec, config) === "Own" ? [...given, ["Repository", repositoryName(key, spec, config)]] : given;
}

/** What a pass noted that it has: more than it wants while it moves, as a role that pods still run under. */
function listedNames({ status }: PlatformService): readonly Named[] {
  return (status?.resources ?? []).flatMap(({ kind, group, name, state }): readonly Named[] => {
    const audited = AUDITED_KINDS.find((one) => one === kind);
    return audited === undefined || !group.endsWith(".aws") || state === "Retained" ? [] : [[audited, name]];
  });
}

/** What is others', by the service's own word. */
function usedNames(service: PlatformService, config: OperatorConfig): readonly Named[] {
  const { spec } = service;
  const role: readonly Named[] = spec.aws?.existingRole === undefined ? [] : [["Role", existingRoleName(spec.aws.existingRole)]];
  return repositoryMode(spec, config) === "Existing" ? [...role, ["Repository", repositoryName(keyOf(service), spec, config)]] : role;
}
