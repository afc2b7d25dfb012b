import { keyOf, keyString, type ObjectKey } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import type { PlatformTier } from "../crds/platform-tier.ts";
import { pause } from "../kube/clock.ts";
import type { EventRecorder } from "../kube/events.ts";
import { KINDS, resourceName, type ResourceType } from "../kube/kinds.ts";
import { objectKey, type LiveObject } from "../kube/objects.ts";
import type { Store } from "../kube/store.ts";
import { WorkQueue } from "../kube/workqueue.ts";
import { writeFinalizers, writeStatus } from "../kube/writes.ts";
import { describeError } from "../reconcilers/failure.ts";
import { hashOf } from "../reconcilers/hash.ts";
import { reconcileService } from "../reconcilers/platform-service/reconcile.ts";
import { reconcileTier } from "../reconcilers/platform-tier/reconcile.ts";
import { BudgetMemory } from "../reconcilers/platform-service/budget-memory.ts";
import type { Aws, PrimaryWriter, Prometheus } from "../reconcilers/ports.ts";
import type { Outcome } from "../reconcilers/step.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { catchUp } from "./catch-up.ts";
import { untilEnded } from "./ending.ts";
import type { Ending, Leadership } from "./leadership.ts";
import { createListener } from "./listener.ts";
import { OrphanReport } from "./orphan-report.ts";
import { RegistryReport } from "./registry-report.ts";
import { Reign } from "./reign.ts";
import { requireApis } from "./required-apis.ts";
import { shardOf } from "./shards.ts";
import { createSources, reflectors, type Runtime, type Sources } from "./sources.ts";
import { runBudgets } from "./slo-budgets.ts";
import { runSweep, type SweptCluster } from "./sweep.ts";
import { wireNudges, wireTriggers, type Queues } from "./triggers.ts";
import { runWorkers } from "./worker.ts";

/** The controllers put together: watches fill stores; of what this replica leads, changes become keys and workers run passes. */

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

/** A watch that said nothing for this long, bookmarks included, is beyond what its own timers would allow. */
const SILENT_WATCH_SECONDS = 900;
/** Every service is looked at again, from memory, in case an event was lost. */
const RESYNC_MS = 3_600_000;
const TIER_WORKERS = 2;
/** Passes wait for the reads of all roles and of all repositories for so long: a page of a thousand roles takes IAM some seconds. */
const LONGEST_PRIMING_MS = 5_000;
/** A first look that comes later is at the object itself. */
const PRIMED_MS = 300_000;
/** A rollout of a Deployment is a dozen changes of its status and its pods within seconds. */
const SOON_MS = 300;
/** How many services a tier has is counted once while many come and go. */
const COUNT_AFTER_MS = 1_000;

