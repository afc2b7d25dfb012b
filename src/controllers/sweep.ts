import { durationMs } from "../crds/effective.ts";
import { keyString, type ObjectKey } from "../crds/meta.ts";
import type { Clock } from "../kube/clock.ts";
import { pause } from "../kube/clock.ts";
import type { Log } from "../kube/log.ts";
import { describeError } from "../reconcilers/failure.ts";
import type { Ports } from "../reconcilers/platform-service/scope.ts";
import { holdings, isMeshRead, meshHoldings, type AuditedKind, type Holding } from "../reconcilers/audit/holdings.ts";
import type { BulkReader, RoutesOfRouter } from "../reconcilers/ports.ts";
import type { OrphanReport } from "./orphan-report.ts";
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
  readonly orphans: OrphanReport;
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
  const { registry, orphans, bulk, log, enqueue } = options;
  const held = new Map<AuditedKind, readonly Holding[]>();
  for (const { what, memories, read } of partsOf(options)) {
    const answer = await answerOf(options, what, read);
    // Nor is anything forgotten that could not be read again.
    if (!answer) continue;
    for (const [kind, objects] of answer.held) held.set(kind, objects);
    for (const key of answer.changed) {
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
  await answerOf(options, "the tags of what no service wants", () => orphans.seen(held, intervalMs(options) / FULL_READ_MS));
  await answerOf(options, "the registry's settings", async () => registry.seen(await bulk.registry()));
}

interface Part {
  readonly what: string;
  /** What of it no bulk read tells. */
  readonly memories: readonly { readonly size: number; forgetOldest(): ObjectKey | undefined }[];
  readonly read: () => Promise<Answer>;
}

interface Answer {
  /** Services of which something is another than remembered. */
  readonly changed: readonly ObjectKey[];
  /** All that AWS holds of the kinds that were read. */
  readonly held: readonly (readonly [AuditedKind, readonly Holding[]])[];
}

function partsOf(options: SweepOptions): readonly Part[] {
  const { roles, existingRoles, repositories, existingRepositories, associations, rulesNamespaces, appMesh, orphans, config, bulk } =
    options;
  const parts: readonly (Part & { readonly asked?: boolean })[] = [
    {
      what: "IAM roles",
      memories: [roles],
      async read() {
        const { ours, existing } = await bulk.roles(existingRoles.names());
        return { changed: [...roles.sweep(ours), ...existingRoles.sweep(existing)], held: [["Role", holdings("Role", ours)]] };
      },
    },
    {
      what: "ECR repositories",
      memories: [repositories, existingRepositories],
      async read() {
        const inBulk = await bulk.repositories(existingRepositories.names());
        const changed = [...repositories.sweep(inBulk), ...existingRepositories.sweep(inBulk)];
        return { changed, held: [["Repository", holdings("Repository", inBulk)]] };
      },
    },
    {
      what: "Pod Identity associations",
      memories: [associations],
      // Where no service is bound so, EKS is not asked: the operator may have no right to.
      asked: associations.size > 0 || orphans.has("PodIdentityAssociation"),
      async read() {
        const inBulk = await bulk.associations();
        return { changed: associations.sweep(inBulk), held: [["PodIdentityAssociation", holdings("PodIdentityAssociation", inBulk)]] };
      },
    },
    {
      what: "rules in Amazon Managed Service for Prometheus",
      memories: [rulesNamespaces],
      asked: rulesNamespaces.size > 0 || orphans.has("RuleGroupsNamespace"),
      async read() {
        const inBulk = await bulk.rulesNamespaces();
        return { changed: rulesNamespaces.sweep(inBulk), held: [["RuleGroupsNamespace", holdings("RuleGroupsNamespace", inBulk)]] };
      },
    },
    {
      what: "App Mesh",
      memories: appMesh.all,
      asked: (appMesh.size > 0 || MESH_KINDS.some((kind) => orphans.has(kind))) && isMeshRead(config),
      read: () => sweepMesh(options),
    },
  ];
  return parts.filter(({ asked = true }) => asked);
}

async function answerOf<T>({ log }: SweepOptions, what: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    log.warn({ error: describeError(error) }, `the AWS sweep could not read ${what}; the next one comes at its time`);
    return undefined;
  }
}

const MESH_KINDS: readonly AuditedKind[] = ["VirtualService", "VirtualRouter", "VirtualNode"];

async function sweepMesh({ appMesh, routesOfRouter, bulk }: SweepOptions): Promise<Answer> {
  const routers = routesOfRouter.names();
  const found = await bulk.meshObjects(routers);
  return {
    changed: [...appMesh.sweep(found), ...routesOfRouter.sweep(routesByRouter(routers, [...found.routes.keys()]))],
    held: meshHoldings(found),
  };
}

function routesByRouter(routers: ReadonlySet<string>, routes: readonly string[]): ReadonlyMap<string, RoutesOfRouter> {
  const sorted = routes.toSorted();
  return new Map([...routers].map((router) => [router, { names: sorted.filter((name) => name.startsWith(`${router}/`)) }]));
}
