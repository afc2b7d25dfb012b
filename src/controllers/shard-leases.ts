import { FIELD_MANAGER, LABELS } from "../crds/meta.ts";
import { pause } from "../kube/clock.ts";
import { KINDS } from "../kube/kinds.ts";
import { isReleased, recordOf } from "../kube/lease-record.ts";
import { Lease, type LeaseOptions } from "../kube/lease.ts";
import type { LiveObject } from "../kube/objects.ts";
import { describeError } from "../reconcilers/failure.ts";
import { FencedError, type Fence } from "../reconcilers/ports.ts";
import type { Ending, Leadership, Reign } from "./leadership.ts";

/** A lease for each shard, spread over the replicas that are there, and the fence of what may be done by whoever has any (docs/adr/0035). */

export interface ShardLeasesOptions extends Omit<LeaseOptions, "name" | "labels" | "onChange"> {
  /** In [1, MOST_SHARDS]. */
  readonly shards: number;
  /** Told when this process begins to hold a lease, and when it ceases to. */
  readonly onChange?: (lease: string, holds: boolean) => void;
}

interface Term {
  readonly lease: Lease;
  /** Aborted when the shard is to be handed over. */
  readonly over: AbortController;
}

/** Of the first shard: the only one, where there is one. */
export function leaseName(shard: number): string {
  return shard === 0 ? FIELD_MANAGER : `${FIELD_MANAGER}-shard-${String(shard)}`;
}

/**
 * Whoever loses one of its leases loses the right to everything, and is to end: what is under way fails as one. A shard that is handed over is let go of when its last pass has ended.
 * A replica that has two shards less than another asks that one for one.
 */
export class ShardLeases implements Fence, Leadership {
  readonly #options: ShardLeasesOptions;
  readonly #ended = new AbortController();
  /** This process's part in the election of each, by shard. */
  readonly #leases: Lease[];
  readonly #terms = new Map<number, Term>();

  constructor(options: ShardLeasesOptions) {
    this.#options = options;
    this.#leases = Array.from({ length: options.shards }, (_, shard) => this.#candidate(shard));
  }

