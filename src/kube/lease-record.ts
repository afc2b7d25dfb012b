import { microTime } from "./events.ts";
import { isJsonObject, type JsonObject, type LiveObject } from "./objects.ts";

/** What a Lease (coordination.k8s.io/v1) says in an election; written as client-go writes it, so that its tools can read it. */
export interface LeaseRecord {
  /** Empty: nobody. */
  readonly holder: string;
  /** How long after it was last written it may not be taken. */
  readonly durationSeconds: number;
  /** MicroTime by the holder's wall clock: for people, never compared. */
  readonly acquireTime: string;
  readonly renewTime: string;
  /** How often it went from one holder to another. */
  readonly transitions: number;
}

/** What the first holder writes; `now` is of the wall clock. */
export function acquired(holder: string, durationMs: number, now: number): LeaseRecord {
  const time = microTime(now);
  return { holder, durationSeconds: durationMs / 1000, acquireTime: time, renewTime: time, transitions: 0 };
}

/** Of a lease that was released: the API server wants at least one. */
const RELEASED_SECONDS = 1;

/** What a holder writes at its end: nobody has to wait for it. */
export function released({ transitions }: LeaseRecord, now: number): LeaseRecord {
  return { ...acquired("", RELEASED_SECONDS * 1000, now), transitions };
}

/** Whether its holder has given it up; where somebody else has cleared the holder, that one may not know yet. */
export function isReleased({ holder, durationSeconds }: LeaseRecord): boolean {
  return holder === "" && durationSeconds === RELEASED_SECONDS;
}

/** Members that are missing, or not of their type, are empty. */
export function recordOf(lease: LiveObject): LeaseRecord {
  const spec = isJsonObject(lease.spec) ? lease.spec : {};
  return {
    holder: text(spec.holderIdentity),
    durationSeconds: number(spec.leaseDurationSeconds),
    acquireTime: text(spec.acquireTime),
    renewTime: text(spec.renewTime),
    transitions: number(spec.leaseTransitions),
  };
}

export function specOf({ holder, durationSeconds, acquireTime, renewTime, transitions }: LeaseRecord): JsonObject {
  return { holderIdentity: holder, leaseDurationSeconds: durationSeconds, acquireTime, renewTime, leaseTransitions: transitions };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
