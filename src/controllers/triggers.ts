import { isDeepStrictEqual } from "node:util";
import { ANNOTATIONS, keyOf, keyString, LABELS, type ObjectKey } from "../crds/meta.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import type { Child, ChildSource } from "../kube/child-stores.ts";
import type { Change, Store } from "../kube/store.ts";
import type { Priority } from "../kube/workqueue.ts";
import type { DeploymentState, WorkloadState } from "../reconcilers/ports.ts";
import { isNews } from "./pod-news.ts";
import { broughtSources, childSources, reflectors, type Pod, type Sources } from "./sources.ts";
import { isOurs, neighbourOf, waypointBefore } from "./world.ts";

/** `soon`: the world follows what was written, in many small changes; they are looked at together. */
export type Urgency = Priority | "soon";

/** When to look: what the watches say, mapped back to the keys of the services and tiers that it concerns. */
export interface Queues {
  readonly services: (key: ObjectKey, urgency: Urgency) => void;
  readonly tiers: (name: string, priority: Priority) => void;
}

/** A kind whose definition appears is watched at once, by a standby too. */
export function wireNudges(sources: Sources): void {
  sources.definitions.store.subscribe((change) => {
    const { new: now } = change;
    if (now?.established !== true) return;
    for (const r of reflectors(sources)) if (r.resource.group === now.group && r.resource.kind === now.kind) r.nudge();
  });
}

/** `nextWaiting`: who may be rolled out in a tier now that the rollout of `done` is over. */
export function wireTriggers(
  sources: Sources,
  queues: Queues,
  nextWaiting: (tier: string, done: ObjectKey) => ObjectKey | undefined,
): void {
  const enqueue = (key: ObjectKey, urgency: Urgency = "high"): void => queues.services(key, urgency);
  const all = (): void => {
    for (const key of sources.services.store.keys()) enqueue(key, "low");
  };

  /** Whether a service is of its tier, which its namespace's labels decide, matters to those that name it. */
  const enqueueWithMentioning = (service: PlatformService, priority: Priority): void => {
    const key = keyOf(service);
    for (const one of [key, ...mentioning(sources, `service ${keyString(key)}`)]) enqueue(one, priority);
  };

  sources.services.store.subscribe((change) => {
    if (!change.ours) enqueue(change.key);
    const tiers = new Set([change.old?.spec.tier, change.new?.spec.tier]);
    // Which services name it is all that a tier tells of them.
    if (tiers.size > 1) for (const tier of tiers) if (tier !== undefined) queues.tiers(tier, "low");
    if (matters(change)) for (const other of callersOf(sources, change.key)) enqueue(other);
  });
  sources.tiers.store.subscribe((change) => {
    if (!change.ours) queues.tiers(change.key.name, "high");
    if (change.old?.metadata.generation === change.new?.metadata.generation && change.old?.metadata.uid === change.new?.metadata.uid)
      return;
    for (const service of sources.services.store.byIndex("tier", change.key.name)) enqueueWithMentioning(service, "low");
  });
  sources.namespaces.store.subscribe((change) => {
    if (isDeepStrictEqual(change.old, change.new)) return;
    for (const service of sources.services.store.byIndex("namespace", change.key.name)) enqueueWithMentioning(service, "high");
  });
  sources.nodePools.store.subscribe((change) => {
    if (!isDeepStrictEqual(change.old, change.new)) all();
  });
  sources.gateways.store.subscribe((change) => {
    if (!isDeepStrictEqual(change.old, change.new)) all();
  });
  sources.pods.store.subscribe(({ key: { namespace, name }, old, new: now }) => {
    for (const service of new Set([old?.service, now?.service])) {
      if (service === undefined) continue;
      const others = sources.pods.store.byIndex("service", keyString({ namespace, name: service })).filter((pod) => pod.name !== name);
      const of = (pod: Pod | undefined): Pod | undefined => (pod?.service === service ? pod : undefined);
      if (isNews(of(old), of(now), others)) enqueue({ namespace, name: service }, "soon");
    }
  });
  sources.kubernetesServices.store.subscribe(({ key, old, new: now }) => {
    const named = keyString(key);
    if (!isDeepStrictEqual(old?.facts, now?.facts)) for (const other of mentioning(sources, `kubernetes ${named}`)) enqueue(other);
    // Of a PlatformService's own Service it matters to those that call it whether it has a waypoint.
    const [before, after] = [old, now].map((child) => child && waypointBefore(sources, key.namespace, child.facts));
    if (!isDeepStrictEqual(before, after)) for (const other of mentioning(sources, `service ${named}`)) enqueue(other);
  });
  for (const { store } of [sources.policies, sources.budgets] as readonly ChildSource<unknown>[]) {
    store.subscribe((change) => {
      const child = change.new ?? change.old;
      if (child === undefined || isOurs(sources, child.state) || isDeepStrictEqual(change.old?.facts, change.new?.facts)) return;
      for (const service of sources.services.store.byIndex("namespace", change.key.namespace)) enqueue(keyOf(service));
    });
  }
  for (const source of broughtSources(sources)) {
    const store: Store<Child<WorkloadState>, string> = source.store;
    store.subscribe((change) => {
      const { namespace } = change.key;
      const holders = new Set([change.old, change.new].flatMap((child) => Object.keys(child?.holdings ?? {})));
      const bringing = mentioning(sources, `${source.resource.kind} ${keyString(change.key)}`);
      const urgency = urgencyOf(change, ({ facts }) => facts);
      if (urgency !== undefined)
        for (const key of [...bringing, ...[...holders].map((name) => ({ namespace, name }))]) enqueue(key, urgency);
      const done = change.new === undefined || (change.new.facts.rolledOut && change.old?.facts.rolledOut === false);
      if (!done) return;
      const owner = ownerOf(change.new ?? change.old);
      // Steps before the one that deleted it went by its pod template.
      if (change.ours && change.new === undefined && owner !== undefined) enqueue({ namespace, name: owner }, "soon");
      for (const name of owner === undefined ? holders : [owner, ...holders]) {
        const tier = sources.services.store.get({ namespace, name })?.spec.tier;
        const next = tier === undefined ? undefined : nextWaiting(tier, { namespace, name });
        if (next) enqueue(next, "low");
      }
    });
  }
  const { deployments } = sources;
  for (const source of childSources(sources)) if (source !== deployments) wireChild(source, enqueue, ({ facts }) => facts);
  wireChild(deployments, enqueue, ofOwnDeployment);
  for (const reflector of reflectors(sources)) {
    let before = reflector.state();
    reflector.onState((state) => {
      if (before !== "syncing" && before !== state) all();
      before = state;
    });
  }
}