  get shards(): number {
    return this.#options.shards;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  check(): void {
    if (this.signal.aborted) throw new FencedError("not sent: this process has lost a lease");
    if (this.#terms.size === 0) throw new FencedError("not sent: this process holds no lease");
    for (const { lease } of this.#terms.values()) lease.check();
  }

  async lead(reign: Reign, signal: AbortSignal): Promise<Ending> {
    const cutOff = new AbortController();
    const until = AbortSignal.any([signal, this.signal, cutOff.signal]);
    const balanced = this.#balance(until);
    await Promise.all(
      this.#leases.map(async (_, shard) => {
        if ((await this.#stand(shard, reign, until)) === "cutOff") cutOff.abort();
      }),
    );
    await balanced;
    if (this.signal.aborted) return "lost";
    return cutOff.signal.aborted ? "cutOff" : "finished";
  }

  /** One shard's terms of this process, one after another. `cutOff`: its lease is not released, it runs out. */
  async #stand(shard: number, reign: Reign, until: AbortSignal): Promise<"finished" | "cutOff"> {
    const { clock, timings } = this.#options;
    while (!until.aborted) {
      const lease = (this.#leases[shard] = this.#candidate(shard));
      if (!(await lease.acquire(until))) break;
      if (!(await this.#isAgreed(shard, lease, until))) {
        await lease.release();
        await pause(clock, timings.retryPeriodMs, until);
        continue;
      }
      const over = new AbortController();
      this.#terms.set(shard, { lease, over });
      this.#loseWith(lease);
      const how = await reign(shard, AbortSignal.any([until, over.signal]));
      if (how === "cutOff" || this.signal.aborted) return how;
      this.#terms.delete(shard);
      await lease.release();
      // Whoever has asked for it has the time to take it.
      if (over.signal.aborted) await pause(clock, timings.durationMs, until);
    }
    return "finished";
  }

  #loseWith(lease: Lease): void {
    const lost = (): void => {
      if ([...this.#terms.values()].some((term) => term.lease === lease)) this.#ended.abort(lease.signal.reason);
    };
    lease.signal.addEventListener("abort", lost, { once: true });
    if (lease.signal.aborted) lost();
  }

  /**
   * Whether this process may work on a shard whose lease it has just got. A replica that divides the services into another number of shards would work on some of the same.
   * The first shard's lease decides: who has it waits until no other that says otherwise is held, and who has another gives it up. Each writes before it reads, so that of two one sees the other.
   */
  async #isAgreed(shard: number, lease: Lease, until: AbortSignal): Promise<boolean> {
    const { clock, timings, log, transport, namespace } = this.#options;
    const silentSince = new Map<string, { readonly renewed: string; readonly at: number }>();
    for (let said = false; !until.aborted && !lease.signal.aborted;) {
      try {
        if (shard > 0) {
          const first = await transport.get({ resource: KINDS.Lease, namespace, name: leaseName(0) });
          return !isHeld(first) || shardsOf(first) === this.shards;
        }
        const { items } = await transport.list(KINDS.Lease, { namespace, labelSelector: LABELS.shards, signal: until });
        const others = items.filter((other) => shardsOf(other) !== this.shards && isHeld(other));
        const leases = others.map(({ metadata }) => metadata.name);
        const talking = others.filter((other) => !this.#isSilent(other, silentSince));
        if (talking.length === 0) {
          if (leases.length > 0)
            log.warn({ leases }, "leases of another number of shards that nobody renews: delete them, or each start waits for them");
          return true;
        }
        if (!said) log.info({ leases, shards: this.shards }, "waits for replicas that divide the services into another number of shards");
        said = true;
      } catch (error) {
        log.warn({ shard, error: describeError(error) }, "work cannot begin before the other leases are read; tried again");
      }
      await pause(clock, timings.retryPeriodMs, AbortSignal.any([until, lease.signal]));
    }
    return false;
  }

  /** Nobody has renewed it, for as long as a lease lasts, since it was first seen so. */
  #isSilent(lease: LiveObject, since: Map<string, { renewed: string; at: number }>): boolean {
    const { name, resourceVersion } = lease.metadata;
    const now = this.#options.clock.monotonic();
    const seen = since.get(name);
    if (seen?.renewed === resourceVersion)
      return now - seen.at >= (recordOf(lease).durationSeconds * 1000 || this.#options.timings.durationMs);
    since.set(name, { renewed: resourceVersion, at: now });
    return false;
  }

  /** At each retry period: hands over what another replica has asked for, and asks for what this one has too little of. */
  async #balance(until: AbortSignal): Promise<void> {
    const { clock, timings, log } = this.#options;
    while (!until.aborted) {
      await pause(clock, timings.retryPeriodMs, until);
      const first = this.#leases[0]?.tenure;
      if (this.#terms.size > 0 && first !== undefined && shardsOfLabel(first.labels) !== this.shards) {
        log.error(
          { shards: this.shards, others: shardsOfLabel(first.labels) },
          "the services are divided into another number of shards now",
        );
        this.#ended.abort(new FencedError("cut off: the services are divided into another number of shards now"));
        return;
      }
      const holdings = this.#holdings();
      this.#handOver(holdings);
      await this.#askFor(holdings);
    }
  }

  /** Shards by who holds them, as far as this process has seen. */
  #holdings(): ReadonlyMap<string, readonly number[]> {
    const held = this.#leases.flatMap(({ tenure }, shard) => (tenure === undefined ? [] : [{ holder: tenure.holder, shard }]));
    return new Map([...Map.groupBy(held, ({ holder }) => holder)].map(([holder, of]) => [holder, of.map(({ shard }) => shard)]));
  }

  /** One at a time: the next is judged by what came of it. */
  #handOver(holdings: ReadonlyMap<string, readonly number[]>): void {
    if ([...this.#terms.values()].some(({ over }) => over.signal.aborted)) return;
    for (const [shard, { lease, over }] of this.#terms) {
      const { wantedBy } = lease;
      if (wantedBy === undefined || this.#terms.size < (holdings.get(wantedBy)?.length ?? 0) + UNEVEN) continue;
      this.#options.log.info({ shard, to: wantedBy }, "hands a shard over");
      over.abort();
      return;
    }
  }

  async #askFor(holdings: ReadonlyMap<string, readonly number[]>): Promise<void> {
    const own = this.#terms.size;
    const most = [...holdings].filter(([holder]) => holder !== this.#options.identity).toSorted(([, a], [, b]) => b.length - a.length)[0];
    const wanted = most !== undefined && most[1].length >= own + UNEVEN ? most[1].at(-1) : undefined;
    if (wanted !== undefined) await this.#leases[wanted]?.ask();
  }

  #candidate(shard: number): Lease {
    const { onChange, shards, ...options } = this.#options;
    const name = leaseName(shard);
    return new Lease({
      ...options,
      name,
      labels: { [LABELS.shards]: String(shards) },
      onChange: (holds) => onChange?.(name, holds),
    });
  }
}

/** A shard more or less is as even as it gets. */
const UNEVEN = 2;

function isHeld(lease: LiveObject): boolean {
  const record = recordOf(lease);
  return record.holder !== "" && !isReleased(record);
}

function shardsOf({ metadata }: LiveObject): number {
  return shardsOfLabel(metadata.labels ?? {});
}

/** Releases before 0.2 had one, and did not say so. */
function shardsOfLabel(labels: Readonly<Record<string, string>>): number {
  return Number(labels[LABELS.shards] ?? 1);
}
