import { Lease, type LeaseTimings } from "../../src/kube/lease.ts";
import { recordOf, type LeaseRecord } from "../../src/kube/lease-record.ts";
import { isJsonObject, type JsonObject, type LiveObject } from "../../src/kube/objects.ts";
import type { Transport } from "../../src/kube/transport.ts";
import { KubeError, type KubeErrorClass } from "../../src/reconcilers/ports.ts";
import { FakeClock } from "./fake-clock.ts";
import { silentLog } from "./kube-runtime.ts";
import { UNASKED_TRANSPORT } from "./unasked-transport.ts";

/** An election with no API server: one Lease in memory, with the API server's optimistic concurrency, and candidates that each have a clock of their own. */

export const TIMINGS: LeaseTimings = { durationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

/** What becomes of a candidate's requests: carried out and answered, not carried out, carried out and never answered for. */
export type Weather = "fair" | "cut" | "lost" | "denied";

/** The one Lease. */
export class LeaseServer {
  #lease: LiveObject | undefined;
  #revision = 0;
  /** Requests that were carried out, as `patch a`; `a` is who asked. */
  readonly requests: string[] = [];

  get lease(): LiveObject | undefined {
    return this.#lease;
  }

  /** Throws where nobody has ever written it. */
  get record(): LeaseRecord {
    if (this.#lease === undefined) throw new Error("there is no Lease");
    return recordOf(this.#lease);
  }

  /** As somebody with kubectl. */
  edit(change: (lease: LiveObject) => LiveObject | undefined): void {
    const changed = this.#lease && change(this.#lease);
    this.#lease = changed && this.#stored(changed);
  }

  get(): LiveObject {
    if (this.#lease === undefined) throw refusal("notFound", 404);
    return this.#lease;
  }

  create(object: JsonObject): LiveObject {
    if (this.#lease !== undefined) throw refusal("alreadyExists", 409);
    const metadata = { name: "operator", namespace: "system", uid: `uid-${String(this.#revision)}`, resourceVersion: "" };
    return (this.#lease = this.#stored({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec: object.spec }));
  }

  patch({ metadata, spec }: JsonObject): LiveObject {
    const lease = this.get();
    const { uid, resourceVersion } = isJsonObject(metadata) ? metadata : {};
    if (uid !== lease.metadata.uid || resourceVersion !== lease.metadata.resourceVersion) throw refusal("conflict", 409);
    return (this.#lease = this.#stored({
      ...lease,
      spec: { ...(isJsonObject(lease.spec) && lease.spec), ...(isJsonObject(spec) && spec) },
    }));
  }

  #stored(lease: LiveObject): LiveObject {
    this.#revision++;
    return { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.#revision) } };
  }
}

/** One process of the election. */
export class Candidate {
  readonly clock = new FakeClock();
  readonly lease: Lease;
  readonly changes: boolean[] = [];
  weather: Weather = "fair";
  /** Requests are answered only after this much of the candidate's time. */
  latencyMs = 0;
  readonly #stopping = new AbortController();

  constructor(server: LeaseServer, identity: string, timings = TIMINGS) {
    const send = async (verb: string, carryOut: () => LiveObject): Promise<LiveObject> => {
      const { weather, latencyMs } = this;
      if (weather === "cut") throw refusal("unreachable", 0);
      if (weather === "denied") throw refusal("denied", 403);
      let answer: () => LiveObject;
      try {
        const object = carryOut();
        server.requests.push(`${verb} ${identity}`);
        answer = () => object;
      } catch (error) {
        answer = () => {
          throw error;
        };
      }
      if (latencyMs > 0) await new Promise<void>((resolve) => void this.clock.after(latencyMs, resolve));
      if (weather === "lost") throw refusal("unreachable", 0);
      return answer();
    };
    const transport: Transport = {
      ...UNASKED_TRANSPORT,
      get: () => send("get", () => server.get()),
      create: (_, object) => send("create", () => server.create(object)),
      mergePatch: (_, patch) => send("patch", () => server.patch(patch)),
    };
    this.lease = new Lease({
      transport,
      namespace: "system",
      name: "operator",
      identity,
      timings,
      clock: this.clock,
      random: () => 0,
      log: silentLog,
      onChange: (holds) => this.changes.push(holds),
    });
  }

  /** Stands for election from now on. */
  stand(): Promise<boolean> {
    return this.lease.acquire(this.#stopping.signal);
  }

  /** Stands no longer. */
  withdraw(): void {
    this.#stopping.abort();
  }

  /** Whether it may write at this very moment. */
  get mayWrite(): boolean {
    try {
      this.lease.check();
      return true;
    } catch {
      return false;
    }
  }
}

const STEP_MS = 100;

/** Lets so much time pass for all of them, and asserts after each step that not two of them may write. */
export async function pass(ms: number, ...candidates: readonly Candidate[]): Promise<void> {
  for (let gone = 0; gone < ms; gone += STEP_MS) {
    for (const { clock } of candidates) clock.advance(Math.min(STEP_MS, ms - gone));
    await settle();
    if (candidates.filter((c) => c.mayWrite).length > 1) throw new Error("two of them may write");
  }
  await settle();
}

/** What is answered without waiting has been answered. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function refusal(errorClass: KubeErrorClass, status: number): KubeError {
  return new KubeError({ class: errorClass, status, operation: "lease", message: `${errorClass}, says the test` });
}
