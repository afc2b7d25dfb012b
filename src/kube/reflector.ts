import type { Clock } from "./clock.ts";
import type { ResourceType } from "./kinds.ts";
import type { Log } from "./log.ts";
import type { Store } from "./store.ts";
import type { Transport } from "./transport.ts";

export type ReflectorState = "syncing" | "synced" | "missing";

export interface ReflectorOptions<T> {
  readonly transport: Transport;
  readonly resource: ResourceType;
  readonly store: Store<T, string>;
  readonly labelSelector?: string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

/** Keeps a store equal to a collection of the API server, for ever. */
export declare class Reflector<T> {
  constructor(options: ReflectorOptions<T>);
  readonly resource: ResourceType;
  /** `synced`: the store has once held the whole collection (and may lag). `missing`: the API server does not serve the kind. */
  state(): ReflectorState;
  /** True when synced or missing: nothing is known to be still to come. */
  hasSynced(): boolean;
  /** Seconds since the last frame, bookmarks included; undefined before the first. */
  lastEventAgeSeconds(): number | undefined;
  /** Tries at once what would be tried later: call it when the kind may have appeared. */
  nudge(): void;
  /** Calls `listener` at every change of state. */
  onState(listener: (state: ReflectorState) => void): void;
  /** Runs until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}
