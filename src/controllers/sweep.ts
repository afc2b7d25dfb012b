import { durationMs } from "../crds/effective.ts";
import { keyString, type ObjectKey } from "../crds/meta.ts";
import type { Clock } from "../kube/clock.ts";
import { pause } from "../kube/clock.ts";
import type { Log } from "../kube/log.ts";
import { describeError } from "../reconcilers/failure.ts";
import type { Ports } from "../reconcilers/platform-service/scope.ts";
import type { BulkReader, RoutesOfRouter } from "../reconcilers/ports.ts";
import type { RegistryReport } from "./registry-report.ts";

/**
 * The periodic sweep: reads AWS in bulk, joins locally, and asks for a pass only where something differs. What no bulk call tells
 * (session duration, lifecycle policy, the role of a Pod Identity association, tags of mesh objects) is read round-robin: each sweep forgets a share, so that all are read within hours.
 */
export interface SweepOptions extends Pick<
  Ports,
  | "roles"
  | "existingRoles"
  | "repositories"
  | "existingRepositories"
  | "associations"
  | "rulesNamespaces"
  | "appMesh"
  | "routesOfRouter"
  | "config"
> {
  readonly bulk: BulkReader;
  readonly registry: RegistryReport;
  readonly clock: Clock;
  readonly log: Log;
  readonly enqueue: (key: ObjectKey) => void;
}

/** What no bulk read tells is read at least this often. */
const FULL_READ_MS = 6 * 3_600_000;

export async function runSweep(options: SweepOptions, signal: AbortSignal): Promise<void> {
  await pause(options.clock, intervalMs(options), signal);
  while (!signal.aborted) {
    try {
      await sweepOnce(options);
    } catch (error) {
      options.log.warn({ error: describeError(error) }, "AWS sweep failed; the next one comes at its time");
    }
    await pause(options.clock, intervalMs(options), signal);
  }
}

function intervalMs({ config }: Pick<SweepOptions, "config">): number {
  return durationMs(config.aws.sweepInterval);
}

/** Each part by itself: what does not answer must not hide what the others have. */
export async function sweepOnce(options: SweepOptions): Promise<void> {
  const { registry, bulk, log, enqueue } = options;
  for (const { what, memories, read } of partsOf(options)) {
    const changed = await answerOf(options, what, read);
    // Nor is anything forgotten that could not be read again.
    if (!changed) continue;
    for (const key of changed) {
      log.info({ service: keyString(key) }, "the AWS sweep found a difference");
      enqueue(key);
    }
    for (const memory of memories) {
      const share = Math.ceil((memory.size * intervalMs(options)) / FULL_READ_MS);
      for (let i = 0; i < share; i++) {
        const key = memory.forgetOldest();
        if (key) enqueue(key);
      }
    }
  }
  await answerOf(options, "the registry's settings", async () => registry.seen(await bulk.registry()));
}

interface Part {
  readonly what: string;
  /** What of it no bulk read tells. */
  readonly memories: readonly { readonly size: number; forgetOldest(): ObjectKey | undefined }[];
  /** Resolves to the services of which something is another than remembered. */
  readonly read: () => Promise<readonly ObjectKey[]>;
}

function partsOf(options: SweepOptions): readonly Part[] {
  const { roles, existingRoles, repositories, existingRepositories, associations, rulesNamespaces, appMesh, config, bulk } = options;
  const parts: readonly (Part & { readonly asked?: boolean })[] = [
    {
      what: "IAM roles",
      memories: [roles],
      async read() {
        const { ours, existing } = await bulk.roles(existingRoles.names());
        return [...roles.sweep(ours), ...existingRoles.sweep(existing)];
      },
    },
    {
      what: "ECR repositories",
      memories: [repositories, existingRepositories],
      async read() {
        const inBulk = await bulk.repositories(existingRepositories.names());
        return [...repositories.sweep(inBulk), ...existingRepositories.sweep(inBulk)];
      },
    },
    {
      what: "Pod Identity associations",
      memories: [associations],
      // Where no service is bound so, EKS is not asked: the operator may have no right to.
      asked: associations.size > 0,
      read: async () => associations.sweep(await bulk.associations()),
    },
    {
      what: "rules in Amazon Managed Service for Prometheus",
      memories: [rulesNamespaces],
      asked: rulesNamespaces.size > 0,
      read: async () => rulesNamespaces.sweep(await bulk.rulesNamespaces()),
    },
    {
      what: "App Mesh",
      memories: appMesh.all,
      asked: appMesh.size > 0 && config.mesh.appMesh?.retired === false,
      read: () => sweepMesh(options),
    },
  ];
  return parts.filter(({ asked = true }) => asked);
}

async function answerOf<Answer>({ log }: SweepOptions, what: string, read: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await read();
  } catch (error) {
    log.warn({ error: describeError(error) }, `the AWS sweep could not read ${what}; the next one comes at its time`);
    return undefined;
  }
}

async function sweepMesh({ appMesh, routesOfRouter, bulk }: SweepOptions): Promise<readonly ObjectKey[]> {
  const routers = routesOfRouter.names();
  const found = await bulk.meshObjects(routers);
  return [...appMesh.sweep(found), ...routesOfRouter.sweep(routesByRouter(routers, [...found.routes.keys()]))];
}

function routesByRouter(routers: ReadonlySet<string>, routes: readonly string[]): ReadonlyMap<string, RoutesOfRouter> {
  const sorted = routes.toSorted();
  return new Map([...routers].map((router) => [router, { names: sorted.filter((name) => name.startsWith(`${router}/`)) }]));
}
