import { FIELD_MANAGER } from "../crds/meta.ts";
import { jsonPointer, stepsInto, type FieldsV1 } from "./fields-v1.ts";
import { isJsonObject, type JsonObject, type LiveObject } from "./objects.ts";
import { ownEntry } from "./owned-fields.ts";
import type { JsonPatch } from "./transport.ts";

/**
 * What others added under what is ours to say: a container, hostNetwork, a Service port. A forced apply takes back changed
 * values but removes nothing that it never owned; so these are found here and removed by a JSON patch.
 */

interface Guard {
  readonly path: readonly string[];
  /** Only fields below the path whose name begins so. */
  readonly prefix?: string;
}

const SPEC: readonly Guard[] = [{ path: ["spec"] }];

/** By kind: where an addition is a danger. Elsewhere others may add. */
const GUARDS: Readonly<Record<string, readonly Guard[]>> = {
  Deployment: [{ path: ["spec", "template"] }],
  Service: SPEC,
  HorizontalPodAutoscaler: SPEC,
  PodDisruptionBudget: SPEC,
  NetworkPolicy: SPEC,
  PeerAuthentication: SPEC,
  AuthorizationPolicy: SPEC,
  VirtualService: SPEC,
  DestinationRule: SPEC,
  ServiceEntry: SPEC,
  Sidecar: SPEC,
  HTTPRoute: SPEC,
  Certificate: SPEC,
  ServiceAccount: [{ path: ["metadata", "annotations"], prefix: "eks.amazonaws.com/" }],
};

/**
 * Managers that may own fields anywhere: ourselves by other verbs than apply (what admission adds to our own writes is
 * recorded so), Kubernetes' controllers, and Argo Rollouts, whose weights and pod-template hashes are its work.
 */
const ALLOWED_MANAGERS: ReadonlySet<string> = new Set([FIELD_MANAGER, "kube-controller-manager", "rollouts-controller"]);

/** Annotations that others rightly write: `kubectl rollout restart`, the Deployment controller's revision. */
function isAllowedField(key: string): boolean {
  return key === "f:kubectl.kubernetes.io/restartedAt" || key.startsWith("f:deployment.kubernetes.io/");
}

type Segments = readonly (string | number)[];

/** JSON pointers into the live object of what a manager outside the allow-list added under a guarded prefix; sorted. None for an object that we never applied. */
export function foreignPaths(object: LiveObject): readonly string[] {
  const guards = GUARDS[object.kind];
  const entries = object.metadata.managedFields ?? [];
  if (guards === undefined || ownEntry(object) === undefined) return NONE;
  const kept = entries.filter(isAllowed).map((entry) => entry.fieldsV1 ?? {});
  const found = new Set<string>();
  for (const entry of entries) {
    if (isAllowed(entry)) continue;
    for (const guard of guards) {
      for (const segments of additionsUnder(guard, object, entry.fieldsV1 ?? {}, kept)) found.add(jsonPointer(segments));
    }
  }
  return found.size === 0 ? NONE : outermost([...found].toSorted(byPosition));
}

/** Of nearly every object: kept once. */
const NONE: readonly string[] = [];

/**
 * Makes nobody the owner of what managers outside the allow-list own under guarded prefixes. For values that come back when they are removed: the API server
 * fills them in by itself, and whoever created or replaced the whole object is recorded as their owner.
 */
export function disownPatch({ kind, metadata: { resourceVersion, managedFields = [] } }: LiveObject): JsonPatch {
  const guards = (GUARDS[kind] ?? []).filter(({ prefix }) => prefix === undefined);
  const value = managedFields.flatMap((entry) => {
    if (isAllowed(entry)) return [entry];
    const fieldsV1 = guards.reduce((fields, { path }) => without(fields, path), entry.fieldsV1 ?? {});
    return Object.keys(fieldsV1).length > 0 ? [{ ...entry, fieldsV1 }] : [];
  });
  return [
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
    { op: "replace", path: "/metadata/managedFields", value },
  ];
}

