import { createHash } from "node:crypto";
import { FIELD_MANAGER } from "../crds/meta.ts";
import { KubeError } from "../reconcilers/ports.ts";
import { pause, type Clock } from "./clock.ts";
import { errorOfFailure } from "./errors.ts";
import { KINDS } from "./kinds.ts";
import type { Log } from "./log.ts";
import { isJsonObject, type JsonObject, type LiveObject } from "./objects.ts";
import type { Target, Transport } from "./transport.ts";

/** What an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

export interface EventFields {
  readonly type: "Normal" | "Warning";
  /** CamelCase. */
  readonly reason: string;
  /** What was being done, CamelCase; as `Reconcile`. */
  readonly action: string;
  readonly note: string;
}

export interface EventRecorderOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  /** The pod's name, or the host's. */
  readonly instance: string;
  /** Told of each event that could not be written, or was lost. */
  readonly onFailure?: () => void;
}

/** events.k8s.io/v1 validation. */
const LONGEST_NOTE = 1024;
const LONGEST_INSTANCE = 128;
/** Events about cluster-scoped objects may live only here. */
const CLUSTER_NAMESPACE = "default";
/** client-go's maxLruCacheEntries. */
const MOST_REMEMBERED = 4096;
/** client-go's maxQueuedEvents. */
const MOST_WAITING = 1000;

/** An event as it was last written. */
interface Series {
  readonly count: number;
  readonly resourceVersion: string;
}

/** An event that is to be written. */
interface Recorded {
  readonly subject: EventSubject;
  readonly fields: EventFields;
  /** metav1.MicroTime. */
  readonly time: string;
}

/** Writes events.k8s.io/v1 events one at a time, in the order recorded, so that they do not compete with what they tell of; never throws. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #waiting: Recorded[] = [];
  /** Runs while something waits or is being written. */
  #writing: Promise<void> | undefined;
  /** Since it was last logged. */
  #lost = 0;
  /** By the event's name; the longest unused first. Saves a creation that is refused and a read. */
  readonly #written = new Map<string, Series>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /**
   * Call it on a transition. The same fields of the same subject again become a series of the one event, as long as that lives. What comes while a thousand wait is lost.
   */
  record(subject: EventSubject, fields: EventFields): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#lose(1);
      return;
    }
    this.#waiting.push({ subject, fields, time: microTime(this.#options.clock.now()) });
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when what was recorded is written, or has failed. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** As flush, but after `ms`, or when the signal aborts, what still waits is lost. */
  async end(ms: number, signal: AbortSignal): Promise<void> {
    const flushed = new AbortController();
    void this.flush().then(() => flushed.abort());
    await pause(this.#options.clock, ms, AbortSignal.any([flushed.signal, signal]));
    this.#lose(this.#waiting.splice(0).length);
    this.#tellLost();
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) await this.#writeOne(next);
    this.#writing = undefined;
    this.#tellLost();
  }

  #lose(events: number): void {
    this.#lost += events;
    for (let event = 0; event < events; event++) this.#options.onFailure?.();
  }

  /** Not for each: where events are lost they are many. */
  #tellLost(): void {
    if (this.#lost === 0) return;
    this.#options.log.warn({ lost: this.#lost }, "events were lost: more were recorded than could be written in time");
    this.#lost = 0;
  }

  async #writeOne(recorded: Recorded): Promise<void> {
    const { subject, fields } = recorded;
    const namespace = subject.metadata.namespace ?? CLUSTER_NAMESPACE;
    const name = eventName(subject, fields);
    try {
      await this.#write(namespace, name, recorded);
    } catch (cause) {
      const error = errorOfFailure("event", cause);
      this.#options.log.warn(
        { event: `${namespace}/${name}`, reason: fields.reason, error: error.message },
        "an event could not be written",
      );
      this.#options.onFailure?.();
    }
  }

  async #write(namespace: string, name: string, recorded: Recorded): Promise<void> {
    const { time } = recorded;
    const target = { resource: KINDS.Event, namespace, name };
    const known = this.#written.get(name);
    if (known !== undefined) {
      this.#written.delete(name);
      try {
        await this.#continue(target, known, time);
        return;
      } catch (error) {
        // It has expired, or another process has written it.
        if (!(error instanceof KubeError) || (error.class !== "notFound" && error.class !== "conflict")) throw error;
      }
    }
    try {
      this.#remember(name, 1, await this.#options.transport.create({ resource: KINDS.Event, namespace }, this.#event(target, recorded)));
    } catch (error) {
      if (!(error instanceof KubeError) || error.class !== "alreadyExists") throw error;
      await this.#continue(target, { count: seriesCount(await this.#options.transport.get(target)) }, time);
    }
  }

  /** Once more what is there; a conflict where it is of another revision than the given one. */
  async #continue(target: Target, { count, resourceVersion }: Partial<Series> & Pick<Series, "count">, time: string): Promise<void> {
    const series = { series: { count: count + 1, lastObservedTime: time } };
    const patch = resourceVersion === undefined ? series : { metadata: { resourceVersion }, ...series };
    this.#remember(target.name, count + 1, await this.#options.transport.mergePatch(target, patch));
  }

  #remember(name: string, count: number, { metadata: { resourceVersion } }: LiveObject): void {
    this.#written.set(name, { count, resourceVersion });
    const [oldest] = this.#written.keys();
    if (oldest !== undefined && this.#written.size > MOST_REMEMBERED) this.#written.delete(oldest);
  }

  #event({ namespace, name }: Target, { subject, fields, time }: Recorded): JsonObject {
    return {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name, namespace },
      eventTime: time,
      reportingController: FIELD_MANAGER,
      reportingInstance: this.#options.instance.slice(0, LONGEST_INSTANCE),
      action: fields.action,
      reason: fields.reason,
      regarding: {
        apiVersion: subject.apiVersion,
        kind: subject.kind,
        name: subject.metadata.name,
        ...(subject.metadata.namespace === undefined ? {} : { namespace: subject.metadata.namespace }),
        uid: subject.metadata.uid,
        resourceVersion: subject.metadata.resourceVersion,
      },
      note: shortened(fields.note),
      type: fields.type,
    };
  }
}

function eventName(subject: EventSubject, { type, reason, action, note }: EventFields): string {
  const hash = createHash("sha256").update(JSON.stringify([subject.metadata.uid, type, reason, action, note]));
  return `${subject.metadata.name}.${hash.digest("hex").slice(0, 16)}`;
}

/** An event without a series has been seen once. */
function seriesCount(event: LiveObject): number {
  return isJsonObject(event.series) && typeof event.series.count === "number" ? event.series.count : 1;
}

/** metav1.MicroTime: RFC 3339 with exactly six digits. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/Z$/, "000Z");
}

/** The limit counts bytes; a character that the cut splits is left out. */
function shortened(note: string): string {
  const bytes = Buffer.from(note, "utf8");
  if (bytes.length <= LONGEST_NOTE) return note;
  return `${bytes
    .subarray(0, LONGEST_NOTE - 3)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")}…`;
}
