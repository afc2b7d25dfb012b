import { keyOf, keyString, type ObjectKey } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import type { PlatformTier } from "../crds/platform-tier.ts";
import { createChildren } from "../kube/apply.ts";
import { pause } from "../kube/clock.ts";
import type { EventRecorder } from "../kube/events.ts";
import { createHolds } from "../kube/holds.ts";
import { KINDS, resourceName, type ResourceType } from "../kube/kinds.ts";
import type { LiveObject } from "../kube/objects.ts";
import type { Store } from "../kube/store.ts";
import { WorkQueue } from "../kube/workqueue.ts";
import { writeFinalizers, writeStatus } from "../kube/writes.ts";
import { Borrowed } from "../reconcilers/borrowed.ts";
import { Converger } from "../reconcilers/converge.ts";
import { hashOf } from "../reconcilers/hash.ts";
import { MeshConvergers } from "../reconcilers/mesh-convergers.ts";
import { ImageMemory } from "../reconcilers/platform-service/image-memory.ts";
import { reconcileService, type ReconcilerDeps } from "../reconcilers/platform-service/reconcile.ts";
import { reconcileTier } from "../reconcilers/platform-tier/reconcile.ts";
import { BudgetMemory } from "../reconcilers/platform-service/budget-memory.ts";
import type { Aws, PrimaryWriter, Prometheus } from "../reconcilers/ports.ts";
import { RolloutBudget } from "../reconcilers/rollout-budget.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { catchUp } from "./catch-up.ts";
import type { Leadership } from "./leadership.ts";
import { createListener, type ServiceListener } from "./listener.ts";
import { OrphanReport } from "./orphan-report.ts";
import { RegistryReport } from "./registry-report.ts";
import { requireApis } from "./required-apis.ts";
import { broughtSources, childSources, createSources, reflectors, type Runtime, type Sources } from "./sources.ts";
import { runBudgets } from "./slo-budgets.ts";
import { runSweep } from "./sweep.ts";
import { wireNudges, wireTriggers } from "./triggers.ts";
import { runWorkers } from "./worker.ts";
import { createWorld } from "./world.ts";

/** The controllers put together: watches fill stores; of the replica that leads, changes become keys and workers run passes. */

export interface OperatorOptions extends Runtime {
  readonly config: OperatorConfig;
  readonly aws: Aws;
  /** Asked for error budgets; undefined: none is. */
  readonly prometheus: Prometheus | undefined;
  readonly metrics: Metrics;
  readonly events: EventRecorder;
  readonly leadership: Leadership;
  /** Services worked on at the same time. */
  readonly workers: number;
}

export interface Operator {
  /** The watches have seen the world once: it leads, or could at any moment. */
  readonly synced: () => boolean;
  /** The watch of the services themselves has said something lately. */
  readonly alive: () => boolean;
  /** Stands by, then leads, until the signal aborts or the lease is lost. Throws MissingApiError before either. */
  run(signal: AbortSignal): Promise<Ending>;
}

/**
 * `finished`: passes under way came to their end, and another may lead at once. `cutOff`: they took too long. `lost`: the lease was lost; nothing may be changed any
 * more, what is under way fails, and the process is to end.
 */
export type Ending = "finished" | "cutOff" | "lost";

/** A watch that said nothing for this long, bookmarks included, is beyond what its own timers would allow. */
const SILENT_WATCH_SECONDS = 900;
/** Every service is looked at again, from memory, in case an event was lost. */
const RESYNC_MS = 3_600_000;
const TIER_WORKERS = 2;
/** For passes under way when the operator is told to end: below the 30 s that Kubernetes gives a pod, so that the lease is released in time as well. */
const LONGEST_ENDING_MS = 25_000;

