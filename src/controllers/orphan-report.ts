import { clusterId } from "../crds/aws-names.ts";
import { AWS_TAGS } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import { claimsOf, type NamespaceLabels } from "../reconcilers/audit/claims.ts";
import { judgeHolding, unclaimed } from "../reconcilers/audit/findings.ts";
import { readTags, type AuditedKind, type Holding, type Tags } from "../reconcilers/audit/holdings.ts";
import type { TagReader } from "../reconcilers/ports.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/**
 * How many objects in AWS no service wants, for the metric: by the sweep's own bulk reads, the services that the watches have seen, and what of tags no bulk read tells. Those are
 * read of what no service has, wants or uses, once, and remembered by ARN: a sweep after the first asks for none, but for the turn of those that carry this cluster's.
 */
export interface OrphanReportOptions {
  readonly config: OperatorConfig;
  readonly reader: TagReader;
  readonly services: () => readonly PlatformService[];
  readonly namespaceLabels: NamespaceLabels;
  readonly metrics: Pick<Metrics, "orphans">;
}

/** Tags that one sweep reads at most: an account may hold thousands of repositories of others, and the rest has the next sweep. */
const MOST_READ = 100;

export class OrphanReport {
  readonly #options: OrphanReportOptions;
  /** By ARN; the longest unread first. */
  readonly #tags = new Map<string, Tags>();
  readonly #counts = new Map<AuditedKind, number>();

  constructor(options: OrphanReportOptions) {
    this.#options = options;
  }

  /** Whether there were any of the kind: as long as there are, somebody has to look whether they are gone. */
  has(kind: AuditedKind): boolean {
    return (this.#counts.get(kind) ?? 0) > 0;
  }

  /** Holds what a sweep has read of some kinds against the services. `share`: which part of what is remembered is read anew, in [0, 1]. Throws AwsError. */
  async seen(read: ReadonlyMap<AuditedKind, readonly Holding[]>, share: number): Promise<void> {
    const { config, services, namespaceLabels, metrics } = this.#options;
    const claims = claimsOf(services(), namespaceLabels, config);
    const candidates = new Map([...read].map(([kind, held]) => [kind, unclaimed(held, claims, config)] as const));
    await this.#readTags([...candidates.values()].flat(), share);
    for (const [kind, held] of candidates) {
      const found = held.flatMap((one) => {
        const tags = one.tags ?? this.#tags.get(one.arn);
        return tags === undefined ? [] : (judgeHolding({ ...one, tags }, { claims, config, user: () => undefined }) ?? []);
      });
      const count = found.filter(({ state }) => state === "Orphaned").length;
      this.#counts.set(kind, count);
      metrics.orphans(kind, count);
    }
  }

  async #readTags(candidates: readonly Holding[], share: number): Promise<void> {
    const untold = new Map(candidates.filter(({ tags }) => tags === undefined).map((one) => [one.arn, one]));
    for (const arn of this.#tags.keys()) if (!untold.has(arn)) this.#tags.delete(arn);
    const ours = [...this.#tags].filter(([, tags]) => tags[AWS_TAGS.cluster] === clusterId(this.#options.config));
    for (const [arn] of ours.slice(0, Math.ceil(ours.length * share))) this.#tags.delete(arn);
    const unread = [...untold.values()].filter(({ arn }) => !this.#tags.has(arn));
    for (const one of unread.slice(0, MOST_READ)) {
      const tags = await readTags(this.#options.reader, one);
      if (tags !== undefined) this.#tags.set(one.arn, tags);
    }
  }
}
