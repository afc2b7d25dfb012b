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
export interface SweepOptions extends Pick<Ports, "config"> {
  /** What is remembered by each that this process leads; none: nothing is read. */
  readonly reigns: () => readonly Memories[];
  /** Undefined: another process looks at what is the whole cluster's. */
  readonly ofCluster: () => SweptCluster | undefined;
  readonly bulk: BulkReader;
  readonly clock: Clock;
  readonly log: Log;
  readonly enqueue: (key: ObjectKey) => void;
}

/** What is looked at for the whole cluster. */
export interface SweptCluster {
  readonly registry: RegistryReport;
  readonly orphans: OrphanReport;
}

type Memories = Pick<
  Ports,
  "roles" | "existingRoles" | "repositories" | "existingRepositories" | "associations" | "rulesNamespaces" | "appMesh" | "routesOfRouter"
>;

/** What no bulk read tells is read at least this often. */
const FULL_READ_MS = 6 * 3_600_000;

export async function runSweep(options: SweepOptions, signal: AbortSignal): Promise<void> {
  await pause(options.clock, intervalMs(options), signal);
  while (!signal.aborted) {
    try {
      if (options.reigns().length > 0) await sweepOnce(options);
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
  const { bulk, log, enqueue } = options;
  const ofCluster = options.ofCluster();
  const held = new Map<AuditedKind, readonly Holding[]>();
  for (const { what, read } of partsOf(options)) {
    const answer = await answerOf(options, what, read);
    // Nor is anything forgotten that could not be read again.
    if (!answer) continue;
    for (const [kind, objects] of answer.held) held.set(kind, objects);
    for (const key of answer.changed) {
      log.info({ service: keyString(key) }, "the AWS sweep found a difference");
      enqueue(key);
    }
    for (const memory of answer.inTurn) {
      const share = Math.ceil((memory.size * intervalMs(options)) / FULL_READ_MS);
      for (let i = 0; i < share; i++) {
        const key = memory.forgetOldest();
        if (key) enqueue(key);
      }
    }
  }
  if (ofCluster === undefined) return;
  const { registry, orphans } = ofCluster;
  await answerOf(options, "the tags of what no service wants", () => orphans.seen(held, intervalMs(options) / FULL_READ_MS));
  await answerOf(options, "the registry's settings", async () => registry.seen(await bulk.registry()));
}

interface Part {
  readonly what: string;
  readonly read: () => Promise<Answer>;
}

interface Answer {
  /** Services of which something is another than remembered. */
  readonly changed: readonly ObjectKey[];
  /** All that AWS holds of the kinds that were read. */
  readonly held: readonly (readonly [AuditedKind, readonly Holding[]])[];
  /** What is remembered of the kind, of which the bulk read does not tell everything. */
  readonly inTurn: readonly InTurn[];
}

interface InTurn {
  readonly size: number;
  forgetOldest(): ObjectKey | undefined;
}

/** The rest of it alone is read again. */
function restOf<O>(
  memory: { readonly size: number; forgetOldest(bulk: ReadonlyMap<string, O>): ObjectKey | undefined },
  bulk: ReadonlyMap<string, O>,
): InTurn {
  return { size: memory.size, forgetOldest: () => memory.forgetOldest(bulk) };
}

function partsOf(options: SweepOptions): readonly Part[] {
  const { config, bulk } = options;
  const reigns = options.reigns();
  const hasOrphans = (...kinds: readonly AuditedKind[]): boolean => kinds.some((kind) => options.ofCluster()?.orphans.has(kind) === true);
  const parts: readonly (Part & { readonly asked?: boolean })[] = [
    {
      what: "IAM roles",
      async read() {
        const { ours, existing } = await bulk.roles(namesOf(reigns.map(({ existingRoles }) => existingRoles)));
        const changed = reigns.flatMap(({ roles, existingRoles }) => [...roles.sweep(ours), ...existingRoles.sweep(existing)]);
        return { changed, held: [["Role", holdings("Role", ours)]], inTurn: reigns.map(({ roles }) => restOf(roles, ours)) };
      },
    },
    {
      what: "ECR repositories",
      async read() {
        const inBulk = await bulk.repositories(namesOf(reigns.map(({ existingRepositories }) => existingRepositories)));
        const changed = reigns.flatMap(({ repositories, existingRepositories }) => [
          ...repositories.sweep(inBulk),
          ...existingRepositories.sweep(inBulk),
        ]);
        const inTurn = reigns.flatMap(({ repositories, existingRepositories }) => [restOf(repositories, inBulk), existingRepositories]);
        return { changed, held: [["Repository", holdings("Repository", inBulk)]], inTurn };
      },
    },
    {
      what: "Pod Identity associations",
      // Where no service is bound so, EKS is not asked: the operator may have no right to.
      asked: reigns.some(({ associations }) => associations.size > 0) || hasOrphans("PodIdentityAssociation"),
      async read() {
        const inBulk = await bulk.associations();
        const changed = reigns.flatMap(({ associations }) => associations.sweep(inBulk));
        const inTurn = reigns.map(({ associations }) => restOf(associations, inBulk));
        return { changed, held: [["PodIdentityAssociation", holdings("PodIdentityAssociation", inBulk)]], inTurn };
      },
    },
    {
      what: "rules in Amazon Managed Service for Prometheus",
      asked: reigns.some(({ rulesNamespaces }) => rulesNamespaces.size > 0) || hasOrphans("RuleGroupsNamespace"),
      async read() {
        const inBulk = await bulk.rulesNamespaces();
        const changed = reigns.flatMap(({ rulesNamespaces }) => rulesNamespaces.sweep(inBulk));
        const inTurn = reigns.map(({ rulesNamespaces }) => rulesNamespaces);
        return { changed, held: [["RuleGroupsNamespace", holdings("RuleGroupsNamespace", inBulk)]], inTurn };
      },
    },
    {
      what: "App Mesh",
      asked: (reigns.some(({ appMesh }) => appMesh.size > 0) || hasOrphans(...MESH_KINDS)) && isMeshRead(config),
      read: () => sweepMesh(bulk, reigns),
    },
  ];
  return parts.filter(({ asked = true }) => asked);
}

function namesOf(borrowed: readonly { names(): ReadonlySet<string> }[]): ReadonlySet<string> {
  return new Set(borrowed.flatMap((one) => [...one.names()]));
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

async function sweepMesh(bulk: BulkReader, reigns: readonly Memories[]): Promise<Answer> {
  const found = await bulk.meshObjects(namesOf(reigns.map(({ routesOfRouter }) => routesOfRouter)));
  const changed = reigns.flatMap(({ appMesh, routesOfRouter }) => [
    ...appMesh.sweep(found),
    ...routesOfRouter.sweep(routesByRouter(routesOfRouter.names(), [...found.routes.keys()])),
  ]);
  return { changed, held: meshHoldings(found), inTurn: reigns.flatMap(({ appMesh }) => appMesh.all) };
}

function routesByRouter(routers: ReadonlySet<string>, routes: readonly string[]): ReadonlyMap<string, RoutesOfRouter> {
  const sorted = routes.toSorted();
  return new Map([...routers].map((router) => [router, { names: sorted.filter((name) => name.startsWith(`${router}/`)) }]));
}
