import type { ObjectKey } from "../crds/meta.ts";
import { createChildren } from "../kube/apply.ts";
import { createHolds } from "../kube/holds.ts";
import { Borrowed } from "../reconcilers/borrowed.ts";
import { Converger } from "../reconcilers/converge.ts";
import { MeshConvergers } from "../reconcilers/mesh-convergers.ts";
import { ImageMemory } from "../reconcilers/platform-service/image-memory.ts";
import type { ReconcilerDeps } from "../reconcilers/platform-service/reconcile.ts";
import type { Aws } from "../reconcilers/ports.ts";
import { RolloutBudget } from "../reconcilers/rollout-budget.ts";
import { shardOf } from "./shards.ts";
import type { SweptCluster } from "./sweep.ts";
import { broughtSources, childSources, type Runtime, type Sources } from "./sources.ts";
import { createWorld } from "./world.ts";

/** What of the operator is one shard's, for as long as this process has it. */

export interface ReignOptions
  extends Pick<Runtime, "transport">, Pick<ReconcilerDeps, "config" | "configHash" | "errorBudgets" | "writer" | "listener" | "now"> {
  readonly shard: number;
  readonly shards: number;
  readonly sources: Sources;
  readonly aws: Aws;
  /** Of the first shard. */
  readonly ofCluster: SweptCluster | undefined;
}

/** Its memories go with it: when the shard comes back to this process, another has acted on it. */
export class Reign {
  readonly deps: ReconcilerDeps & { readonly budget: RolloutBudget };
  readonly ofCluster: SweptCluster | undefined;
  readonly #passes = new Set<Promise<unknown>>();

  constructor({ shard, shards, sources, aws, transport, ofCluster, ...shared }: ReignOptions) {
    const { config, now } = shared;
    this.ofCluster = ofCluster;
    this.deps = {
      ...shared,
      world: createWorld(sources, now, (key) => shardOf(key, shards) === shard),
      children: createChildren({ transport, sources: childSources(sources) }),
      holds: createHolds({ transport, sources: broughtSources(sources) }),
      roles: new Converger(aws.roles),
      existingRoles: new Borrowed(aws.existingRoles),
      repositories: new Converger(aws.repositories),
      existingRepositories: new Borrowed(aws.existingRepositories),
      associations: new Converger(aws.associations),
      rulesNamespaces: new Converger(aws.rulesNamespaces),
      appMesh: new MeshConvergers(aws.mesh),
      routesOfRouter: new Borrowed(aws.mesh.routesOfRouter),
      imageReader: aws.images,
      imageKeeper: aws.imageKeeper,
      images: new ImageMemory(now),
      budget: new RolloutBudget(shareOf(config.rollout.maxConcurrent, shard, shards)),
      read: (key) => sources.services.store.get(key),
    };
  }

  /** Drops what is remembered of a service that is gone. */
  forget(key: ObjectKey): void {
    this.deps.children.forget(key);
    this.deps.holds.forget(key);
  }

  async pass<T>(run: () => Promise<T>): Promise<T> {
    const passing = run();
    this.#passes.add(passing);
    try {
      return await passing;
    } finally {
      this.#passes.delete(passing);
    }
  }

  /** Resolves when every pass that has begun is over. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#passes);
  }
}

/** What each shard may roll at a time: together no more than there may be, as readSettings sees to. A percentage is of the shard's own services. */
function shareOf(maxConcurrent: number | string, shard: number, shards: number): number | string {
  if (typeof maxConcurrent === "string") return maxConcurrent;
  return Math.floor(maxConcurrent / shards) + (shard < maxConcurrent % shards ? 1 : 0);
}
