import { createSources, type Sources } from "../../src/controllers/sources.ts";
import { createWorld } from "../../src/controllers/world.ts";
import { GROUP } from "../../src/crds/meta.ts";
import { systemClock } from "../../src/kube/clock.ts";
import type { LabelSelector } from "../../src/crds/platform-tier.ts";
import type { LiveObject } from "../../src/kube/objects.ts";
import type { World } from "../../src/reconcilers/ports.ts";
import { silentLog } from "./kube-runtime.ts";
import { UNASKED_TRANSPORT } from "./unasked-transport.ts";

/** The world as it would be had the watches said what `put` is given; no API server. */
export interface WatchedWorld {
  readonly world: World;
  readonly sources: Sources;
  service(namespace: string, name: string, spec: object, more?: object): void;
  tier(name: string, allowedNamespaces: LabelSelector, network?: object): void;
  namespace(name: string, labels?: Readonly<Record<string, string>>): void;
}

let revision = 0;

/** As etcd counts them: each state of an object has one of its own. */
function nextRevision(): string {
  revision++;
  return String(revision);
}

export function watchedWorld(): WatchedWorld {
  const sources = createSources({ transport: UNASKED_TRANSPORT, clock: systemClock, random: () => 0, log: silentLog });
  return {
    sources,
    world: createWorld(sources, () => 0),
    service: (namespace, name, spec, more = {}) => {
      const metadata = { name, namespace, uid: `uid-of-${namespace}-${name}`, resourceVersion: nextRevision(), generation: 1, ...more };
      sources.services.store.upsert({ apiVersion: `${GROUP}/v1alpha1`, kind: "PlatformService", metadata, spec });
    },
    tier: (name, allowedNamespaces, network = { isolation: "Standard" }) => {
      const metadata = { name, uid: `uid-of-${name}`, resourceVersion: nextRevision(), generation: 1 };
      sources.tiers.store.upsert({ apiVersion: `${GROUP}/v1alpha1`, kind: "PlatformTier", metadata, spec: { allowedNamespaces, network } });
    },
    namespace: (name, labels = {}) => {
      const metadata = { name, uid: name, resourceVersion: nextRevision(), labels: { "kubernetes.io/metadata.name": name, ...labels } };
      sources.namespaces.store.upsert({ apiVersion: "v1", kind: "Namespace", metadata });
    },
  };
}

/** A child of that service as the API server has it. */
export function liveChild(
  object: Pick<LiveObject, "apiVersion" | "kind"> & { readonly [field: string]: unknown },
  namespace: string,
  name: string,
  metadata: object = {},
): LiveObject {
  return { ...object, metadata: { name, namespace, uid: `uid-of-${name}`, resourceVersion: nextRevision(), ...metadata } };
}
