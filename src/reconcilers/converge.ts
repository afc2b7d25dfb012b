import type { Difference, Identified } from "../crds/desired.ts";
import { keyString, type ObjectKey } from "../crds/meta.ts";
import { hashOf } from "./hash.ts";
import { AwsError, type AwsErrorClass, type ExternalRemoval, type ExternalResource } from "./ports.ts";

/** What became of one AWS object. */
export type Converged<Observed> =
  /**
   * As desired. `seenAs`: names what that is, and which object of that name it was (ExternalResource.revision; undefined where AWS does not tell). `corrected` is empty where nothing was
   * put right; `created`: it was not there. `unasked`: AWS was not asked of this object, which is remembered, or was in a bulk read.
   */
  | {
      readonly state: "asDesired";
      readonly observed: Observed;
      readonly seenAs: string | undefined;
      readonly corrected: readonly Difference[];
      readonly unasked: "remembered" | "inBulk" | undefined;
      readonly created: boolean;
    }
  | { readonly state: "foreign"; readonly owner: string }
  /** Present and ours, but it still differs after an update: the differences that AWS cannot change. */
  | { readonly state: "stuck"; readonly observed: Observed; readonly differences: readonly Difference[] }
  /** Only looked at: it would have been written. `observed` is undefined where there is no such object. */
  | { readonly state: "withheld"; readonly observed: Observed | undefined; readonly differences: readonly Difference[] };

/**
 * What AWS is asked first of an object that this process has not seen. Where there has been none a creation costs one call instead of two, and where there is one it changes nothing: AWS
 * refuses a second of that name.
 */
export type FirstCall =
  | "read"
  | "create"
  /** What it was when it was last seen as desired. Where it is that still, what a bulk read tells of it is enough (Converger.prime); else it is read. */
  | { readonly seenAs: string };

/** What a step asks of AWS: one object made as desired, or, in a pass that must not write, held against it. */
export interface Converging<D extends Identified, O> {
  readonly resource: Pick<ExternalResource<D, O>, "group" | "kind" | "differences">;
  /** `first`: default `read`. */
  converge(desired: D, first?: FirstCall): Promise<Converged<O>>;
  /** Deletes what is no longer wished for, if it is ours. `withheld`: it is there, in a pass that must not write. */
  retire(target: Identified): Promise<ExternalRemoval | { readonly state: "withheld" }>;
  /** The next pass reads it afresh, and retires it afresh. */
  forget(name: string): void;
  /** The same of all that a service has, or had. */
  forgetOwnedBy(owner: ObjectKey): void;
}

interface Wish<D> {
  readonly desired: D;
  readonly desiredHash: string;
}

interface Remembered<D, O> extends Wish<D> {
  readonly seen: Extract<Converged<O>, { state: "asDesired" | "withheld" }>;
}

/** What a process knows of a kind that remembers nothing yet. */
interface Primed<O> {
  /** By name; empty until it comes. */
  objects: ReadonlyMap<string, O>;
  waited: Promise<void>;
  /** Names that were looked at, made, deleted or forgotten since. */
  readonly spent: Set<string>;
  /** Owners that have asked to be read afresh since. */
  readonly afresh: Set<string>;
}

/**
 * Makes AWS objects of one kind as desired, and remembers what it has seen, so that most passes make no AWS call: an object is read
 * when its desired hash changed, when this process has not yet seen it, be it in bulk, or when the sweep forgot it.
 */
export class Converger<D extends Identified, O> implements Converging<D, O> {
  readonly resource: ExternalResource<D, O>;
  /** By name; the longest unread first. */
  readonly #memory = new Map<string, Remembered<D, O>>();
  /** What is wished for no longer: whose it was, and what became of it. */
  readonly #retired = new Map<string, { readonly owner: ObjectKey; readonly removal: ExternalRemoval }>();
  #primed: Primed<O> | undefined;
  /** Of what was forgotten in its turn, what the bulk read of the last sweep told. */
  readonly #told = new Map<string, Wish<D> & { readonly observed: O }>();

  constructor(resource: ExternalResource<D, O>) {
    this.resource = resource;
  }