export function createOperator(options: OperatorOptions): Operator {
  const { clock, config, leadership, log, metrics } = options;
  const { shards } = leadership;
  const sources = createSources(options);
  const queues = {
    services: new WorkQueue({ clock, observer: metrics.queue("platformservice") }),
    tiers: new WorkQueue({ clock, observer: metrics.queue("platformtier") }),
  };
  const now = (): number => clock.now();
  /** What this process works on, by shard. Tiers, and what is counted of the whole cluster, go with the first. */
  const reigns = new Map<number, Reign>();
  const reignOf = (key: ObjectKey): Reign | undefined => reigns.get(shardOf(key, shards));
  const isOwn = (service: PlatformService): boolean => reignOf(keyOf(service)) !== undefined;
  const own: Queues = {
    services(key, urgency) {
      if (reignOf(key) === undefined) return;
      if (urgency === "soon") queues.services.addAfter(keyString(key), "high", SOON_MS);
      else queues.services.add(keyString(key), urgency);
    },
    tiers(name, priority) {
      if (reigns.has(0)) queues.tiers.addAfter(name, priority, priority === "high" ? 0 : COUNT_AFTER_MS);
    },
  };
  const enqueue = (key: ObjectKey): void => own.services(key, "low");
  const listener = createListener({
    metrics,
    log,
    now,
    forget: (key) => reignOf(key)?.forget(key),
    events: options.events,
  });
  const errorBudgets = new BudgetMemory({ asked: options.prometheus !== undefined, seriesLabels: config.slos.seriesLabels, now });
  const ofAllReigns = {
    ...options,
    sources,
    shards,
    configHash: hashOf(config),
    errorBudgets,
    listener,
    now,
    writer: writerOf<PlatformService>(options, KINDS.PlatformService, sources.services.store),
  };
  const tierDeps = {
    now,
    writer: writerOf<PlatformTier>(options, KINDS.PlatformTier, sources.tiers.store),
    read: (name: string) => sources.tiers.store.get({ namespace: "", name }),
    services: (tier: string) => sources.services.store.byIndex("tier", tier).map(keyOf),
  };
  /** Of whoever has the first shard. */
  const ofCluster = (): SweptCluster => ({
    orphans: new OrphanReport({
      config,
      reader: options.aws.tags,
      services: () => sources.services.store.list(),
      namespaceLabels: (name) => sources.namespaces.store.get({ namespace: "", name }) ?? {},
      metrics,
    }),
    registry: new RegistryReport({ prefix: config.registry.repositoryPrefix, log, metrics }),
  });
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
        log.info({ services: sources.services.store.size }, "the watches have seen the world");
        return await lead(signal);
      } finally {
        watches.abort();
        await Promise.all(running);
      }
    },
  };

  /** Works on what this process leads, until the signal aborts or the right to is lost. A standby's queues stay empty: whoever begins to lead looks at everything. */
  async function lead(signal: AbortSignal): Promise<Ending> {
    const over = AbortSignal.any([signal, leadership.signal]);
    const readAnew = oneAtATime(() => catchUp(options, sources, over));
    const atOnce = {
      roles: oneAtATime(() => readAtOnce("roles", async () => (await options.aws.bulk.roles(new Set())).ours)),
      repositories: oneAtATime(() => readAtOnce("repositories", () => options.aws.bulk.repositories(new Set()))),
    };
    let work: Promise<unknown> | undefined;
    const ending = await leadership.lead(async (shard, until) => {
      await readAnew();
      if (until.aborted) return "finished";
      const reign = new Reign({ ...ofAllReigns, shard, ofCluster: shard === 0 ? ofCluster() : undefined });
      if (keysOf(shard).length > 0) {
        const times = { late: pause(clock, LONGEST_PRIMING_MS, until), over: pause(clock, PRIMED_MS, until) };
        reign.deps.roles.prime(atOnce.roles(), times);
        reign.deps.repositories.prime(atOnce.repositories(), times);
      }
      reigns.set(shard, reign);
      work ??= begin(over);
      lookAtAll(shard);
      await aborted(until);
      reigns.delete(shard);
      await Promise.race([reign.idle(), aborted(over)]);
      if (over.aborted) return end(Promise.all([reign.idle(), work]));
      listener.left((key) => shardOf(key, shards) === shard);
      if (shard === 0) metrics.forgetCluster();
      return "finished";
    }, signal);
    shutDown();
    return ending;
  }

  /** Of all shards, for a process that begins (docs/adr/0037-restart.md). Where that fails each is read by itself. */
  async function readAtOnce<O>(what: string, read: () => Promise<ReadonlyMap<string, O>>): Promise<ReadonlyMap<string, O>> {
    const start = clock.monotonic();
    try {
      const found = await read();
      log.info({ [what]: found.size, seconds: (clock.monotonic() - start) / 1000 }, `all ${what} are read`);
      return found;
    } catch (error) {
      log.warn({ error: describeError(error) }, `the ${what} could not be read at once; each is read by itself`);
      return new Map();
    }
  }

  function keysOf(shard: number): readonly ObjectKey[] {
    return sources.services.store.keys().filter((key) => shardOf(key, shards) === shard);
  }

  function lookAtAll(shard: number): void {
    const keys = fromAnywhere(keysOf(shard));
    for (const key of keys) {
      if (isNew(sources.services.store.get(key))) listener.changed(key);
      enqueue(key);
    }
    for (const { name } of sources.tiers.store.keys()) if (shard === 0) own.tiers(name, "low");
    log.info({ services: keys.length, shard, shards }, "work begins");
  }

  /** What goes on for as long as this process may lead anything. */
  function begin(over: AbortSignal): Promise<unknown> {
    const { services } = sources;
    services.store.subscribe(({ key, old, new: service }) => {
      if (service && isOwn(service) && isNew(service) && old?.metadata.generation !== service.metadata.generation) listener.changed(key);
    });
    wireTriggers(sources, own, (tier, done) => reignOf(done)?.deps.budget.nextWaiting(tier));
    return Promise.all([
      runWorkers({ ...options, name: "platformservice", queue: queues.services, pass: (key) => servicePass(parseKey(key)) }),
      runWorkers({ ...options, name: "platformtier", queue: queues.tiers, workers: TIER_WORKERS, pass: tierPass }),
      runSweep(
        {
          ...options,
          reigns: () => Array.from(reigns.values(), ({ deps }) => deps),
          ofCluster: () => reigns.get(0)?.ofCluster,
          bulk: options.aws.bulk,
          enqueue,
        },
        over,
      ),
      runBudgets(
        {
          ...options,
          memory: errorBudgets,
          leads: () => reigns.size > 0,
          services: () => services.store.list().filter((one) => one.metadata.deletionTimestamp === undefined),
          isOwn,
          enqueue,
        },
        over,
      ),
      resync(options, () => services.store.keys().forEach(enqueue), over),
    ]);
  }

  /** A key may wait for longer than its shard is led. */
  function servicePass(key: ObjectKey): Promise<Outcome> {
    const reign = reignOf(key);
    return reign === undefined ? Promise.resolve({ state: "settled" }) : reign.pass(() => reconcileService(reign.deps, key));
  }

  function tierPass(name: string): Promise<Outcome> {
    const reign = reigns.get(0);
    return reign === undefined ? Promise.resolve({ state: "settled" }) : reign.pass(() => reconcileTier(tierDeps, name));
  }

  function shutDown(): void {
    queues.services.shutDown();
    queues.tiers.shutDown();
  }

  function end(underWay: Promise<unknown>): Promise<"finished" | "cutOff"> {
    shutDown();
    return untilEnded(underWay, { clock, log, events: options.events, lost: leadership.signal });
  }
}

