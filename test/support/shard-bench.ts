import { readFile } from "node:fs/promises";
import { vi } from "vitest";
import { z } from "zod";
import { leaseName } from "../../src/controllers/shard-leases.ts";
import type { OperatorProcess } from "../../src/cli/operator-process.ts";
import { FaultBench, startBench, type BenchOptions, type OperatorOptions } from "./fault-bench.ts";
import { replicaKey } from "./replica-bench.ts";

export const SHARDS = 4;
export const REPLICAS = 3;
/** Shards are handed over one at a time, each within a few retry periods; the rest is for two busy cores. */
const PATIENCE_MS = 120_000;
const POLL_MS = 200;

export interface ShardReplica {
  /** Access key of its own, so that AWS tells it apart. */
  readonly accessKeyId: string;
  readonly process: OperatorProcess;
  /** As in its leases and in its user agent. */
  readonly identity: string;
}

const leaseList = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string() }), spec: z.object({ holderIdentity: z.string().default("") }) })),
});

/** Starts everything and three replicas, over which the shards are spread. */
export function startShardBench(options: BenchOptions = {}): Promise<ShardBench> {
  return startBench({ audit: true, ...options }, (parts) => new ShardBench(parts));
}

/** A platform whose services are divided into four shards. */
export class ShardBench extends FaultBench {
  readonly replicas: ShardReplica[] = [];
  /** Of every replica there has been, by its access key. */
  readonly identities = new Map<string, string>();
  #made = 0;

  /** Starts what is missing of three replicas; resolves when each has its part. */
  override async startOperator(options: OperatorOptions = {}): Promise<OperatorProcess> {
    while (this.replicas.length < REPLICAS) await this.#start(options);
    await this.untilSpread();
    return this.operator;
  }

  /** Any of them. */
  override get operator(): OperatorProcess {
    const [first] = this.replicas;
    if (first === undefined) throw new Error("no replica runs");
    return first.process;
  }

  override async restartOperator(): Promise<void> {
    await Promise.all(this.replicas.splice(0).map(({ process }) => process.stop()));
    await this.startOperator();
  }

  override async lastPasses(): Promise<ReadonlyMap<string, number>> {
    const all = await Promise.all(this.replicas.map(({ process }) => this.passesOf(process)));
    return new Map(all.flatMap((passes) => [...passes]).toSorted(([, a], [, b]) => a - b));
  }

  /** Who holds each shard's lease, by shard. */
  async holders(): Promise<readonly (ShardReplica | undefined)[]> {
    const { items } = leaseList.parse(JSON.parse(await this.plane.kubectl(["get", "leases", "-n", "platform-system", "-o", "json"])));
    const holders = new Map(items.map(({ metadata, spec }) => [metadata.name, spec.holderIdentity]));
    return Array.from({ length: SHARDS }, (_, shard) => this.replicas.find(({ identity }) => identity === holders.get(leaseName(shard))));
  }

  /** Resolves when every shard is led by a replica that lives, and none has two more than another. */
  async untilSpread(): Promise<void> {
    await vi.waitFor(
      async () => {
        const holders = await this.holders();
        const counts = this.replicas.map((replica) => holders.filter((holder) => holder === replica).length);
        if (holders.includes(undefined) || Math.max(...counts) - Math.min(...counts) > 1) throw new Error(`spread as ${counts.join(", ")}`);
      },
      { timeout: PATIENCE_MS, interval: POLL_MS },
    );
  }

  override async stop(): Promise<void> {
    for (const { process } of this.replicas.splice(0)) await process.kill();
    await super.stop();
  }

  async #start({ args = [], env = {}, ...options }: OperatorOptions): Promise<void> {
    this.#made++;
    const accessKeyId = replicaKey(this.#made);
    const process = await this.launch({
      name: `operator-${String(this.#made)}`,
      ...options,
      args: [`--shards=${String(SHARDS)}`, ...args],
      env: { AWS_ACCESS_KEY_ID: accessKeyId, ...env },
    });
    const replica: ShardReplica = { accessKeyId, process, identity: await identityOf(process) };
    this.replicas.push(replica);
    this.identities.set(accessKeyId, replica.identity);
    const leave = async (): Promise<void> => {
      await process.ended;
      if (this.replicas.includes(replica)) this.replicas.splice(this.replicas.indexOf(replica), 1);
    };
    void leave();
  }
}

/** As its first line about a lease says. */
async function identityOf({ logFile }: OperatorProcess): Promise<string> {
  return vi.waitFor(
    async () => {
      const found = /"identity":"([^"]+)"/.exec(await readFile(logFile, "utf8"))?.[1];
      if (found === undefined) throw new Error(`no identity in ${logFile}`);
      return found;
    },
    { timeout: PATIENCE_MS, interval: POLL_MS },
  );
}
