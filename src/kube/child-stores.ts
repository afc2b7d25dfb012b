import { API_VERSION, GROUP, keyString, LABELS, MANAGED_BY } from "../crds/meta.ts";
import type { ChildKind, ChildRef, ChildState } from "../reconcilers/ports.ts";
import type { Clock } from "./clock.ts";
import { foreignPaths } from "./foreign-fields.ts";

import { apiVersionOf, KINDS, type ResourceType } from "./kinds.ts";
import type { Log } from "./log.ts";
import { isJsonObject, objectKey, type LiveObject } from "./objects.ts";
import { hashOf, holdingsOf, ownedProjection } from "./owned-fields.ts";
import { Reflector } from "./reflector.ts";
import { Store } from "./store.ts";
import type { Target, Transport } from "./transport.ts";

/** What is kept of a child: enough to know whether it needs a write, and the facts that the kind's reader asked for. */
export interface Child<Facts> {
  readonly state: ChildState;
  /** `platform-operator.dev/service`. */
  readonly service: string | undefined;
  /** `spec.replicas`. */
  readonly replicas: number | undefined;
  /** Hash of what each service holds of it, by the service's name (Holds). */
  readonly holdings: Readonly<Record<string, string>>;
  readonly facts: Facts;
}

export type ChildStore<Facts> = Store<Child<Facts>, "controller" | "holder" | "namespace">;

export interface ChildSource<Facts> {
  readonly resource: ResourceType;
  /** Index `controller`: by the uid of the controller ownerReference; `holder`: by `namespace/name` of each service that holds fields of it; `namespace`: by its own. */
  readonly store: ChildStore<Facts>;
  readonly reflector: Reflector<Child<Facts>>;
}

/** Where requests about an object of the kind go. */
export function targetOf({ resource }: Pick<ChildSource<unknown>, "resource">, { namespace, name }: ChildRef): Target {
  return { resource, namespace, name };
}

/** What is said where the API server does not serve the kind. */
export function apiMissing({ resource }: Pick<ChildSource<unknown>, "resource">): { readonly state: "apiMissing"; readonly api: string } {
  return { state: "apiMissing", api: `${resource.kind} (${apiVersionOf(resource)})` };
}

export interface ChildSourceOptions<Facts> {
  readonly transport: Transport;
  readonly resource: ResourceType;
  /** `ours`: what carries app.kubernetes.io/managed-by=platform-operator. `all`: every object of the kind. */
  readonly scope: "ours" | "all";
  /** What else is kept of each object; pure. */
  readonly facts: (object: LiveObject) => Facts;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** See ReflectorOptions. */
  readonly silenceMs?: number;
}

/** The store of a child kind and the reflector that fills it once it runs. */
export function childSource<Facts>(options: ChildSourceOptions<Facts>): ChildSource<Facts> {
  const { resource, scope, facts, ...runtime } = options;
  const kind = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  const store: ChildStore<Facts> = new Store({
    reduce: (object) => childOf(kind, object, facts),
    selects: ({ metadata }) => scope === "all" || metadata.labels?.[LABELS.managedBy] === MANAGED_BY,
    indexes: {
      controller: ({ state }) => (state.controller === undefined ? [] : [state.controller.uid]),
      namespace: (_, { namespace }) => [namespace],
      holder: ({ holdings }, { namespace }) => Object.keys(holdings).map((name) => keyString({ namespace, name })),
    },
  });
  const selector = scope === "ours" ? { labelSelector: `${LABELS.managedBy}=${MANAGED_BY}` } : {};
  const reflector = new Reflector({ ...runtime, resource, store, ...selector });
  return { resource, store, reflector };
}

/** What is kept of one live object. Pure. */
function childOf<Facts>({ apiVersion, kind }: ChildKind, object: LiveObject, facts: (object: LiveObject) => Facts): Child<Facts> {
  const { metadata } = object;
  const projection = ownedProjection(object);
  const spec = isJsonObject(object.spec) ? object.spec : {};
  return {
    state: {
      ref: { apiVersion, kind, ...objectKey(object) },
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      controller: controllerOf(metadata),
      deleting: metadata.deletionTimestamp !== undefined,
      ownedHash: projection && hashOf(projection),
      foreignPaths: foreignPaths(object),
      annotations: ourAnnotations(metadata.annotations ?? {}),
    },
    service: metadata.labels?.[LABELS.service],
    replicas: typeof spec.replicas === "number" ? spec.replicas : undefined,
    holdings: holdingsOf(object),
    facts: facts(object),
  };
}

/** Of a service of ours, whose texts are kept once: each child has them. */
function controllerOf({ ownerReferences }: LiveObject["metadata"]): ChildState["controller"] {
  const controller = ownerReferences?.find((reference) => reference.controller === true);
  if (controller === undefined) return undefined;
  const { apiVersion, kind, name, uid } = controller;
  return apiVersion === API_VERSION && kind === KINDS.PlatformService.kind
    ? { apiVersion: API_VERSION, kind: KINDS.PlatformService.kind, name, uid }
    : { apiVersion, kind, name, uid };
}

/** Most objects have none. */
const NONE: Readonly<Record<string, never>> = {};

function ourAnnotations(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const ours = Object.entries(annotations).filter(([key]) => key.startsWith(`${GROUP}/`));
  return ours.length === 0 ? NONE : Object.fromEntries(ours);
}
