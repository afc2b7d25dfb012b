import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { vi } from "vitest";
import { z } from "zod";
import { operatorAccess } from "../../src/cli/environment.ts";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { launchOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { FaultBench, startBench, type BenchOptions, type OperatorOptions, type Parts } from "./fault-bench.ts";

/** client-go's times, which are the operator's own. */
export const LEASE_MS = 15_000;
export const RETRY_MS = 2_000;
/** The lease runs out by one retry period after a standby has seen the last renewal; the rest is for two busy cores. */
const PATIENCE_MS = 60_000;
const POLL_MS = 20;
const REPLICAS = 2;

/** An access key of its own for each replica, all of the operator's role and under its policy, so that AWS tells them apart. */
export function replicaKey(made: number): string {
  const digits = String(made);
  return OPERATOR_KEY.slice(0, -digits.length) + digits;
}

/** What starts again whatever ends. */
export interface Kubelet {
  /** How often it has started one. */
  readonly starts: number;
  /** Resolves when it starts nothing more. */
  stop(): Promise<void>;
}

/** How long a kubelet waits before it starts a container again: longer each time, by twice. */
export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

export interface Replica {
  /** Access key of its own, so that AWS tells it apart. */
  readonly accessKeyId: string;
  readonly process: OperatorProcess;
  /** As in the Lease and in its user agent; known once it has led. */
  identity: string | undefined;
}

const leaseObject = z.object({
  spec: z.object({ holderIdentity: z.string(), acquireTime: z.string(), renewTime: z.string(), leaseTransitions: z.number() }),
});
export type LeaseSpec = z.output<typeof leaseObject>["spec"];

/** Starts everything and two replicas; `operator` is the one that leads. */
export function startReplicaBench(options: BenchOptions = {}): Promise<ReplicaBench> {
  return startBench({ audit: true, ...options }, (parts) => new ReplicaBench(parts));
}

/** A platform with two replicas of the operator, of which one leads: where one ends another is started, and stands by. */
export class ReplicaBench extends FaultBench {
  readonly replicas: Replica[] = [];
  readonly #parts: Parts;
  #leader: Replica | undefined;
  #made = 0;

  constructor(parts: Parts) {
    super(parts);
    this.#parts = parts;
  }

  get leader(): Replica {
    if (this.#leader === undefined) throw new Error("nobody leads");
    return this.#leader;
  }

  get standby(): Replica {
    const found = this.replicas.find((replica) => replica !== this.#leader);
    if (found === undefined) throw new Error("nobody stands by");
    return found;
  }

  override get operator(): OperatorProcess {
    return this.leader.process;
  }

  /** Starts what is missing of two replicas; resolves to the one that leads. */
  override async startOperator(options: OperatorOptions = {}): Promise<OperatorProcess> {
    while (this.replicas.length < REPLICAS) await this.#start(options);
    await this.untilLed();
    return this.operator;
  }

  /** Resolves when one of the replicas that live holds the lease. */
  async untilLed(): Promise<Replica> {
    return vi.waitFor(
      async () => {
        for (const replica of this.replicas) if (await leads(replica)) return this.#lead(replica);
        throw new Error("no replica leads");
      },
      { timeout: PATIENCE_MS, interval: POLL_MS },
    );
  }

  /** Those that say that they lead. */
  async leaders(): Promise<readonly Replica[]> {
    const said = await Promise.all(this.replicas.map(leads));
    return this.replicas.filter((_, index) => said[index]);
  }

  /** From now on each replica that ends, however it does, is started again, whether there is an API server or not. */
  async startKubelet(backOff: BackOff): Promise<Kubelet> {
    const { plane, configFile } = this.#parts;
    const { kubectl, caFile, dir } = plane;
    const kubeconfig = await operatorAccess({ kubectl, caFile, dir, url: this.proxy.url }, join(dir, "kubelet.kubeconfig"));
    const ending = new AbortController();
    let starts = 0;
    const startAgain = (): Promise<Replica> => {
      starts++;
      return this.#add((names) => launchOperator({ dir, configFile, kubeconfig, awsEndpoint: this.awsEndpoint, ...names }));
    };
    const running = this.replicas.map((replica) => keepRunning(replica, { startAgain, backOff, signal: ending.signal }));
    return {
      get starts() {
        return starts;
      },
      async stop() {
        ending.abort();
        await Promise.all(running);
      },
    };
  }

  async lease(): Promise<LeaseSpec> {
    const text = await this.plane.kubectl(["get", "lease", "platform-operator", "-n", "platform-system", "-o", "json"]);
    return leaseObject.parse(JSON.parse(text)).spec;
  }

  override async stop(): Promise<void> {
    for (const { process } of this.replicas.splice(0)) await process.kill();
    await super.stop();
  }

  async #lead(replica: Replica): Promise<Replica> {
    const { holderIdentity } = await this.lease();
    if (!holderIdentity.startsWith(hostname())) throw new Error(`the lease is held by ${holderIdentity}`);
    replica.identity = holderIdentity;
    this.#leader = replica;
    return replica;
  }

  #start({ env, ...options }: OperatorOptions): Promise<Replica> {
    return this.#add((names) => this.launch({ ...names, ...options, env: { ...names.env, ...env } }));
  }

  /** `launch` is told what is the new replica's alone. */
  async #add(
    launch: (names: { readonly name: string; readonly env: Readonly<Record<string, string>> }) => Promise<OperatorProcess>,
  ): Promise<Replica> {
    this.#made++;
    const accessKeyId = replicaKey(this.#made);
    const process = await launch({ name: `operator-${String(this.#made)}`, env: { AWS_ACCESS_KEY_ID: accessKeyId } });
    const replica: Replica = { accessKeyId, process, identity: undefined };
    this.replicas.push(replica);
    const leave = async (): Promise<void> => {
      await process.ended;
      if (this.replicas.includes(replica)) this.replicas.splice(this.replicas.indexOf(replica), 1);
      if (this.#leader === replica) this.#leader = undefined;
    };
    void leave();
    return replica;
  }
}

/** Has a replica that has ended started again, and that one too, until the signal aborts. */
async function keepRunning(
  first: Replica,
  { startAgain, backOff, signal }: { readonly startAgain: () => Promise<Replica>; readonly backOff: BackOff; readonly signal: AbortSignal },
): Promise<void> {
  const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  let replica = first;
  for (let waitMs = backOff.firstMs; ; waitMs = Math.min(2 * waitMs, backOff.longestMs)) {
    await Promise.race([replica.process.ended, aborted]);
    await Promise.race([setTimeout(waitMs, undefined, { ref: false }), aborted]);
    if (signal.aborted) return;
    replica = await startAgain();
  }
}

/** By its own word, which /metrics has. */
async function leads({ process }: Replica): Promise<boolean> {
  try {
    // One that is stopped takes the call and never answers it.
    const text = await (await fetch(`${process.telemetryUrl}/metrics`, { signal: AbortSignal.timeout(1_000) })).text();
    return text.includes('leader_election_master_status{name="platform-operator"} 1');
  } catch {
    return false;
  }
}
