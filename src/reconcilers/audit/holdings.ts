import { rulesNamespacePrefix, workspaceOf } from "../../crds/aws-names.ts";
import { AWS_TAGS, type ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { BulkReader, TagReader } from "../ports.ts";

/** What AWS holds that may be this cluster's, in the sweep's own reads. */

/** The kinds of AWS objects that services have, as `status.resources` names them. A route of App Mesh goes with its router, and is none of them. */
export const AUDITED_KINDS = [
  "VirtualService",
  "VirtualRouter",
  "VirtualNode",
  "RuleGroupsNamespace",
  "PodIdentityAssociation",
  "Role",
  "Repository",
] as const;

export type AuditedKind = (typeof AUDITED_KINDS)[number];

export type Tags = Readonly<Record<string, string>>;

/** Where an object is among those of its kind: two have not the same. */
export function placeOf({ kind, name }: Pick<Holding, "kind" | "name">): string {
  return `${kind} ${name}`;
}

/** One object in AWS. */
export interface Holding {
  readonly kind: AuditedKind;
  readonly name: string;
  readonly arn: string;
  /** Of an association, which is asked by it. */
  readonly id?: string;
  /** Undefined where the bulk read does not tell. */
  readonly tags: Tags | undefined;
}

/** What every bulk read tells of an object. */
interface InBulk {
  readonly arn: string;
  readonly id?: string;
  readonly tags: Tags | undefined;
}

/** Of a bulk read, by name. */
export function holdings(kind: AuditedKind, found: ReadonlyMap<string, InBulk>): readonly Holding[] {
  return [...found].map(([name, { arn, id, tags }]) => ({ kind, name, arn, ...(id !== undefined && { id }), tags }));
}

/** The kinds of App Mesh, of one read of the mesh. */
export function meshHoldings({
  virtualServices,
  virtualRouters,
  virtualNodes,
}: Pick<Awaited<ReturnType<BulkReader["meshObjects"]>>, "virtualServices" | "virtualRouters" | "virtualNodes">): readonly (readonly [
  AuditedKind,
  readonly Holding[],
])[] {
  return [
    ["VirtualService", holdings("VirtualService", virtualServices)],
    ["VirtualRouter", holdings("VirtualRouter", virtualRouters)],
    ["VirtualNode", holdings("VirtualNode", virtualNodes)],
  ];
}

/** Everything, kind by kind; what the configuration does not have is not asked for, since the operator has no right to. `told`: what is read next, in words. */
export async function readHoldings(bulk: BulkReader, config: OperatorConfig, told: (what: string) => void): Promise<readonly Holding[]> {
  const found: Holding[] = [];
  told("IAM roles");
  found.push(...holdings("Role", (await bulk.roles(new Set())).ours));
  told("ECR repositories");
  found.push(...holdings("Repository", await bulk.repositories(new Set())));
  if (config.identity.modes.includes("PodIdentity")) {
    told("Pod Identity associations");
    found.push(...holdings("PodIdentityAssociation", await bulk.associations()));
  }
  if (workspaceOf(config) !== undefined) {
    told("rules in Amazon Managed Service for Prometheus");
    found.push(...holdings("RuleGroupsNamespace", await bulk.rulesNamespaces()));
  }
  if (isMeshRead(config)) {
    told("App Mesh");
    found.push(...meshHoldings(await bulk.meshObjects(new Set())).flatMap(([, held]) => held));
  }
  return found;
}

export function isMeshRead({ mesh: { appMesh } }: OperatorConfig): boolean {
  return appMesh !== null && !appMesh.retired;
}

/** Undefined: it is not there any more. */
export async function readTags(reader: TagReader, { kind, arn, id = "", tags }: Holding): Promise<Tags | undefined> {
  if (tags !== undefined) return tags;
  switch (kind) {
    case "Repository":
      return reader.repository(arn);
    case "PodIdentityAssociation":
      return reader.association(id);
    case "VirtualService":
    case "VirtualRouter":
    case "VirtualNode":
      return reader.meshObject(arn);
    case "Role":
    case "RuleGroupsNamespace":
      return undefined;
    default:
      return kind satisfies never;
  }
}

/** Whether its name alone says that it may be this cluster's: no tag of any other is read. */
export function mayBeOurs({ kind, name }: Pick<Holding, "kind" | "name">, config: OperatorConfig): boolean {
  switch (kind) {
    case "Repository":
      return name.startsWith(config.registry.repositoryPrefix);
    case "VirtualNode":
    case "VirtualRouter":
      return name.startsWith(`${config.cluster.name}_`);
    case "VirtualService":
      return name.endsWith(`.svc.${config.network.clusterDomain}`);
    case "RuleGroupsNamespace":
      return name.includes(`/${rulesNamespacePrefix(config)}`);
    case "Role":
    case "PodIdentityAssociation":
      return true;
    default:
      return kind satisfies never;
  }
}

/** The service that the tags name; undefined: they do not say. */
export function ownerOf(tags: Tags): ObjectKey | undefined {
  const { [AWS_TAGS.namespace]: namespace, [AWS_TAGS.name]: name } = tags;
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}