/** Puts what is wished for in the place of all that is under guarded prefixes, or is a conflict if the object has changed; empty where the kind has none. The wish has each of them. */
export function clearingPatch({ kind, metadata }: LiveObject, desired: JsonObject): JsonPatch {
  const guards = (GUARDS[kind] ?? []).filter(({ prefix }) => prefix === undefined);
  if (guards.length === 0) return [];
  return [
    { op: "replace", path: "/metadata/resourceVersion", value: metadata.resourceVersion },
    ...guards.map(({ path }) => ({ op: "add" as const, path: jsonPointer(path), value: valueAt(desired, path) })),
  ];
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => (isJsonObject(inner) ? inner[name] : undefined), value);
}

function without(fields: FieldsV1, [name = "", ...deeper]: readonly string[]): FieldsV1 {
  const { [`f:${name}`]: inner, ...others } = fields;
  if (deeper.length === 0 || !isJsonObject(inner)) return others;
  const rest = without(inner, deeper);
  return Object.keys(rest).length > 0 ? { ...others, [`f:${name}`]: rest } : others;
}

/** Removes the paths, or does nothing if the object has changed since they were found. */
export function removalPatch(resourceVersion: string, paths: readonly string[]): JsonPatch {
  return [
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
    // Backwards, so that no removal moves what a later one names.
    ...paths.toReversed().map((path) => ({ op: "remove" as const, path })),
  ];
}

/** Subresources are the business of their controllers: status, and the autoscaler's replicas through scale. */
function isAllowed(entry: { readonly manager?: string; readonly subresource?: string }): boolean {
  return ALLOWED_MANAGERS.has(entry.manager ?? "") || (entry.subresource ?? "") !== "";
}

function additionsUnder(guard: Guard, object: LiveObject, foreign: FieldsV1, kept: readonly FieldsV1[]): readonly Segments[] {
  let live: unknown = object;
  let fields = foreign;
  let keptHere = kept;
  for (const name of guard.path) {
    const step = stepsInto(live, fields).find(({ segment }) => segment === name);
    if (step === undefined) return [];
    live = step.value;
    fields = step.fields;
    keptHere = below(keptHere, step.key);
  }
  const { prefix } = guard;
  const chosen =
    prefix === undefined ? fields : Object.fromEntries(Object.entries(fields).filter(([key]) => key.startsWith(`f:${prefix}`)));
  return additions(live, chosen, keptHere, guard.path).paths;
}

interface Additions {
  readonly paths: readonly Segments[];
  /** Something below belongs to others by right, so the node must stay. */
  readonly mixed: boolean;
}

/** The outermost nodes that are owned by the foreign tree and by none that is kept. */
function additions(live: unknown, foreign: FieldsV1, kept: readonly FieldsV1[], path: Segments): Additions {
  const paths: Segments[] = [];
  let mixed = false;
  for (const step of stepsInto(live, foreign)) {
    const here = [...path, step.segment];
    if (isAllowedField(step.key)) {
      mixed = true;
      continue;
    }
    const owners = kept.filter((tree) => Object.hasOwn(tree, step.key));
    const inner = additions(step.value, step.fields, below(kept, step.key), here);
    if (owners.length === 0 && !inner.mixed) {
      paths.push(here);
    } else {
      mixed = true;
      paths.push(...inner.paths);
    }
  }
  return { paths, mixed };
}

function below(trees: readonly FieldsV1[], key: string): readonly FieldsV1[] {
  return trees.flatMap((tree) => {
    const next = tree[key];
    return typeof next === "object" && next !== null ? [{ ...next }] : [];
  });
}

/** Document order; indices as numbers. */
function byPosition(a: string, b: string): number {
  const left = a.split("/");
  const right = b.split("/");
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const [x = "", y = ""] = [left[index], right[index]];
    if (x === y) continue;
    const numeric = /^[0-9]+$/.test(x) && /^[0-9]+$/.test(y);
    return numeric ? Number(x) - Number(y) : x < y ? -1 : 1;
  }
  return left.length - right.length;
}

/** Without the paths that lie within another; two managers may own parts of one addition. */
function outermost(sorted: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const path of sorted) {
    const last = kept.at(-1);
    if (last === undefined || !path.startsWith(`${last}/`)) kept.push(path);
  }
  return kept;
}
