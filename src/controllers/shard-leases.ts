import { FIELD_MANAGER } from "../crds/meta.ts";
import { pause } from "../kube/clock.ts";
import { KINDS } from "../kube/kinds.ts";
import { isReleased, recordOf, released, specOf } from "../kube/lease-record.ts";
import { Lease, type LeaseOptions } from "../kube/lease.ts";
import type { LiveObject } from "../kube/objects.ts";
import { describeError } from "../reconcilers/failure.ts";
import { FencedError, type Fence } from "../reconcilers/ports.ts";
import type { Ending, Leadership, Reign } from "./leadership.ts";
import { MOST_SHARDS } from "./shards.ts";

/** A lease for each shard, spread over the replicas that are there, and the fence of what may be done by whoever has any (docs/adr/0035-shards.md). */

export interface ShardLeasesOptions extends Omit<LeaseOptions, "name" | "onChange"> {
  /** As identityOf has it: whoever reads a Lease knows from it by how many shards its holder divides the services. */
  readonly identity: string;
  /** In [1, MOST_SHARDS]. */
  readonly shards: number;
  /** Told when this process begins to work under a lease, and when it ceases to. */
  readonly onChange?: (lease: string, works: boolean) => void;
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

export const LEASE_NAMES: readonly string[] = Array.from({ length: MOST_SHARDS }, (_, shard) => leaseName(shard));

/** Of a process in the leases; `name` is its own alone. */
export function identityOf(name: string, shards: number): string {
  return shards === 1 ? name : `${name}_of-${String(shards)}-shards`;
}

/** By how many shards a holder divides the services; releases that knew none have one. */
function shardsOf(identity: string): number {
  return Number(/_of-(\d+)-shards$/.exec(identity)?.[1] ?? 1);
}

/** A shard more or less is as even as it gets. */
const UNEVEN = 2;
/** In retry periods: for how long somebody who asked for a shard is believed to be there, and for how long who handed it over stays away from it. */
const ASKED_PERIODS = 3;

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
  /** What this process was last asked for with, by shard, and when that was first seen; monotonic. */
  readonly #questions = new Map<number, { readonly text: string; readonly at: number }>();

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
    for (const { lease } of this.#terms.values()) lease.abandon();
    if (this.signal.aborted) return "lost";
    return cutOff.signal.aborted ? "cutOff" : "finished";
  }

  /** One shard's terms of this process, one after another. `cutOff`: its lease is not released, it runs out. */
  async #stand(shard: number, reign: Reign, until: AbortSignal): Promise<"finished" | "cutOff"> {
    const { clock, timings, onChange } = this.#options;
    while (!until.aborted) {
      if (shard > 0 && this.#isDividedOtherwise()) {
        await pause(clock, timings.retryPeriodMs, until);
        continue;
      }
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
      onChange?.(leaseName(shard), true);
      const how = await reign(shard, AbortSignal.any([until, over.signal]));
      if (how === "cutOff" || this.signal.aborted) return how;
      this.#terms.delete(shard);
      await lease.release();
      // Whoever has asked for it has the time to take it.
      if (over.signal.aborted) await pause(clock, ASKED_PERIODS * timings.retryPeriodMs, until);
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

  /** Whether the first shard's lease is held by somebody with another number of shards, as far as this process has seen. */
  #isDividedOtherwise(): boolean {
    const first = this.#leases[0]?.holder;
    return first !== undefined && shardsOf(first) !== this.shards;
  }