export function createOperator(options: OperatorOptions): Operator {
  const { clock, config, metrics, transport } = options;
  const sources = createSources(options);
  const queues = {
    services: new WorkQueue({ clock, observer: metrics.queue("platformservice") }),
    tiers: new WorkQueue({ clock, observer: metrics.queue("platformtier") }),
  };
  const now = (): number => clock.now();
  const children = createChildren({ transport, sources: childSources(sources) });
  const holds = createHolds({ transport, sources: broughtSources(sources) });
  const roles = new Converger(options.aws.roles);
  const existingRoles = new Borrowed(options.aws.existingRoles);
  const repositories = new Converger(options.aws.repositories);
  const existingRepositories = new Borrowed(options.aws.existingRepositories);
  const associations = new Converger(options.aws.associations);
  const rulesNamespaces = new Converger(options.aws.rulesNamespaces);
  const appMesh = new MeshConvergers(options.aws.mesh);
  const routesOfRouter = new Borrowed(options.aws.mesh.routesOfRouter);
  const listener = createListener({
    metrics,
    log: options.log,
    now,
    forget(key) {
      children.forget(key);
      holds.forget(key);
    },
    events: { record: (regarding, event) => void options.events.record(regarding, event) },
  });
  const budget = new RolloutBudget(config.rollout.maxConcurrent);
  const errorBudgets = new BudgetMemory({ asked: options.prometheus !== undefined, seriesLabels: config.slos.seriesLabels, now });
  const deps: ReconcilerDeps = {
    config,
    configHash: hashOf(config),
    world: createWorld(sources, now),
    children,
    holds,
    roles,
    existingRoles,
    repositories,
    existingRepositories,
    associations,
    rulesNamespaces,
    appMesh,
    routesOfRouter,
    imageReader: options.aws.images,
    imageKeeper: options.aws.imageKeeper,
    images: new ImageMemory(now),
    budget,
    errorBudgets,
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
  wireNudges(sources);
  metrics.queueAges("platformservice", queues.services);
  metrics.queueAges("platformtier", queues.tiers);
  for (const reflector of reflectors(sources)) metrics.watchAge(resourceName(reflector.resource), () => reflector.lastEventAgeSeconds());

  const synced = (): boolean => reflectors(sources).every((r) => r.hasSynced());
  return {
    synced,
    alive: () => (sources.services.reflector.lastEventAgeSeconds() ?? 0) < SILENT_WATCH_SECONDS,

    async run(signal) {
      const watches = new AbortController();
      const running = reflectors(sources).map((r) => r.run(watches.signal));
      try {
        await untilSynced(options, sources, signal);
        if (!signal.aborted) requireApis(config, sources.definitions.store.list());
        options.log.info({ services: sources.services.store.size }, "the watches have seen the world");
        return (await options.leadership.acquire(signal)) ? await lead(signal) : "finished";
      } finally {
        watches.abort();
        await Promise.all(running);
      }
    },
  };

  /** Works until the signal aborts or the lease is lost. A standby's queues stay empty: whoever begins to lead looks at everything. */
  async function lead(signal: AbortSignal): Promise<Ending> {
    const { leadership, log } = options;
    const over = AbortSignal.any([signal, leadership.signal]);
    await catchUp(options, sources, over);
    if (over.aborted) return leave();
    noteChanges(sources, listener);
    wireTriggers(sources, queues, budget);
    for (const key of sources.services.store.keys()) queues.services.add(keyString(key), "low");
    for (const { name } of sources.tiers.store.keys()) queues.tiers.add(name, "low");
    log.info({ services: sources.services.store.size }, "work begins");
    const { services, tiers } = queues;
    const work = Promise.all([
      runWorkers({ ...options, name: "platformservice", queue: services, pass: (key) => reconcileService(deps, parseKey(key)) }),
      runWorkers({ ...options, name: "platformtier", queue: tiers, workers: TIER_WORKERS, pass: (key) => reconcileTier(tierDeps, key) }),
      runSweep(
        {
          ...options,
          roles,
          existingRoles,
          repositories,
          existingRepositories,
          associations,
          rulesNamespaces,
          appMesh,
          routesOfRouter,
          bulk: options.aws.bulk,
          orphans: new OrphanReport({
            config,
            reader: options.aws.tags,
            services: () => sources.services.store.list(),
            namespaceLabels: (name) => sources.namespaces.store.get({ namespace: "", name }) ?? {},
            metrics,
          }),
          registry: new RegistryReport({ prefix: config.registry.repositoryPrefix, log: options.log, metrics }),
          enqueue: (key: ObjectKey) => services.add(keyString(key), "low"),
        },
        over,
      ),
      runBudgets(
        {
          ...options,
          memory: errorBudgets,
          services: () => sources.services.store.list().filter(({ metadata }) => metadata.deletionTimestamp === undefined),
          enqueue: (key: ObjectKey) => services.add(keyString(key), "low"),
        },
        over,
      ),
      resync(options, sources, services, over),
    ]);
    await aborted(over);
    services.shutDown();
    tiers.shutDown();
    const ended = new AbortController();
    void work.then(() => options.events.flush()).then(() => ended.abort());
    await pause(clock, LONGEST_ENDING_MS, AbortSignal.any([ended.signal, leadership.signal]));
    if (leadership.signal.aborted || ended.signal.aborted) return leave();
    log.warn({ seconds: LONGEST_ENDING_MS / 1000 }, "passes take too long to end and are cut off; the lease is not released, it runs out");
    return "cutOff";
  }

  /** Nothing is under way: another may lead at once, unless one does already. */
  async function leave(): Promise<Ending> {
    const { leadership } = options;
    if (leadership.signal.aborted) return "lost";
    await leadership.release();
    return "finished";
  }
}

/** Starts the clock of `platform_service_ready_seconds` for each generation that no pass has seen yet. */
function noteChanges({ services: { store } }: Sources, listener: ServiceListener): void {
  const isNew = (service: PlatformService): boolean => service.status?.observedGeneration !== service.metadata.generation;
  for (const service of store.list()) if (isNew(service)) listener.changed(keyOf(service));
  store.subscribe(({ key, old, new: service }) => {
    if (service && isNew(service) && old?.metadata.generation !== service.metadata.generation) listener.changed(key);
  });
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
      if (written === undefined) return "gone";
      if (written.metadata.deletionTimestamp === undefined) store.put(written);
      return "written";
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
