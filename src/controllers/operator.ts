import { keyString, type ObjectKey } from "../crds/meta.ts";
import { durationMs } from "../crds/effective.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import type { PlatformTier } from "../crds/platform-tier.ts";
import { createChildren } from "../kube/apply.ts";
import { pause } from "../kube/clock.ts";
import type { EventRecorder } from "../kube/events.ts";
import { KINDS, resourceName, type ResourceType } from "../kube/kinds.ts";
import type { LiveObject } from "../kube/objects.ts";
import type { Store } from "../kube/store.ts";
import { WorkQueue } from "../kube/workqueue.ts";
import { writeFinalizers, writeStatus } from "../kube/writes.ts";
import { Converger } from "../reconcilers/converge.ts";
import { hashOf } from "../reconcilers/hash.ts";
import { ImageMemory } from "../reconcilers/platform-service/image-memory.ts";
import { reconcileService, type ReconcilerDeps } from "../reconcilers/platform-service/reconcile.ts";
import { reconcileTier } from "../reconcilers/platform-tier/reconcile.ts";
import type { Aws, PrimaryWriter } from "../reconcilers/ports.ts";
import { RolloutBudget } from "../reconcilers/rollout-budget.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { createListener } from "./listener.ts";
import { requireApis } from "./required-apis.ts";
import { childSources, createSources, reflectors, type Runtime, type Sources } from "./sources.ts";
import { runSweep } from "./sweep.ts";
import { wireTriggers } from "./triggers.ts";
import { runWorkers } from "./worker.ts";
import { createWorld } from "./world.ts";

/** The controllers put together: watches fill stores, changes become keys, workers run passes. */

export interface OperatorOptions extends Runtime {
  readonly config: OperatorConfig;
  readonly aws: Aws;
  readonly metrics: Metrics;
  readonly events: EventRecorder;
  /** Services worked on at the same time. */
  readonly workers: number;
}

export interface Operator {
  /** The watches have seen the world once. */
  readonly synced: () => boolean;
  /** The watch of the services themselves has said something lately. */
  readonly alive: () => boolean;
  /** Runs until the signal aborts; passes under way are finished first. Throws MissingApiError, before any pass. */
  run(signal: AbortSignal): Promise<void>;
}

/** A watch that said nothing for this long, bookmarks included, is beyond what its own timers would allow. */
const SILENT_WATCH_SECONDS = 900;
/** Every service is looked at again, from memory, in case an event was lost. */
const RESYNC_MS = 3_600_000;
const TIER_WORKERS = 2;

export function createOperator(options: OperatorOptions): Operator {
  const { clock, config, metrics, transport } = options;
  const sources = createSources(options);
  const queues = {
    services: new WorkQueue({ clock, observer: metrics.queue("platformservice") }),
    tiers: new WorkQueue({ clock, observer: metrics.queue("platformtier") }),
  };
  const now = (): number => clock.now();
  const children = createChildren({ transport, sources: childSources(sources) });
  const roles = new Converger(options.aws.roles);
  const repositories = new Converger(options.aws.repositories);
  const listener = createListener({
    metrics,
    log: options.log,
    now,
    forget: (key) => children.forget(key),
    events: { record: (regarding, event) => void options.events.record(regarding, event) },
  });
  const budget = new RolloutBudget(config.rollout.maxConcurrent);
  const deps: ReconcilerDeps = {
    config,
    configHash: hashOf(config),
    world: createWorld(sources),
    children,
    roles,
    repositories,
    imageReader: options.aws.images,
    images: new ImageMemory(now),
    budget,
    now,
    listener,
    writer: writerOf<PlatformService>(options, KINDS.PlatformService, sources.services.store),
    read: (key) => sources.services.store.get(key),
  };
  const tierDeps = {
    now,
    writer: writerOf<PlatformTier>(options, KINDS.PlatformTier, sources.tiers.store),
    read: (name: string) => sources.tiers.store.get({ namespace: "", name }),
    services: (tier: string) => sources.services.store.byIndex("tier", tier).map(keyOf),
  };
  sources.services.store.subscribe((change) => {
    const { new: service } = change;
    if (
      service &&
      service.status?.observedGeneration !== service.metadata.generation &&
      change.old?.metadata.generation !== service.metadata.generation
    ) {
      listener.changed(change.key);
    }
  });
  wireTriggers(sources, queues, budget);
  metrics.queueAges("platformservice", queues.services);
  metrics.queueAges("platformtier", queues.tiers);
  for (const reflector of reflectors(sources)) metrics.watchAge(resourceName(reflector.resource), () => reflector.lastEventAgeSeconds());

  const synced = (): boolean => reflectors(sources).every((r) => r.hasSynced());
  return {
    synced,
    alive: () => (sources.services.reflector.lastEventAgeSeconds() ?? 0) < SILENT_WATCH_SECONDS,

    async run(signal) {
      const watches = new AbortController();
      const ending = AbortSignal.any([signal, watches.signal]);
      const running = reflectors(sources).map((r) => r.run(watches.signal));
      const background = [
        runSweep(
          {
            ...options,
            roles,
            repositories,
            bulk: options.aws.bulk,
            intervalMs: durationMs(config.aws.sweepInterval),
            enqueue: (key: ObjectKey) => queues.services.add(keyString(key), "low"),
          },
          ending,
        ),
        resync(options, sources, queues.services, ending),
      ];
      const work = async (): Promise<void> => {
        await untilSynced(options, sources, signal);
        if (!signal.aborted) requireApis(config, sources.definitions.store.list());
        options.log.info({ services: sources.services.store.size }, "the watches have seen the world; work begins");
        const workers = [
          runWorkers({ ...options, name: "platformservice", queue: queues.services, pass: (key) => reconcileService(deps, parseKey(key)) }),
          runWorkers({
            ...options,
            name: "platformtier",
            queue: queues.tiers,
            workers: TIER_WORKERS,
            pass: (key) => reconcileTier(tierDeps, key),
          }),
        ];
        await aborted(signal);
        queues.services.shutDown();
        queues.tiers.shutDown();
        await Promise.all(workers);
      };
      await work().finally(() => watches.abort());
      await Promise.all([...running, ...background]);
    },
  };
}

/** Writes through: what the API server answers is in the store before the next pass asks. */
function writerOf<T extends PlatformService | PlatformTier>(
  { transport }: Runtime,
  resource: ResourceType,
  store: Store<T, string>,
): PrimaryWriter<T> {
  return {
    async setFinalizers(object, finalizers) {
      const written = await writeFinalizers(transport, resource, object, finalizers);
      if (written.metadata.deletionTimestamp === undefined) store.put(written);
    },
    async writeStatus(object, status) {
      const written: LiveObject | undefined = await writeStatus(transport, resource, object, status);
      if (written) store.put(written);
    },
  };
}

async function untilSynced({ clock }: Runtime, sources: Sources, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !reflectors(sources).every((r) => r.hasSynced())) {
    await pause(clock, 20, signal, (wake) => {
      for (const reflector of reflectors(sources)) reflector.onState(wake);
    });
  }
}

async function resync({ clock }: Runtime, sources: Sources, queue: WorkQueue, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(clock, RESYNC_MS, signal);
    for (const key of sources.services.store.keys()) queue.add(keyString(key), "low");
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function parseKey(text: string): ObjectKey {
  const slash = text.indexOf("/");
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

function keyOf(service: PlatformService): ObjectKey {
  return { namespace: service.metadata.namespace, name: service.metadata.name };
}
