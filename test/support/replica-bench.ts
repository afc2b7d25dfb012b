import { hostname } from "node:os";
import { vi } from "vitest";
import { z } from "zod";
import type { OperatorProcess } from "../../src/cli/operator-process.ts";
import { FaultBench, startBench, type BenchOptions, type OperatorOptions } from "./fault-bench.ts";

/** client-go's times, which are the operator's own. */
export const LEASE_MS = 15_000;
export const RETRY_MS = 2_000;
/** The lease runs out by one retry period after a standby has seen the last renewal; the rest is for two busy cores. */
const PATIENCE_MS = 60_000;
const POLL_MS = 20;
const REPLICAS = 2;

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
  #leader: Replica | undefined;
  #made = 0;

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

  async #start(options: OperatorOptions): Promise<void> {
    this.#made++;
    const accessKeyId = `AKIAREPLICA${String(this.#made).padStart(9, "0")}`;
    const process = await this.launch({
      name: `operator-${String(this.#made)}`,
      ...options,
      env: { AWS_ACCESS_KEY_ID: accessKeyId, ...options.env },
    });
    const replica: Replica = { accessKeyId, process, identity: undefined };
    this.replicas.push(replica);
    const leave = async (): Promise<void> => {
      await process.ended;
      if (this.replicas.includes(replica)) this.replicas.splice(this.replicas.indexOf(replica), 1);
      if (this.#leader === replica) this.#leader = undefined;
    };
    void leave();
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
