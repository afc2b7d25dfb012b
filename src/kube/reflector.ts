import type { KubeError } from "../reconcilers/ports.ts";
import { pause, type Clock } from "./clock.ts";
import { NotServedError, errorOfFailure } from "./errors.ts";
import { apiVersionOf, resourceName, type ResourceType } from "./kinds.ts";
import type { Log } from "./log.ts";
import type { Sink, Snapshot } from "./store.ts";
import type { Transport, WatchFrame } from "./transport.ts";

/** `synced`: the store has once held the whole collection (and may lag). `missing`: the API server does not serve the kind. */
export type ReflectorState = "syncing" | "synced" | "missing";

export interface ReflectorOptions<T> {
  readonly transport: Transport;
  readonly resource: ResourceType;
  readonly store: Sink<T>;
  readonly labelSelector?: string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Without a frame for so long a watch's connection is taken for dead; default SILENCE_MS. */
  readonly silenceMs?: number;
}

/** A watch ends after 5 to 10 minutes: jittered, so that not all come back at once (client-go's minWatchTimeout). */
const SHORTEST_WATCH_S = 300;
/** Bookmarks come about once a minute; after two and a half without a frame the connection is taken for dead. */
export const SILENCE_MS = 150_000;
/** Back-off with full jitter: between nothing and 250 ms · 2ⁿ; at most 10 s, so that a short outage is not followed by a long one of our own. */
const BASE_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** A kind that is not served is asked for this often, halved to fully jittered; `nudge` asks at once. */
const MISSING_RETRY_MS = 60_000;
/** A watch that ends sooner than this, without a frame, counts as a failure: no hot loop. */
const SHORTEST_USEFUL_WATCH_MS = 1_000;
/** A collection that expires is read anew at once, unless it was read only so long ago: no hot loop. */
const SHORTEST_USEFUL_LIST_MS = 30_000;
/** A watch that failed after it had lasted this long begins a new row of failures. */
const STEADY_WATCH_MS = 30_000;
/** After so many streams that ended before the initial events did, the collection is listed instead. */
const STREAMED_LIST_ATTEMPTS = 2;

/** Keeps a store equal to a collection of the API server, for ever: whatever fails, it tries again. */
export class Reflector<T> {
  readonly resource: ResourceType;
  readonly #options: ReflectorOptions<T>;
  #state: ReflectorState = "syncing";
  #lastFrameAt: number | undefined;
  /** Where to watch on from; undefined: read everything anew. */
  #position: string | undefined;
  #failures = 0;
  #watchStartedAt = 0;
  /** When the whole collection was last read. */
  #committedAt = Number.NEGATIVE_INFINITY;
  #streamedListFailures = 0;
  #streamedListRefused = false;
  #wake: (() => void) | undefined;
  #nudged = false;
  readonly #stateListeners: ((state: ReflectorState) => void)[] = [];

  constructor(options: ReflectorOptions<T>) {
    this.resource = options.resource;
    this.#options = options;
  }

  state(): ReflectorState {
    return this.#state;
  }

  /** True when synced or missing: nothing is known to be still to come. */
  hasSynced(): boolean {
    return this.#state !== "syncing";
  }

  /** Seconds since the last frame, bookmarks included; undefined before the first, and of a kind that is not served. */
  lastEventAgeSeconds(): number | undefined {
    return this.#lastFrameAt === undefined ? undefined : (this.#options.clock.monotonic() - this.#lastFrameAt) / 1000;
  }

  /** Tries at once what would be tried later: call it when the kind may have appeared. */
  nudge(): void {
    this.#nudged = true;
    this.#wake?.();
  }

  /** Calls `listener` at every change of state. */
  onState(listener: (state: ReflectorState) => void): void {
    this.#stateListeners.push(listener);
  }

