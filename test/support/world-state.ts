import { KINDS, resourceName } from "../../src/kube/kinds.ts";
import { CHILD_KINDS } from "./child-kinds.ts";
import type { FaultBench } from "./fault-bench.ts";

/** What is there in namespaces and in AWS for them, without what differs between two that hold the same. */

/** Namespace, then `Deployment api` or `iam Role …` to the object. */
export type World = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** What is there at a moment, and which object each is. */
export interface Snapshot {
  readonly world: World;
  /** As the world, to what no other object has that is made later in its place. */
  readonly identities: ReadonlyMap<string, Readonly<Record<string, string | number>>>;
}

interface Live {
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string };
}

const PLACEHOLDER = "NAMESPACE";
const READ_KINDS = [KINDS.PlatformService, ...CHILD_KINDS];

/** Set by the API server and its controllers, or at a moment of their own. */
const FLEETING: ReadonlySet<string> = new Set([
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "managedFields",
  "clusterIP",
  "clusterIPs",
  "lastTransitionTime",
  "observedGeneration",
  "generation",
  "deployment.kubernetes.io/revision",
  "kubectl.kubernetes.io/last-applied-configuration",
  "test/touched",
  // Of AWS.
  "roleId",
  "createdAt",
  "pushedAt",
  "layers",
  "images",
]);
/** Of what the namespace's name is part of. */
const DIGESTS = /sha256:[0-9a-f]{64}/g;
const HASHES = /"[0-9a-f]{16,64}"/g;

/** Reads everything at once, as an administrator. */
export async function readWorld(bench: FaultBench, namespaces: readonly string[]): Promise<Snapshot> {
  const kinds = READ_KINDS.map(resourceName).join(",");
  const list: { readonly items: readonly Live[] } = JSON.parse(await bench.plane.kubectl(["get", kinds, "-A", "-o", "json"]));
  const { roles, repositories, podIdentityAssociations, meshObjects, rulesNamespaces } = await bench.aws.state();
  const found = namespaces.map((namespace) => {
    const objects = list.items.filter(
      ({ kind, metadata }) =>
        metadata.namespace === namespace &&
        !(kind === "ServiceAccount" && metadata.name === "default") &&
        !(kind === "ConfigMap" && metadata.name === "kube-root-ca.crt"),
    );
    const own = <T>(table: readonly [string, T][]): [string, T][] => table.filter(([key]) => key.includes(namespace));
    const entries = [
      ...objects.map((object) => [`${object.kind} ${object.metadata.name}`, withoutStatus(object), object.metadata.uid] as const),
      ...own(roles).map(([key, role]) => [`iam Role ${key}`, role, role.roleId] as const),
      ...own(repositories).map(([key, repository]) => [`ecr Repository ${key}`, repository, repository.createdAt] as const),
      ...own(meshObjects).map(([key, { kind, spec, tags, uid }]) => [`appmesh ${kind} ${key}`, { spec, tags }, uid] as const),
      ...own(rulesNamespaces).map(
        ([key, { data, tags, createdAt }]) => [`aps RuleGroupsNamespace ${key}`, { data: textOf(data), tags }, createdAt] as const,
      ),
      ...podIdentityAssociations
        .map(([, association]) => association)
        .filter((association) => association.namespace === namespace)
        .map(({ serviceAccount, roleArn, tags, id }) => [`eks Association ${serviceAccount}`, { roleArn, tags }, id] as const),
    ];
    const world: Readonly<Record<string, unknown>> = JSON.parse(anonymous(Object.fromEntries(entries), namespace));
    const identities = Object.fromEntries(entries.map(([name, , identity]) => [name.replaceAll(namespace, PLACEHOLDER), identity]));
    return { namespace, world, identities };
  });
  return {
    world: new Map(found.map(({ namespace, world }) => [namespace, world])),
    identities: new Map(found.map(({ namespace, identities }) => [namespace, identities])),
  };
}

/** The names of the objects in the namespace that were there before and are others now: what was taken away and made again. */
export function madeAgain(before: Snapshot, after: Snapshot, namespace: string): readonly string[] {
  const now = after.identities.get(namespace) ?? {};
  return Object.entries(before.identities.get(namespace) ?? {}).flatMap(([name, identity]) =>
    now[name] === undefined || now[name] === identity ? [] : [name],
  );
}

function textOf(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}

/** The status of a PlatformService is the operator's word; that of a child is not. */
function withoutStatus(object: Live): unknown {
  if (object.kind === "PlatformService") return object;
  return Object.fromEntries(Object.entries(object).filter(([member]) => member !== "status"));
}

function anonymous(value: unknown, namespace: string): string {
  return JSON.stringify(value, (member, inner: unknown) => (FLEETING.has(member) ? undefined : inner))
    .replaceAll(namespace, PLACEHOLDER)
    .replaceAll(DIGESTS, "sha256:DIGEST")
    .replaceAll(HASHES, '"HASH"');
}
