import type { KubeObject } from "../crds/desired.ts";
import { holdManager, keyString, type ObjectKey } from "../crds/meta.ts";
import { KubeError, type ChildRef, type ChildState, type HoldResult, type Holds, type Owner } from "../reconcilers/ports.ts";
import { Memories } from "./child-memory.ts";
import { apiMissing, targetOf, type Child, type ChildSource } from "./child-stores.ts";
import { NotServedError } from "./errors.ts";
import { apiVersionOf } from "./kinds.ts";
import type { JsonObject } from "./objects.ts";
import { desiredProjection, differingPaths, hashOf, ownedProjection } from "./owned-fields.ts";
import type { Transport } from "./transport.ts";

/** Fields of workloads that are others' (docs/adr, workloads that a squad brings): as children are applied, but unforced and under a manager of the service's own. */

export interface HoldsOptions {
  readonly transport: Transport;
  /** One for each kind that a squad may bring, of every object of it; their reflectors run elsewhere. */
  readonly sources: readonly ChildSource<unknown>[];
}

export function createHolds(options: HoldsOptions): Holds {
  return new AppliedHolds(options);
}

/** What one apply is about. */
interface Wish {
  readonly owner: Owner;
  readonly ref: ChildRef;
  readonly source: ChildSource<unknown>;
  readonly object: KubeObject;
  readonly projection: JsonObject;
  readonly hash: string;
}

class AppliedHolds implements Holds {
  readonly #transport: Transport;
  readonly #sources: readonly ChildSource<unknown>[];
  readonly #memories = new Memories();

  constructor({ transport, sources }: HoldsOptions) {
    this.#transport = transport;
    this.#sources = sources;
  }

  hold(owner: Owner, desired: KubeObject): Promise<HoldResult> {
    return this.#unlessSettled(owner, desired, (wish, child) => this.#apply(wish, child));
  }

  look(owner: Owner, desired: KubeObject): Promise<HoldResult> {
    return this.#unlessSettled(owner, desired, async () => ({ state: "withheld" }));
  }

  async #unlessSettled(
    owner: Owner,
    desired: KubeObject,
    act: (wish: Wish, child: Child<unknown>) => Promise<HoldResult>,
  ): Promise<HoldResult> {
    const wish = this.#wishOf(owner, desired);
    if (wish.source.reflector.state() === "missing") return apiMissing(wish.source);
    const child = wish.source.store.get(wish.ref);
    if (child === undefined) return { state: "absent" };
    return this.#settled(wish, child) ?? act(wish, child);
  }

  async release(owner: Owner, ref: ChildRef): Promise<"released"> {
    const source = this.#source(ref);
    const child = source.store.get(ref);
    this.#memories.delete(owner.key, ref);
    if (child === undefined || child.holdings[owner.key.name] === undefined) return "released";
    const { apiVersion, kind, namespace, name } = ref;
    const nothing = { apiVersion, kind, metadata: { namespace, name, uid: child.state.uid } };
    try {
      const { object } = await this.#transport.apply(targetOf(source, ref), nothing, {
        force: false,
        manager: holdManager(owner.key.name),
      });
      source.store.put(object);
    } catch (error) {
      if (!(error instanceof NotServedError)) throw error;
      source.reflector.nudge();
    }
    return "released";
  }

  held(owner: ObjectKey): readonly ChildState[] {
    return this.#sources.flatMap(({ store }) => store.byIndex("holder", keyString(owner)).map((child) => child.state));
  }

  forget(owner: ObjectKey): void {
    this.#memories.forget(owner);
  }

  /** What there is to say without a write; undefined: it needs one. */
  #settled({ owner, ref, hash }: Wish, child: Child<unknown>): HoldResult | undefined {
    const holding = child.holdings[owner.key.name];
    const memory = this.#memories.get(owner.key, ref);
    if (memory?.desiredHash === hash && memory.mutation !== undefined && memory.mutation.ownedHash === holding)
      return { state: "mutatedByAdmission", paths: memory.mutation.paths };
    if (holding !== hash) return undefined;
    if (memory?.desiredHash !== hash) this.#memories.set(owner.key, ref, { desiredHash: hash });
    return { state: "unchanged" };
  }

  async #apply(wish: Wish, child: Child<unknown>): Promise<HoldResult> {
    const { owner, ref, source, object, projection, hash } = wish;
    const { uid, resourceVersion } = child.state;
    const repaired = this.#memories.get(owner.key, ref)?.desiredHash === hash;
    const manager = holdManager(owner.key.name);
    // With the revision at which it was found to be brought to this service: an apply would make what has gone meanwhile.
    const sent = { ...object, metadata: { ...object.metadata, uid, resourceVersion } };
    try {
      const { object: live } = await this.#transport.apply(targetOf(source, ref), sent, { force: false, manager });
      const ownedHash = source.store.put(live).holdings[owner.key.name];
      if (ownedHash === hash) {
        this.#memories.set(owner.key, ref, { desiredHash: hash });
        return { state: repaired ? "repaired" : "held" };
      }
      const paths = differingPaths(projection, ownedProjection(live, manager) ?? {});
      this.#memories.set(owner.key, ref, { desiredHash: hash, mutation: { ownedHash, paths } });
      return { state: "mutatedByAdmission", paths };
    } catch (error) {
      if (error instanceof KubeError && error.fieldConflicts.length > 0) return { state: "conflict", conflicts: error.fieldConflicts };
      if (!(error instanceof NotServedError)) throw error;
      source.reflector.nudge();
      return apiMissing(source);
    }
  }

  #wishOf(owner: Owner, desired: KubeObject): Wish {
    const { apiVersion, kind, metadata } = desired;
    const namespace = metadata.namespace ?? "";
    if (namespace !== owner.key.namespace) throw new Error(`${kind} ${metadata.name}: a service holds fields in its own namespace alone`);
    const ref = { apiVersion, kind, namespace, name: metadata.name };
    const projection = desiredProjection(desired);
    return { owner, ref, source: this.#source(ref), object: desired, projection, hash: hashOf(projection) };
  }

  #source(ref: ChildRef): ChildSource<unknown> {
    const source = this.#sources.find(({ resource }) => resource.kind === ref.kind && apiVersionOf(resource) === ref.apiVersion);
    if (source === undefined) throw new Error(`${ref.apiVersion} ${ref.kind} is no kind that a squad may bring: it has no source`);
    return source;
  }
}