  /** Runs until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#nudged = false;
      let delay = 0;
      try {
        await this.#follow(signal);
      } catch (cause) {
        if (signal.aborted) return;
        delay = this.#afterFailure(cause);
      }
      if (delay > 0 && !this.#nudged) await pause(this.#options.clock, delay, signal, (wake) => (this.#wake = wake));
      this.#wake = undefined;
    }
  }

  /** One watch, with a list before it where one is needed; returns when the server ends the watch. */
  async #follow(signal: AbortSignal): Promise<void> {
    if (this.#position === undefined && this.#mustList()) {
      const { transport, labelSelector } = this.#options;
      const list = await transport.list(this.resource, { labelSelector, signal });
      this.#lastFrameAt = this.#options.clock.monotonic();
      const snapshot = this.#options.store.begin();
      for (const item of list.items) this.#guarded(() => snapshot.add(item));
      this.#commit(snapshot, list.resourceVersion);
    }
    const started = this.#options.clock.monotonic();
    this.#watchStartedAt = started;
    const frames = await this.#watch(signal);
    if (this.#position === undefined) {
      this.#streamedListFailures++;
      throw errorOfFailure("watch", new Error("the watch ended before its initial events did"));
    }
    if (frames === 0 && this.#options.clock.monotonic() - started < SHORTEST_USEFUL_WATCH_MS) {
      throw errorOfFailure("watch", new Error("the watch ended as soon as it began"));
    }
    this.#failures = 0;
  }

  #mustList(): boolean {
    return this.#streamedListRefused || this.#streamedListFailures >= STREAMED_LIST_ATTEMPTS;
  }

  /** Resolves to the number of frames. */
  async #watch(signal: AbortSignal): Promise<number> {
    const { transport, clock, random, labelSelector, silenceMs = SILENCE_MS } = this.#options;
    const snapshot = this.#position === undefined ? this.#options.store.begin() : undefined;
    const cut = new AbortController();
    let frames = 0;
    let alive = true;
    const silent = (): void => {
      alive = false;
      cut.abort(new Error(`no frame for ${silenceMs / 1000} s`));
    };
    let liveness = clock.after(silenceMs, silent);
    try {
      const stream = transport.watch(this.resource, {
        labelSelector,
        resourceVersion: this.#position,
        sendInitialEvents: snapshot !== undefined,
        timeoutSeconds: Math.round(SHORTEST_WATCH_S * (1 + random())),
        signal: AbortSignal.any([signal, cut.signal]),
      });
      for await (const frame of stream) {
        liveness.cancel();
        liveness = clock.after(silenceMs, silent);
        frames++;
        this.#lastFrameAt = clock.monotonic();
        if (snapshot !== undefined && this.#position === undefined) this.#collect(frame, snapshot);
        else this.#take(frame);
      }
      return frames;
    } finally {
      liveness.cancel();
      if (!alive) await transport.resetWatches();
    }
  }

  /** A frame of WatchList's beginning: kept aside until the bookmark that says it is complete. */
  #collect(frame: WatchFrame, snapshot: Snapshot): void {
    if (frame.type === "BOOKMARK") {
      if (frame.initialEventsEnd) this.#commit(snapshot, frame.resourceVersion);
    } else if (frame.type === "DELETED") {
      snapshot.drop(frame.object);
    } else {
      this.#guarded(() => snapshot.add(frame.object));
    }
  }

  #take(frame: WatchFrame): void {
    switch (frame.type) {
      case "BOOKMARK":
        this.#position = frame.resourceVersion;
        this.#options.store.advance(frame.resourceVersion);
        return;
      case "ADDED":
      case "MODIFIED":
        this.#position = frame.object.metadata.resourceVersion;
        this.#guarded(() => this.#options.store.upsert(frame.object));
        return;
      case "DELETED":
        this.#position = frame.object.metadata.resourceVersion;
        this.#guarded(() => this.#options.store.remove(frame.object));
        return;
      default:
        frame satisfies never;
    }
  }

  #commit(snapshot: Snapshot, resourceVersion: string): void {
    this.#position = resourceVersion;
    this.#committedAt = this.#options.clock.monotonic();
    this.#streamedListFailures = 0;
    this.#guarded(() => snapshot.commit(resourceVersion));
    this.#setState("synced");
  }

  /** Milliseconds to wait before the next try. */
  #afterFailure(cause: unknown): number {
    const { clock, random, log } = this.#options;
    const error = errorOfFailure("watch", cause);
    const fields = { resource: resourceName(this.resource), class: error.class, error: error.message };
    if (error instanceof NotServedError) {
      this.#position = undefined;
      this.#lastFrameAt = undefined;
      if (this.#state !== "missing") {
        log.info(fields, `the API server does not serve ${this.resource.kind} of ${apiVersionOf(this.resource)}`);
        this.#guarded(() => this.#options.store.begin().commit("0"));
        this.#setState("missing");
      }
      return MISSING_RETRY_MS * (0.5 + random() / 2);
    }
    if (this.#startsAnew(error)) {
      const expired = this.#position !== undefined && error.class === "expired";
      this.#position = undefined;
      if (expired && clock.monotonic() - this.#committedAt > SHORTEST_USEFUL_LIST_MS) return BASE_DELAY_MS * random();
    }
    if (clock.monotonic() - this.#watchStartedAt > STEADY_WATCH_MS) this.#failures = 0;
    const ceiling = Math.min(LONGEST_DELAY_MS, BASE_DELAY_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures++;
    log[this.#failures > 3 ? "warn" : "debug"](fields, "a watch was interrupted; it is resumed");
    return Math.max(error.retryAfterMs ?? 0, ceiling * random());
  }

  /** Whether the position is of no use any more. */
  #startsAnew(error: KubeError): boolean {
    // 504: the server has not reached our revision and will not: etcd was restored to an older state.
    if (error.class === "expired" || error.status === 504) return true;
    // An API server without WatchList refuses the parameter.
    if (error.class === "invalid" && this.#position === undefined) this.#streamedListRefused = true;
    return error.class === "invalid" || error.class === "unexpected";
  }

  /** What a reader of the store does wrong must not end the watch. */
  #guarded(change: () => void): void {
    try {
      change();
    } catch (error) {
      this.#options.log.error({ resource: resourceName(this.resource), err: error }, "a change could not be taken in");
    }
  }

  #setState(state: ReflectorState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#stateListeners) this.#guarded(() => listener(state));
  }
}