/** From a random one on: what no bulk read tells is read again in the order of the first looks, and of processes that do not live for long none would come to the last. */
function fromAnywhere<T>(items: readonly T[]): readonly T[] {
  const start = Math.floor(Math.random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}

function isNew(service: PlatformService | undefined): boolean {
  return service !== undefined && service.status?.observedGeneration !== service.metadata.generation;
}

/** As `run`, for any number of callers: one that comes in the midst of a run waits for the next, which begins after it came. */
function oneAtATime<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      const now = run();
      // Of its end alone: what it found may be large, and is its callers'.
      running = now.then(
        () => undefined,
        () => undefined,
      );
      return now;
    });
    return next;
  };
}

/** Writes through: what the API server answers is in the store before the next pass asks. */
function writerOf<T extends PlatformService | PlatformTier>(
  { transport }: Runtime,
  resource: ResourceType,
  store: Store<T, string>,
): PrimaryWriter<T> {
  return {
    setFinalizers(object, finalizers) {
      return store.during(objectKey(object), async () => {
        const written = await writeFinalizers(transport, resource, object, finalizers);
        if (written === undefined) return "gone";
        if (written.metadata.deletionTimestamp === undefined) store.wrote(written);
        return "written";
      });
    },
    writeStatus(object, status) {
      return store.during(objectKey(object), async () => {
        const written: LiveObject | undefined = await writeStatus(transport, resource, object, status);
        if (written) store.wrote(written);
      });
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

async function resync({ clock }: Runtime, lookAtAll: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(clock, RESYNC_MS, signal);
    lookAtAll();
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
