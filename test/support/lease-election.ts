import { Lease, type LeaseTimings } from "../../src/kube/lease.ts";
import { recordOf, type LeaseRecord } from "../../src/kube/lease-record.ts";
import { isJsonObject, type JsonObject, type LiveObject } from "../../src/kube/objects.ts";
import type { Transport } from "../../src/kube/transport.ts";
import { KubeError, type Fence, type KubeErrorClass } from "../../src/reconcilers/ports.ts";
import { FakeClock } from "./fake-clock.ts";
import { silentLog } from "./kube-runtime.ts";
import { UNASKED_TRANSPORT } from "./unasked-transport.ts";

/** An election with no API server: Leases in memory, with the API server's optimistic concurrency, and candidates that each have a clock of their own. */

export const TIMINGS: LeaseTimings = { durationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

/** What becomes of a candidate's requests: carried out and answered, not carried out, carried out and never answered for. */
export type Weather = "fair" | "cut" | "lost" | "denied";

/** The Leases of a namespace; where a test names none, it is about the one whose name is NAME. */
export class LeaseServer {
  readonly #leases = new Map<string, LiveObject>();
  #revision = 0;
  /** Requests that were carried out, as `patch a`; `a` is who asked. */
  readonly requests: string[] = [];

  get lease(): LiveObject | undefined {
    return this.#leases.get(NAME);
  }

  /** Throws where nobody has ever written it. */
  get record(): LeaseRecord {
    return recordOf(this.get(NAME));
  }

  /** As somebody with kubectl. */
  edit(change: (lease: LiveObject) => LiveObject | undefined, name = NAME): void {
    const changed = change(this.get(name));
    if (changed === undefined) this.#leases.delete(name);
    else this.#store(name, changed);
  }

  get(name: string): LiveObject {
    const lease = this.#leases.get(name);
    if (lease === undefined) throw refusal("notFound", 404);
    return lease;
  }

  list(): readonly LiveObject[] {
    return [...this.#leases.values()];
  }

  create({ metadata, spec }: JsonObject): LiveObject {
    const { name } = isJsonObject(metadata) ? metadata : {};
    if (typeof name !== "string") throw new Error("it has no name");
    if (this.#leases.has(name)) throw refusal("alreadyExists", 409);
    const made = { name, namespace: "system", uid: `uid-${String(this.#revision)}`, resourceVersion: "" };
    return this.#store(name, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: made, spec });
  }

  /** A merge patch of what a process of the election writes. */
  patch(name: string, { metadata, spec }: JsonObject): LiveObject {
    const lease = this.get(name);
    const { uid, resourceVersion, annotations } = isJsonObject(metadata) ? metadata : {};
    const { metadata: live } = lease;
    if (uid !== live.uid || (resourceVersion ?? live.resourceVersion) !== live.resourceVersion) throw refusal("conflict", 409);
    return this.#store(name, {
      ...lease,
      metadata: {
        ...live,
        annotations: texts({ ...live.annotations, ...(isJsonObject(annotations) && annotations) }),
      },
      spec: { ...(isJsonObject(lease.spec) && lease.spec), ...(isJsonObject(spec) && spec) },
    });
  }

  #store(name: string, lease: LiveObject): LiveObject {
    this.#revision++;
    const stored = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.#revision) } };
    this.#leases.set(name, stored);
    return stored;
  }
}

const NAME = "operator";

/** What a merge patch leaves: null takes a member away. */
function texts(members: unknown): Readonly<Record<string, string>> {
  const pairs = Object.entries(isJsonObject(members) ? members : {});
  return Object.fromEntries(pairs.flatMap(([name, value]) => (typeof value === "string" ? [[name, value] as const] : [])));
}

/** What a process of the election has of its own. */
export class Site {
  readonly clock = new FakeClock();
  weather: Weather = "fair";
  /** Requests are answered only after this much of its own time. */
  latencyMs = 0;
  readonly transport: Transport;

  constructor(server: LeaseServer, identity: string) {
    const send = async <T>(verb: string, carryOut: () => T): Promise<T> => {
      const { weather, latencyMs } = this;
      if (weather === "cut") throw refusal("unreachable", 0);
      if (weather === "denied") throw refusal("denied", 403);
      let answer: () => T;
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
    this.transport = {
      ...UNASKED_TRANSPORT,
      get: ({ name }) => send("get", () => server.get(name)),
      list: () => send("list", () => ({ items: server.list(), resourceVersion: "1" })),
      create: (_, object) => send("create", () => server.create(object)),
      mergePatch: ({ name }, patch) => send("patch", () => server.patch(name, patch)),
    };
  }
}

/** A process that stands for the one Lease. */
export class Candidate extends Site {
  readonly lease: Lease;
  readonly changes: boolean[] = [];
  readonly #stopping = new AbortController();

  constructor(server: LeaseServer, identity: string, timings = TIMINGS) {
    super(server, identity);
    this.lease = new Lease({
      transport: this.transport,
      namespace: "system",
      name: NAME,
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
    return mayWrite(this.lease);
  }
}

/** Whether the fence stands open at this very moment. */
export function mayWrite(fence: Fence): boolean {
  try {
    fence.check();
    return true;
  } catch {
    return false;
  }
}

const STEP_MS = 100;

/** Lets so much time pass for all of them, and asserts after each step that not two of them may write. */
export async function pass(ms: number, ...candidates: readonly Candidate[]): Promise<void> {
  await elapse(ms, candidates, () => {
    if (candidates.filter((c) => c.mayWrite).length > 1) throw new Error("two of them may write");
  });
}

/** Lets so much time pass for all of them, in steps; `each` is called after every one. */
export async function elapse(ms: number, sites: readonly Site[], each: () => void): Promise<void> {
  for (let gone = 0; gone < ms; gone += STEP_MS) {
    for (const { clock } of sites) clock.advance(Math.min(STEP_MS, ms - gone));
    await settle();
    each();
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
