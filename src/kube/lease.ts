import { canonicalJson } from "../crds/canonical.ts";
import { ANNOTATIONS, FIELD_MANAGER } from "../crds/meta.ts";
import { FencedError, KubeError, type Fence } from "../reconcilers/ports.ts";
import { pause, type Clock, type Timer } from "./clock.ts";
import { errorOfFailure } from "./errors.ts";
import { microTime } from "./events.ts";
import { KINDS, apiVersionOf } from "./kinds.ts";
import { acquired, isReleased, recordOf, released, specOf, type LeaseRecord } from "./lease-record.ts";
import type { Log } from "./log.ts";
import type { JsonObject, LiveObject } from "./objects.ts";
import type { Target, Transport } from "./transport.ts";

/** client-go's: how long others wait for a silent holder, how long a holder tries to renew, and how often either is tried. */
export interface LeaseTimings {
  /** Whole seconds. */
  readonly durationMs: number;
  /** Below `durationMs`: the time between is for clocks that do not run alike, and for what is on the wire. */
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

export interface LeaseOptions {
  /** Of its own and without a fence: a renewal waits behind nothing but what is asked about leases. */
  readonly transport: Transport;
  readonly namespace: string;
  readonly name: string;
  /** Of this process alone: one that is started again has another. */
  readonly identity: string;
  readonly timings: LeaseTimings;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Told when this process begins to hold the lease, and when it ceases to. */
  readonly onChange?: (holds: boolean) => void;
}

/** Field manager of what a candidate writes on another's Lease, which tells it from what a holder writes. */
export const CANDIDATE = `${FIELD_MANAGER}-candidate`;

/** Of the retry period: candidates that once collide do not do so for ever. */
const JITTER = 0.2;

/**
 * One process's part in the election of the replica that writes, by client-go's rules on a Lease (leaderelection.go), and the fence of what only its holder may
 * do. A holder counts from when its last accepted write was sent, the others from when they saw that write, each by its own monotonic clock; so the holder stops
 * first. What is lost is lost for good: the process is to end.
 */
export class Lease implements Fence {
  readonly #options: LeaseOptions;
  readonly #target: Target;
  readonly #ended = new AbortController();
  readonly #stopRenewing = new AbortController();
  #state: "candidate" | "holder" | "ended" = "candidate";
  #renewing: Promise<void> | undefined;
  /** Of a holder; monotonic. */
  #holdsUntil = 0;
  #deadline: Timer | undefined;
  /** As a holder last wrote it: the next renewal needs no read. */
  #written: LiveObject | undefined;
  /** The last record of anyone, and when it was first seen; monotonic. */
  #seen: { readonly record: LeaseRecord; readonly at: number } | undefined;
  /** As it was last read or written. */
  #live: LiveObject | undefined;
  /** What made the last try fail. */
  #failure = "";
  /** Why this process does not hold the lease. */
  #why = "is not held by this process";

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#target = { resource: KINDS.Lease, namespace: options.namespace, name: options.name };
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  check(): void {
    if (!this.#holds()) throw new FencedError(`not sent: the lease ${this.#name()} ${this.#why}`);
  }

  /** Resolves when this process holds the lease, which is renewed from then on; to false when `signal` aborts before. Never rejects. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#attempt();
      if (this.#holds()) {
        this.#renewing = this.#renew();
        return true;
      }
      await pause(clock, this.#untilNextTry(), signal);
    }
    return false;
  }

  /** Who has it, as far as this process has seen; undefined: nobody, or whoever had it is silent for so long that anyone may take it. */
  get holder(): string | undefined {
    if (this.#state === "ended" || this.#seen === undefined || this.#seen.record.holder === "") return undefined;
    if (this.#state !== "holder" && this.#options.clock.monotonic() >= this.#freeAt()) return undefined;
    return this.#seen.record.holder;
  }

  /** What the holder, this process, was asked with to hand it over: who asked, and something that is new at each time. */
  get wanted(): string | undefined {
    return this.#state === "holder" ? this.#live?.metadata.annotations?.[ANNOTATIONS.wantedBy] : undefined;
  }

  /** Asks whoever holds it to hand it over to this process, with the time, so that an old question shows. Never rejects. */
  async ask(): Promise<void> {
    const { identity, log, transport, clock } = this.#options;
    if (this.#live === undefined || this.#state !== "candidate") return;
    const { uid } = this.#live.metadata;
    try {
      const metadata = { uid, annotations: { [ANNOTATIONS.wantedBy]: `${identity} ${microTime(clock.now())}` } };
      this.#live = await transport.mergePatch(this.#target, { metadata }, CANDIDATE);
    } catch (cause) {
      log.debug({ lease: this.#name(), error: errorOfFailure("ask", cause).message }, "the lease could not be asked for; tried again");
    }
  }

  /** Renews it no more: it runs out, for those who cannot say that everything which it guards has ended. */
  abandon(): void {
    this.#stopRenewing.abort();
  }

  /** Gives it up, so that nobody has to wait for it. Call it when everything that it guards has ended. Never rejects: what cannot be released runs out. */
  async release(): Promise<void> {
    this.#stopRenewing.abort();
    await this.#renewing;
    if (!this.#holds()) return;
    this.#end("was released by this process");
    const { transport, identity, clock, log } = this.#options;
    try {
      const live = await transport.get(this.#target);
      const record = recordOf(live);
      if (record.holder === identity) await this.#patch(live, released(record, clock.now()));
      log.info({ lease: this.#name() }, "the lease is released");
    } catch (cause) {
      log.warn(
        { lease: this.#name(), error: errorOfFailure("release", cause).message },
        "the lease is not released; it runs out by itself",
      );
    }
  }

  /** Asks the clock and not a timer: after a pause of the whole process timers come late. */
  #holds(): boolean {
    if (this.#state !== "holder") return false;
    if (this.#options.clock.monotonic() < this.#holdsUntil) return true;
    const seconds = String(this.#options.timings.renewDeadlineMs / 1000);
    this.#lose(`was not renewed for ${seconds} s${this.#failure === "" ? "" : ` (${this.#failure})`}`);
    return false;
  }

  async #renew(): Promise<void> {
    const { clock, timings } = this.#options;
    const stop = AbortSignal.any([this.#stopRenewing.signal, this.signal]);
    for (;;) {
      await pause(clock, timings.retryPeriodMs, stop);
      if (stop.aborted || !this.#holds()) return;
      await this.#attempt();
    }
  }

  /** One try to take or to keep it. */
  async #attempt(): Promise<void> {
    try {
      if (this.#written === undefined || !(await this.#renewUnread(this.#written))) await this.#readAndWrite();
      this.#failure = "";
    } catch (cause) {
      const error = errorOfFailure("lease", cause);
      this.#failure = error.message;
      const level = error.class === "conflict" || error.class === "alreadyExists" ? "debug" : "warn";
      const hint =
        error.class === "denied" ? "; its Role grants the operator the leases platform-operator and platform-operator-shard-1 to 15" : "";
      this.#options.log[level]({ lease: this.#name(), class: error.class, error: error.message }, `the lease is tried again${hint}`);
    }
  }

  /** As long as nobody else writes it, a renewal is one request. False: somebody did. */
  async #renewUnread(written: LiveObject): Promise<boolean> {
    try {
      await this.#write((record) => this.#patch(written, { ...recordOf(written), renewTime: record.renewTime }));
      return true;
    } catch (error) {
      if (!(error instanceof KubeError) || (error.class !== "conflict" && error.class !== "notFound")) throw error;
      this.#written = undefined;
      return false;
    }
  }

  async #readAndWrite(): Promise<void> {
    const live = await this.#read();
    if (live !== undefined) this.#see(live);
    const record = this.#seen?.record;
    // Ours: a write of ours whose answer was lost, or somebody has touched, or deleted, what we hold.
    const ours = record?.holder === this.#options.identity ? record : undefined;
    if (ours === undefined && this.#state === "holder") {
      this.#lose(record === undefined || record.holder === "" ? "was taken from this process" : `is held by ${record.holder}`);
      return;
    }
    // One that was deleted is waited for as well: its holder may not know yet.
    if (ours === undefined && this.#options.clock.monotonic() < this.#freeAt()) return;
    await this.#write((fresh) => {
      const { acquireTime, transitions } = ours ?? { ...fresh, transitions: record === undefined ? 0 : record.transitions + 1 };
      const next = { ...fresh, acquireTime, transitions };
      if (live === undefined) return this.#create(next);
      // Whoever asked the one before for it is answered by that one's end.
      const metadata = ours === undefined ? { annotations: { [ANNOTATIONS.wantedBy]: null } } : {};
      return this.#patch(live, next, metadata);
    });
  }

  /** Holds from the moment at which what the API server then accepts was sent. */
  async #write(send: (fresh: LeaseRecord) => Promise<LiveObject>): Promise<void> {
    const { identity, timings, clock } = this.#options;
    const until = clock.monotonic() + timings.renewDeadlineMs;
    const live = await send(acquired(identity, timings.durationMs, clock.now()));
    // An answer that came too late for a candidate makes no holder: the next try will find the record to be ours.
    if (this.#state === "candidate" ? clock.monotonic() >= until : !this.#holds()) return;
    this.#written = live;
    this.#see(live);
    this.#holdsUntil = until;
    this.#deadline?.cancel();
    this.#deadline = clock.after(until - clock.monotonic(), () => void this.#holds());
    if (this.#state === "holder") return;
    this.#state = "holder";
    this.#options.log.info(
      { lease: this.#name(), identity, transitions: recordOf(live).transitions },
      "the lease is held: this process leads",
    );
    this.#options.onChange?.(true);
  }

  #see(live: LiveObject): void {
    this.#live = live;
    const record = recordOf(live);
    const before = this.#seen?.record;
    if (before !== undefined && canonicalJson(before) === canonicalJson(record)) return;
    this.#seen = { record, at: this.#options.clock.monotonic() };
    const { holder } = record;
    if (this.#state !== "candidate" || ["", before?.holder, this.#options.identity].includes(holder)) return;
    this.#options.log.info({ lease: this.#name(), holder }, "stands by for the lease");
  }

  /** When a candidate may take what it has seen; monotonic. */
  #freeAt(): number {
    if (this.#seen === undefined || isReleased(this.#seen.record)) return 0;
    return this.#seen.at + (this.#seen.record.durationSeconds * 1000 || this.#options.timings.durationMs);
  }

  /** A retry period with jitter, or less where the lease runs out before. */
  #untilNextTry(): number {
    const { timings, random, clock } = this.#options;
    const period = timings.retryPeriodMs * (1 + JITTER * random());
    const free = this.#freeAt() - clock.monotonic();
    return free > 0 ? Math.min(free, period) : period;
  }

  #lose(why: string): void {
    this.#options.log.error({ lease: this.#name(), identity: this.#options.identity }, `the lease is lost: it ${why}`);
    this.#end(why);
  }

  #end(why: string): void {
    this.#state = "ended";
    this.#why = why;
    this.#deadline?.cancel();
    this.#ended.abort(new FencedError(`cut off: the lease ${this.#name()} ${why}`));
    this.#options.onChange?.(false);
  }

  async #read(): Promise<LiveObject | undefined> {
    try {
      return await this.#options.transport.get(this.#target);
    } catch (error) {
      if (error instanceof KubeError && error.class === "notFound") return undefined;
      throw error;
    }
  }

  #create(record: LeaseRecord): Promise<LiveObject> {
    const { name, namespace, resource } = this.#target;
    const object = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name, namespace }, spec: specOf(record) };
    return this.#options.transport.create({ resource, namespace }, object);
  }

  /** A conflict where anyone has written it since `live`. */
  #patch({ metadata: { uid, resourceVersion } }: LiveObject, record: LeaseRecord, metadata: JsonObject = {}): Promise<LiveObject> {
    return this.#options.transport.mergePatch(this.#target, { metadata: { ...metadata, uid, resourceVersion }, spec: specOf(record) });
  }

  #name(): string {
    return `${this.#target.namespace}/${this.#target.name}`;
  }
}
