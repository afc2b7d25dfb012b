import type { EmulatorAdmin } from "../../../emulator/admin-client.ts";
import { GROUP, keyString, LABELS, type ObjectKey } from "../../../src/crds/meta.ts";
import { apiVersionOf, KINDS, type ResourceType } from "../../../src/kube/kinds.ts";
import { isJsonObject, type JsonObject, type LiveMeta } from "../../../src/kube/objects.ts";
import type { ApiClient } from "../api-client.ts";

/** What somebody has, in Kubernetes and in AWS, read whole: so that nothing of it can change unseen. */

/** One thing, in Kubernetes or in AWS. */
export interface Holding {
  /** Of AWS: `aws`. */
  readonly namespace: string;
  /** As `ServiceAccount web` or `Role eu-west-1.demo.shop.web`. */
  readonly what: string;
  /** As `namespace/name`, of the PlatformService that its label or its tags name. */
  readonly service: string | undefined;
  readonly whole: unknown;
}

/** Whose state is held against the one before. */
export interface Victim {
  /** Where to look, beside AWS. */
  readonly namespaces: readonly string[];
  /** Of these kinds alone; undefined: of any. */
  readonly kinds?: readonly string[];
  readonly has: (holding: Holding) => boolean;
}

/** Objects by kind and name, as `ServiceAccount web`. */
export function objects(namespace: string, ...names: readonly string[]): Victim {
  return {
    namespaces: [namespace],
    kinds: names.map((name) => name.split(" ")[0] ?? ""),
    has: (holding) => holding.namespace === namespace && names.includes(holding.what),
  };
}

/** As `Role eu-west-1.demo.shop.web`, `Repository shop/web`, `Association shop/web` or `virtualNode demo_shop_web`. */
export function inAws(...names: readonly string[]): Victim {
  return { namespaces: [], has: ({ namespace, what }) => namespace === AWS && names.includes(what) };
}

/** All that a PlatformService has, but for what is named. */
export function allOf({ namespace, name }: ObjectKey, ...except: readonly string[]): Victim {
  const key = keyString({ namespace, name });
  return { namespaces: [namespace], has: ({ service, what }) => service === key && !except.includes(what) };
}

export function each(...victims: readonly Victim[]): Victim {
  return {
    namespaces: [...new Set(victims.flatMap(({ namespaces }) => namespaces))],
    has: (holding) => victims.some((victim) => victim.has(holding)),
  };
}

const AWS = "aws";
/** Events, leases and the like are nobody's; PlatformServices are written by the operator all the time. */
const NOT_READ: ReadonlySet<string> = new Set(["Event", "Lease", "PlatformService", "Rollout"]);
const READ_KINDS = Object.values<ResourceType>(KINDS).filter(({ namespaced, kind }) => namespaced && !NOT_READ.has(kind));

/** What is there for the victim now, by `namespace/what`. */
export async function holdingsOf(
  { api, aws }: { readonly api: ApiClient; readonly aws: EmulatorAdmin },
  { namespaces, kinds, has }: Victim,
): Promise<Readonly<Record<string, unknown>>> {
  const read = READ_KINDS.filter(({ kind }) => kinds === undefined || kinds.includes(kind));
  const lists = await Promise.all(namespaces.flatMap((namespace) => read.map((kind) => objectsOf(api, kind, namespace))));
  const found = [...lists.flat(), ...(await awsHoldings(aws))].filter(has);
  return Object.fromEntries(found.map(({ namespace, what, whole }) => [`${namespace}/${what}`, whole]));
}

/** As a list has it: without its kind. */
type Live = JsonObject & { readonly metadata: LiveMeta };

function isLive(value: unknown): value is Live {
  return isJsonObject(value) && isJsonObject(value.metadata) && typeof value.metadata.name === "string";
}

async function objectsOf(api: ApiClient, kind: ResourceType, namespace: string): Promise<readonly Holding[]> {
  const root = kind.group === "" ? "/api" : "/apis";
  const { code, body } = await api.send("GET", `${root}/${apiVersionOf(kind)}/namespaces/${namespace}/${kind.plural}`);
  if (code === 404) return [];
  const items: readonly unknown[] = isJsonObject(body) && Array.isArray(body.items) ? body.items : [];
  return items.filter(isLive).map((object) => {
    const service = object.metadata.labels?.[LABELS.service];
    return {
      namespace,
      what: `${kind.kind} ${object.metadata.name}`,
      service: service && keyString({ namespace, name: service }),
      whole: withoutStatus(object),
    };
  });
}

/** Status is written by the object's own controller whenever it likes, and moves the revision. */
function withoutStatus(object: Live): unknown {
  if (!("status" in object)) return object;
  const { status: _status, metadata, ...rest } = object;
  const { resourceVersion: _revision, managedFields: _managers, ...stable } = metadata;
  return { ...rest, metadata: stable };
}

async function awsHoldings(aws: EmulatorAdmin): Promise<readonly Holding[]> {
  const { roles, repositories, podIdentityAssociations, meshObjects } = await aws.state();
  const held = (what: string, record: { readonly tags: Readonly<Record<string, string>> }): Holding => {
    const { [`${GROUP}/namespace`]: namespace, [`${GROUP}/name`]: name } = record.tags;
    const service = namespace !== undefined && name !== undefined ? keyString({ namespace, name }) : undefined;
    return { namespace: AWS, what, service, whole: record };
  };
  return [
    ...roles.map(([, role]) => held(`Role ${role.roleName}`, role)),
    ...repositories.map(([, repository]) => held(`Repository ${repository.name}`, repository)),
    ...podIdentityAssociations.map(([, one]) => held(`Association ${one.namespace}/${one.serviceAccount}`, one)),
    ...meshObjects.map(([, one]) => held(`${one.kind} ${Object.values(one.names).slice(1).join("/")}`, one)),
  ];
}