  async converge(desired: D, first: FirstCall = "read"): Promise<Converged<O>> {
    this.#retired.delete(desired.name);
    const desiredHash = hashOf(desired);
    const known = this.#memory.get(desired.name);
    if (known?.desiredHash === desiredHash && known.seen.state === "asDesired") return remembered(known.seen);
    return this.#remember(desired, { desiredHash, first }, (told) =>
      makeAsDesired(this.resource, { desired, desiredHash }, { first, told }),
    );
  }

  /**
   * For a process that begins and remembers nothing: at the first look at an object that was last seen as it is desired now, and of which this bulk read tells nothing else, it is not read by
   * itself, and counts as what a sweep has seen. Nothing is written because of it. `bulk` never rejects; it is waited for no longer than `late`, and used if it comes after that, until `over`.
   */
  prime(bulk: Promise<ReadonlyMap<string, O>>, { late, over }: { readonly late: Promise<void>; readonly over: Promise<void> }): void {
    const primed: Primed<O> = { objects: new Map(), waited: Promise.resolve(), spent: new Set(), afresh: new Set() };
    const arrived = bulk.then((objects) => void (primed.objects = objects));
    primed.waited = Promise.race([arrived, late]);
    this.#primed = primed;
    void this.#forgetPrimed(primed, over);
  }

  async #forgetPrimed(primed: Primed<O>, over: Promise<void>): Promise<void> {
    await over;
    if (this.#primed === primed) this.#primed = undefined;
  }

  async #takePrimed({ desired, desiredHash }: Wish<D>, first: FirstCall): Promise<AsDesired<O> | undefined> {
    const { name, owner } = desired;
    const primed = this.#primed;
    if (primed === undefined || primed.spent.has(name)) return undefined;
    primed.spent.add(name);
    if (typeof first === "string" || primed.afresh.has(keyString(owner))) return undefined;
    await primed.waited;
    // A sweep has read them meanwhile.
    if (this.#primed !== primed) return undefined;
    const live = primed.objects.get(name);
    if (live === undefined) return undefined;
    const found = asFound(this.resource, live, desiredHash);
    if (found.seenAs !== first.seenAs || this.resource.differences(desired, live).length > 0) return undefined;
    return { ...found, unasked: "inBulk" };
  }

  /** As `converge`, but writes nothing. What differs is remembered as well, until the next sweep, so that it is not read at every pass. */
  async look(desired: D, first: FirstCall = "read"): Promise<Converged<O>> {
    const desiredHash = hashOf(desired);
    const known = this.#memory.get(desired.name);
    if (known?.desiredHash === desiredHash) return known.seen.state === "asDesired" ? remembered(known.seen) : known.seen;
    return this.#remember(desired, { desiredHash, first }, (told) => compare(this.resource, { desired, desiredHash }, told));
  }

  /** What `ask` is answered, which is not called where what was read in bulk is enough. */
  async #remember(
    desired: D,
    { desiredHash, first }: { readonly desiredHash: string; readonly first: FirstCall },
    ask: (told: O | undefined) => Promise<Converged<O>>,
  ): Promise<Converged<O>> {
    this.#memory.delete(desired.name);
    const told = this.#takeTold(desired.name, desiredHash);
    const seen = (await this.#takePrimed({ desired, desiredHash }, first)) ?? (await ask(told));
    if (seen.state === "asDesired" || seen.state === "withheld") this.#memory.set(desired.name, { desired, desiredHash, seen });
    return seen;
  }

  /** Of one wish, and of one reading: a read that fails is made in whole. */
  #takeTold(name: string, desiredHash: string): O | undefined {
    const told = this.#told.get(name);
    this.#told.delete(name);
    return told?.desiredHash === desiredHash ? told.observed : undefined;
  }

  /** What is gone, or is others', is remembered: later calls ask AWS no more. */
  async retire(target: Identified): Promise<ExternalRemoval> {
    const known = this.#retired.get(target.name);
    if (known) return known.removal;
    this.#primed?.spent.add(target.name);
    this.#memory.delete(target.name);
    this.#told.delete(target.name);
    const removal = await this.resource.delete({ ...target, force: false });
    if (removal.state === "gone" || removal.state === "foreign") this.#retired.set(target.name, { owner: target.owner, removal });
    return removal;
  }

  /** As `retire`, but writes nothing: `withheld` where that would delete. */
  async lookRetired(target: Identified): Promise<ExternalRemoval | { readonly state: "withheld" }> {
    const known = this.#retired.get(target.name);
    if (known) return known.removal;
    const { state } = await this.resource.observe(target);
    if (state === "present") return { state: "withheld" };
    const removal: ExternalRemoval = { state: state === "absent" ? "gone" : "foreign" };
    this.#retired.set(target.name, { owner: target.owner, removal });
    return removal;
  }

  forget(name: string): void {
    this.#primed?.spent.add(name);
    this.#memory.delete(name);
    this.#told.delete(name);
    this.#retired.delete(name);
  }

  /**
   * Of a service that asks to be read afresh; or is gone: what is kept of it in AWS may change unseen, and a service of that name must find
   * it as it is.
   */
  forgetOwnedBy(owner: ObjectKey): void {
    this.#primed?.afresh.add(keyString(owner));
    for (const memory of [this.#memory, this.#told])
      for (const [name, { desired }] of memory) if (keyString(desired.owner) === keyString(owner)) memory.delete(name);
    for (const [name, retired] of this.#retired) if (keyString(retired.owner) === keyString(owner)) this.#retired.delete(name);
  }

  /**
   * Holds a bulk read against what was last seen as desired; forgets what is gone or differs and returns whose it is. So it does with what
   * was only looked at and differed: somebody may have put it right. What is not in memory needs no look: its next pass reads it anyway.
   */
  sweep(bulk: ReadonlyMap<string, O>): ObjectKey[] {
    this.#primed = undefined;
    this.#told.clear();
    const changed: ObjectKey[] = [];
    for (const [name, { desired, seen }] of this.#memory) {
      const live = bulk.get(name);
      if (seen.state === "asDesired" && live !== undefined && this.#isAsSeen(desired, seen.observed, live)) continue;
      this.#memory.delete(name);
      changed.push(desired.owner);
    }
    return changed;
  }

  #isAsSeen(desired: D, seen: O, live: O): boolean {
    const revision = this.resource.revision?.(seen);
    if (revision !== undefined && revision !== this.resource.revision?.(live)) return false;
    return this.resource.differences(desired, live).length === 0;
  }

  /** Forgets the object that was read the longest ago, and returns whose it was: what no bulk read tells is so read round-robin. `bulk`: what it was just held against, which is not read again. */
  forgetOldest(bulk?: ReadonlyMap<string, O>): ObjectKey | undefined {
    const oldest = this.#memory.entries().next().value;
    if (!oldest) return undefined;
    const [name, { desired, desiredHash }] = oldest;
    this.#memory.delete(name);
    const observed = bulk?.get(name);
    if (observed !== undefined) this.#told.set(name, { desired, desiredHash, observed });
    return desired.owner;
  }

  /** How many objects are remembered. */
  get size(): number {
    return this.#memory.size;
  }
}

type AsDesired<O> = Extract<Converged<O>, { state: "asDesired" }>;

function remembered<O>(seen: AsDesired<O>): Converged<O> {
  return { ...seen, corrected: [], unasked: "remembered", created: false };
}

async function compare<D extends Identified, O>(
  resource: ExternalResource<D, O>,
  { desired, desiredHash }: Wish<D>,
  told: O | undefined,
): Promise<Converged<O>> {
  const observation = await resource.observe(desired, told);
  if (observation.state === "absent") return { state: "withheld", observed: undefined, differences: [] };
  if (observation.state === "foreign") return observation;
  const { observed } = observation;
  const differences = resource.differences(desired, observed);
  return differences.length === 0 ? asFound(resource, observed, desiredHash) : { state: "withheld", observed, differences };
}

function asFound<O>(resource: Pick<ExternalResource<never, O>, "revision">, observed: O, desiredHash: string): AsDesired<O> {
  const revision = resource.revision?.(observed);
  const seenAs = revision === undefined ? undefined : hashOf([desiredHash, revision]);
  return { state: "asDesired", observed, seenAs, corrected: [], unasked: undefined, created: false };
}

/** A creation that fails so does not say that there is none: AWS looks at rights, quotas and values before names. */
const SILENT_ABOUT_NAMES: ReadonlySet<AwsErrorClass> = new Set(["denied", "overQuota", "invalid"]);

/** Creation is tried by whoever finds it absent, or may not have to look; "exists" means observe again and check whose it is, never adopt. */
async function makeAsDesired<D extends Identified, O>(
  resource: ExternalResource<D, O>,
  { desired, desiredHash }: Wish<D>,
  { first, told }: { readonly first: FirstCall; readonly told: O | undefined },
): Promise<Converged<O>> {
  let observation = first === "create" ? undefined : await resource.observe(desired, told);
  if (observation === undefined || observation.state === "absent") {
    try {
      const observed = await resource.create(desired);
      return { ...asFound(resource, observed, desiredHash), created: true };
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      if (error.class !== "exists" && (observation !== undefined || !SILENT_ABOUT_NAMES.has(error.class))) throw error;
      observation = await resource.observe(desired);
      if (observation.state === "absent") throw error;
    }
  }
  if (observation.state === "foreign") return observation;
  const differences = resource.differences(desired, observation.observed);
  if (differences.length === 0) return asFound(resource, observation.observed, desiredHash);
  const observed = await resource.update(desired, observation.observed, differences);
  const remaining = resource.differences(desired, observed);
  return remaining.length === 0
    ? { ...asFound(resource, observed, desiredHash), corrected: differences }
    : { state: "stuck", observed, differences: remaining };
}