/** A child belongs to the service that controls it, or that its label names when the ownerReference was taken off; or it asks for that. Only a pass over it writes it. */
function wireChild<Facts>(
  source: ChildSource<Facts>,
  enqueue: (key: ObjectKey, urgency: Urgency) => void,
  matter: (child: Child<Facts>) => unknown,
): void {
  source.store.subscribe((change) => {
    if (change.ours) return;
    const owners = new Set([ownerOf(change.old), ownerOf(change.new)].filter((name) => name !== undefined));
    const urgency = owners.size === 0 ? undefined : urgencyOf(change, matter);
    if (urgency !== undefined) for (const name of owners) enqueue({ namespace: change.key.namespace, name }, urgency);
  });
}

function ownerOf(child: Child<unknown> | undefined): string | undefined {
  if (!child) return undefined;
  const { controller, annotations } = child.state;
  return controller?.kind === "PlatformService" ? controller.name : (child.service ?? annotations[ANNOTATIONS.adoptBy]);
}

/** Undefined: whatever else changed of it, nothing of this matters to a pass. What is written of it, and by whom, is looked at at once; what became of it, such as its status, soon. */
function urgencyOf<Facts>({ old, new: now }: Change<Child<Facts>>, matter: (child: Child<Facts>) => unknown): Urgency | undefined {
  if (old === undefined || now === undefined) return "high";
  if (!isDeepStrictEqual(writtenOf(old), writtenOf(now))) return "high";
  return isDeepStrictEqual(matter(old), matter(now)) ? undefined : "soon";
}

/** How many of its pods are ready matters of what a squad brings; of its own a service asks whether it is complete. */
function ofOwnDeployment({ facts: { readyReplicas: _readyReplicas, ...facts } }: Child<DeploymentState>): unknown {
  return facts;
}

function writtenOf({ facts: _facts, ...child }: Child<unknown>): unknown {
  return { ...child, state: { ...child.state, resourceVersion: "" } };
}

/** Those that name the service, or any Service that leads to its pods. */
function callersOf(sources: Sources, { namespace, name }: ObjectKey): ObjectKey[] {
  const ways = sources.kubernetesServices.store
    .byIndex("namespace", namespace)
    .filter(({ facts }) => facts.selector[LABELS.service] === name)
    .map(({ state }) => `kubernetes ${keyString(state.ref)}`);
  return [`service ${keyString({ namespace, name })}`, ...ways].flatMap((index) => mentioning(sources, index));
}

function mentioning(sources: Sources, index: string): ObjectKey[] {
  return sources.services.store.byIndex("mentions", index).map(keyOf);
}

/** Whether those that name the service must look again. */
function matters(change: Change<PlatformService>): boolean {
  return !isDeepStrictEqual(viewOf(change.old), viewOf(change.new));
}

function viewOf(service: PlatformService | undefined): unknown {
  return service && service.metadata.deletionTimestamp === undefined ? neighbourOf(service) : undefined;
}
