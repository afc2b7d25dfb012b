import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import type { LiveObject } from "./objects.ts";
import type { Transport } from "./transport.ts";

export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Pick<LiveObject["metadata"], "name" | "namespace" | "uid" | "resourceVersion">;
}

export interface EventRecorderOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  /** The pod's name, or the host's. */
  readonly instance: string;
  /** Told of each event that could not be written. */
  readonly onFailure?: () => void;
}

export interface EventFields {
  readonly type: "Normal" | "Warning";
  /** CamelCase. */
  readonly reason: string;
  /** What was done or seen, CamelCase; as `Reconcile`. */
  readonly action: string;
  readonly note: string;
}

/** Writes events.k8s.io/v1 events; never throws. */
export declare class EventRecorder {
  constructor(options: EventRecorderOptions);
  /** Call it on a transition. The same (subject, type, reason, note) again becomes a series of one event. */
  record(subject: EventSubject, fields: EventFields): Promise<void>;
}