  /**
   * Whether this process may work on a shard whose lease it has just got. A replica that divides the services into another number of shards would work on some of the same.
   * So it waits until none of those is held; where the first shard's is, which decides, it gives up its own. Each writes before it reads, so that of two one sees the other.
   */
  async #isAgreed(shard: number, lease: Lease, until: AbortSignal): Promise<boolean> {
    const { clock, timings, log, transport, namespace } = this.#options;
    const silentSince = new Map<string, { readonly renewed: string; readonly at: number }>();
    for (let said = false; !until.aborted && !lease.signal.aborted;) {
      try {
        const { items } = await transport.list(KINDS.Lease, { namespace, signal: until });
        const others = items.filter((one) => isOfAnotherNumber(one, this.shards));
        if (shard > 0 && others.some(({ metadata }) => metadata.name === leaseName(0))) return false;
        const silent = others.filter((other) => this.#isSilent(other, silentSince));
        // Or each start would have to wait for them.
        for (const other of silent) await this.#clear(other);
        if (silent.length === others.length) return true;
        const leases = others.map(({ metadata }) => metadata.name);
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
  #isSilent(lease: LiveObject, since: Map<string, { readonly renewed: string; readonly at: number }>): boolean {
    const { name, resourceVersion } = lease.metadata;
    const now = this.#options.clock.monotonic();
    const seen = since.get(name);
    if (seen?.renewed === resourceVersion)
      return now - seen.at >= (recordOf(lease).durationSeconds * 1000 || this.#options.timings.durationMs);
    since.set(name, { renewed: resourceVersion, at: now });
    return false;
  }

  /** Throws KubeError, where somebody has written it meanwhile too. */
  async #clear(lease: LiveObject): Promise<void> {
    const { transport, namespace, clock } = this.#options;
    const { uid, resourceVersion, name } = lease.metadata;
    const spec = specOf(released(recordOf(lease), clock.now()));
    await transport.mergePatch({ resource: KINDS.Lease, namespace, name }, { metadata: { uid, resourceVersion }, spec });
  }

  /** At each retry period: hands over what another replica has asked for, and asks for what this one has too little of. */
  async #balance(until: AbortSignal): Promise<void> {
    const { clock, timings, log, identity } = this.#options;
    for (;;) {
      await pause(clock, timings.retryPeriodMs, until);
      if (until.aborted) return;
      if (this.#isDividedOtherwise()) {
        if (this.#terms.size === 0) continue;
        const why = "the services are divided into another number of shards now";
        log.error({ identity, first: this.#leases[0]?.holder }, why);
        this.#ended.abort(new FencedError(`cut off: ${why}`));
        return;
      }
      const holdings = this.#holdings();
      this.#handOver(holdings);
      await this.#askFor(holdings);
    }
  }

  /** Shards by who holds them, as far as this process has seen. */
  #holdings(): ReadonlyMap<string, readonly number[]> {
    const held = this.#leases.flatMap(({ holder }, shard) =>
      holder === undefined || shardsOf(holder) !== this.shards ? [] : [{ holder, shard }],
    );
    return new Map([...Map.groupBy(held, ({ holder }) => holder)].map(([holder, of]) => [holder, of.map(({ shard }) => shard)]));
  }

  /** One at a time: the next is judged by what came of it. */
  #handOver(holdings: ReadonlyMap<string, readonly number[]>): void {
    if ([...this.#terms.values()].some(({ over }) => over.signal.aborted)) return;
    for (const [shard, { lease, over }] of this.#terms) {
      const asker = this.#askerOf(shard, lease.wanted);
      if (asker === undefined || this.#terms.size < (holdings.get(asker)?.length ?? 0) + UNEVEN) continue;
      this.#options.log.info({ shard, to: asker }, "hands a shard over");
      over.abort();
      return;
    }
  }

  /** Undefined: nobody has asked lately. Who asks asks again at each retry period. */
  #askerOf(shard: number, text: string | undefined): string | undefined {
    if (text === undefined) return undefined;
    const { clock, timings } = this.#options;
    const known = this.#questions.get(shard);
    const at = known?.text === text ? known.at : clock.monotonic();
    this.#questions.set(shard, { text, at });
    return clock.monotonic() - at < ASKED_PERIODS * timings.retryPeriodMs ? text.slice(0, text.indexOf(" ")) : undefined;
  }

  async #askFor(holdings: ReadonlyMap<string, readonly number[]>): Promise<void> {
    const { identity } = this.#options;
    const most = [...holdings].filter(([holder]) => holder !== identity).toSorted(([, a], [, b]) => b.length - a.length)[0];
    const wanted = most !== undefined && most[1].length >= this.#terms.size + UNEVEN ? most[1].at(-1) : undefined;
    if (wanted !== undefined) await this.#leases[wanted]?.ask();
  }

  #candidate(shard: number): Lease {
    const { onChange, shards: _, ...options } = this.#options;
    const name = leaseName(shard);
    const ended = (holds: boolean): void => {
      if (!holds) onChange?.(name, false);
    };
    return new Lease({ ...options, name, onChange: ended });
  }
}

/** Held by a replica that divides the services otherwise. */
function isOfAnotherNumber(lease: LiveObject, shards: number): boolean {
  const record = recordOf(lease);
  return LEASE_NAMES.includes(lease.metadata.name) && record.holder !== "" && !isReleased(record) && shardsOf(record.holder) !== shards;
}
