import type { KubeObject } from "../crds/desired.ts";
import { ADOPTION_MANAGER, type ObjectKey } from "../crds/meta.ts";
import {
  KubeError,
  type Adoption,
  type ApplyResult,
  type ChildKind,
  type ChildRef,
  type Children,
  type ChildState,
  type Owner,
  type Removal,
} from "../reconcilers/ports.ts";
import { asksFor, isFree, obstacleTo } from "./adoption.ts";
import { holdingOf } from "./child-holding.ts";
import { Memories, type ChildMemory } from "./child-memory.ts";
import { apiMissing, targetOf, type Child, type ChildSource } from "./child-stores.ts";
import { NotServedError } from "./errors.ts";
import { clearingPatch, disownPatch, foreignPaths, removalPatch } from "./foreign-fields.ts";
import { apiVersionOf } from "./kinds.ts";
import { compareResourceVersions, type JsonObject, type LiveObject } from "./objects.ts";
import { desiredProjection, differingPaths, hashOf, ownedProjection } from "./owned-fields.ts";
import type { Target, Transport } from "./transport.ts";

/**
 * Server-side apply that writes only what differs (architecture.md, Kubernetes writes and drift). Whether a child needs a
 * write is read from the store: the hash of what we want against the hash of what is there of ours.
 */

export interface ChildrenOptions {
  readonly transport: Transport;
  /** One for each kind that is applied; their reflectors run elsewhere. */
  readonly sources: readonly ChildSource<unknown>[];
}

export function createChildren(options: ChildrenOptions): Children {
  return new AppliedChildren(options);
}

/** Tries of a removal within one pass; then the pass is a conflict and comes again. */
const REMOVAL_ATTEMPTS = 3;
/** Tries of an apply that carries a revision; likewise. */
const APPLY_ATTEMPTS = 3;
/** What runs, and as whom: an apply that comes late, from a process that leads no more, must not go over a newer one. No lease can call back what is on the wire. */
const OF_ONE_REVISION: ReadonlySet<string> = new Set(["Deployment", "ServiceAccount"]);

/**
 * An apply is an upsert: it adds its fields to a stranger's object of that name. With the revision of none it only ever creates: where something is there, the API server compares and
 * answers with a conflict, and where nothing is there it has nothing to compare (k8s.io/apiserver, registry/generic/registry/store.go, Update; read from v0.28 to v0.36). etcd counts from 1,
 * which is before the first write.
 */
const NOBODYS_REVISION = "1";

/** What one apply is about. */
interface Wish {
  readonly owner: Owner;
  readonly ref: ChildRef;
  readonly source: ChildSource<unknown>;
  readonly target: Target;
  /** With the controller ownerReference. */
  readonly object: JsonObject & { readonly metadata: JsonObject };
  readonly projection: JsonObject;
  readonly hash: string;
  readonly adoption: Adoption;
}

/** What was done with a child. */
type Done = "created" | "updated" | "repaired" | "adopted";

interface Clearing {
  /** Whether what was found is what an apply was answered. */
  readonly ours: boolean;
  /** What the store had shown of it, where it was read. */
  readonly ownedHash?: string | undefined;
  readonly result: Done;
  readonly attempt: number;
}

class AppliedChildren implements Children {
  readonly #transport: Transport;
  readonly #sources: ReadonlyMap<string, ChildSource<unknown>>;
  readonly #memories = new Memories();

  constructor({ transport, sources }: ChildrenOptions) {
    this.#transport = transport;
    this.#sources = new Map(sources.map((source) => [`${apiVersionOf(source.resource)}/${source.resource.kind}`, source]));
  }

  apply(owner: Owner, desired: KubeObject, adoption: Adoption = "now"): Promise<ApplyResult> {
    return this.#whereServed({ ...this.#wishOf(owner, desired), adoption }, (wish) => {
      const child = wish.source.store.get(wish.ref);
      return wish.source.store.during(wish.ref, () => (child === undefined ? this.#applyUnseen(wish) : this.#applySeen(wish, child)));
    });
  }

  look(owner: Owner, desired: KubeObject): Promise<ApplyResult> {
    return this.#whereServed(this.#wishOf(owner, desired), async (wish) => {
      const child = wish.source.store.get(wish.ref) ?? (await this.#unseen(wish));
      if (child === undefined) return { state: "withheld", found: "absent" };
      return this.#settled(wish, child) ?? { state: "withheld", found: "different" };
    });
  }

  async #whereServed(wish: Wish, act: (wish: Wish) => Promise<ApplyResult>): Promise<ApplyResult> {
    if (wish.source.reflector.state() === "missing") return apiMissing(wish.source);
    try {
      return await act(wish);
    } catch (error) {
      if (!(error instanceof NotServedError)) throw error;
      wish.source.reflector.nudge();
      return apiMissing(wish.source);
    }
  }

  async remove(owner: Owner, ref: ChildRef): Promise<Removal> {
    const source = this.#source(ref);
    const target = targetOf(source, ref);
    const child = source.store.get(ref) ?? (await this.#unseenButOurs(owner, ref, source));
    if (child === undefined) {
      this.#memories.delete(owner.key, ref);
      return "gone";
    }
    const holding = holdingOf(child, owner);
    if (holding.by === "other") return "foreign";
    if (holding.by === "deadOwner" || child.state.deleting) return "deleting";
    this.#memories.delete(owner.key, ref);
    const { uid } = child.state;
    return source.store.during(ref, async () => {
      const removal = await this.#delete(target, uid);
      // A watch that lags would have it deleted at every pass.
      if (removal === "gone") source.store.drop(ref, ({ state }) => state.uid === uid);
      return removal;
    });
  }

  async #delete(target: Target, uid: string): Promise<"gone" | "deleting"> {
    try {
      return await this.#transport.delete(target, { uid, propagationPolicy: "Background" });
    } catch (error) {
      if (error instanceof KubeError && error.class === "notFound") return "gone";
      throw error;
    }
  }

  async strip(owner: Owner, ref: ChildRef): Promise<boolean> {
    const source = this.#source(ref);
    if ((this.get(owner, ref)?.foreignPaths ?? []).length === 0) return false;
    const target = targetOf(source, ref);
    await source.store.during(ref, async () => {
      const { live, removed } = await this.#withoutAdditions(target, await this.#transport.get(target));
      return removed ? source.store.wrote(live) : source.store.put(live);
    });
    return true;
  }

  get(owner: Owner, ref: ChildRef): ChildState | undefined {
    const child = this.#source(ref).store.get(ref);
    return child !== undefined && holdingOf(child, owner).by === "owner" ? child.state : undefined;
  }

  owned(owner: Owner, kinds: readonly ChildKind[]): readonly ChildState[] {
    // An ownerReference can be forged, and one that names an owner of another namespace always is.
    return kinds
      .flatMap((kind) => this.#source(kind).store.byIndex("controller", owner.uid))
      .map(({ state }) => state)
      .filter(({ ref }) => ref.namespace === owner.key.namespace);
  }

  released(owner: Owner, ref: ChildRef): boolean {
    const child = this.#source(ref).store.get(ref);
    if (child === undefined || child.state.controller !== undefined) return false;
    return holdingOf(child, owner).by === "owner";
  }

  async scale(owner: Owner, ref: ChildRef, replicas: number): Promise<void> {
    const source = this.#source(ref);
    const child = source.store.get(ref);
    const memory = this.#memories.get(owner.key, ref);
    if (child === undefined) {
      const operation = `scale ${ref.kind} ${ref.namespace}/${ref.name}`;
      throw new KubeError({ class: "conflict", status: 0, operation, message: `${ref.kind} ${ref.name} has not been seen yet` });
    }
    const { scaled } = memory ?? {};
    const ahead = scaled !== undefined && compareResourceVersions(scaled.resourceVersion, child.state.resourceVersion) > 0;
    if ((ahead ? scaled.replicas : child.replicas) === replicas) return;
    // The uid makes it a conflict where another object has taken the name.
    const patch = { metadata: { uid: child.state.uid }, spec: { replicas } };
    const { resourceVersion } = await source.store.during(ref, async () => {
      const { metadata } = await this.#transport.mergePatch({ ...targetOf(source, ref), subresource: "scale" }, patch);
      source.store.wroteUnseen(ref, metadata.resourceVersion);
      return metadata;
    });
    if (memory !== undefined) this.#memories.set(owner.key, ref, { ...memory, scaled: { replicas, resourceVersion } });
  }

  forget(owner: ObjectKey): void {
    this.#memories.forget(owner);
  }

  /** The store has none of that name: it is made, unless somebody was faster; then what is there is looked at as any other. */
  async #applyUnseen(wish: Wish): Promise<ApplyResult> {
    const object = { ...wish.object, metadata: { ...wish.object.metadata, resourceVersion: NOBODYS_REVISION } };
    try {
      const { object: live } = await this.#transport.apply(wish.target, object, { force: false });
      const known = this.#memories.get(wish.owner.key, wish.ref) !== undefined;
      return this.#settle(wish, live, { result: known ? "repaired" : "created", ours: true });
    } catch (error) {
      if (!(error instanceof KubeError && error.class === "conflict")) throw error;
      const child = await this.#unseen(wish);
      if (child !== undefined) return this.#applySeen(wish, child);
      // It went between the two; or this API server takes no revision where nothing is, which must not stay unsaid.
      const { status, operation, message } = error;
      throw new KubeError({
        class: "unexpected",
        status,
        operation,
        message: `${message}; yet nothing of that name is there`,
        cause: error,
      });
    }
  }

  /**
   * Takes over what asks for it. What others say where an addition of theirs would be removed goes first, since it may be at odds with the wish; until the last
   * write the object still asks, so a process that ends in between leaves nothing half taken.
   */
  async #adopt(wish: Wish, attempt = 1): Promise<ApplyResult> {
    try {
      return await this.#takeOver(wish);
    } catch (error) {
      // Its controllers write it as well.
      if (!(error instanceof KubeError && error.class === "conflict") || attempt === APPLY_ATTEMPTS) throw error;
      return this.#adopt(wish, attempt + 1);
    }
  }

  async #takeOver(wish: Wish): Promise<ApplyResult> {
    const found = await this.#transport.get(wish.target);
    const child = this.#reduced(wish, found);
    // An earlier try got so far, and others wrote after it.
    if (holdingOf(child, wish.owner).by === "owner") return asAdopted(await this.#applySeen(wish, child));
    if (!asksFor(child, wish.owner))
      return { state: "foreign", holder: "an object that others are writing", free: isFree(child, wish.owner) };
    const obstacle = obstacleTo(found, wish.object);
    if (obstacle !== undefined) return { state: "unadoptable", obstacle };
    if (wish.adoption === "later") return { state: "asks" };
    const clearing = clearingPatch(found, wish.object);
    const cleared = clearing.length === 0 ? found : await this.#transport.jsonPatch(wish.target, clearing, ADOPTION_MANAGER);
    const { uid, resourceVersion } = cleared.metadata;
    const object = { ...wish.object, metadata: { ...wish.object.metadata, uid, resourceVersion } };
    const applied = (await this.#transport.apply(wish.target, object, { force: true })).object;
    const result = await this.#cleared(wish, applied, { ours: true, result: "adopted", attempt: 1 });
    return asAdopted(result);
  }

  /** What there is to say of a child without a write; undefined: it needs one. */
  #settled(wish: Wish, child: Child<unknown>): ApplyResult | undefined {
    const holding = holdingOf(child, wish.owner);
    if (holding.by === "other")
      return asksFor(child, wish.owner) ? undefined : { state: "foreign", holder: holding.holder, free: isFree(child, wish.owner) };
    if (holding.by === "deadOwner" || child.state.deleting) return { state: "waitingForGarbageCollection" };
    const { uid, ownedHash, foreignPaths: additions } = child.state;
    if (additions.length > 0) return undefined;
    const memory = this.#memories.get(wish.owner.key, wish.ref);
    const mutation = this.#mutation(wish, ownedHash);
    if (mutation !== undefined) return { state: "mutatedByAdmission", uid, paths: mutation.paths };
    if (ownedHash !== wish.hash) return undefined;
    if (memory?.desiredHash !== wish.hash) this.#memories.set(wish.owner.key, wish.ref, { desiredHash: ownedHash });
    return { state: "unchanged", uid };
  }

  /** What admission is known to make of this very wish, if that is what is there. */
  #mutation(wish: Wish, ownedHash: string | undefined): ChildMemory["mutation"] {
    const memory = this.#memories.get(wish.owner.key, wish.ref);
    return memory?.desiredHash === wish.hash && memory.mutation?.ownedHash === ownedHash ? memory.mutation : undefined;
  }

  async #applySeen(wish: Wish, child: Child<unknown>, attempt = 1): Promise<ApplyResult> {
    const settled = this.#settled(wish, child);
    if (settled !== undefined) return settled;
    if (holdingOf(child, wish.owner).by === "other") return this.#adopt(wish);
    const { uid, ownedHash } = child.state;
    const memory = this.#memories.get(wish.owner.key, wish.ref);
    const mutation = this.#mutation(wish, ownedHash);
    const result = memory?.desiredHash === wish.hash || ownedHash === wish.hash ? "repaired" : "updated";
    let applied: LiveObject | undefined;
    if (ownedHash !== wish.hash && mutation === undefined) {
      const revision = OF_ONE_REVISION.has(wish.ref.kind) ? { resourceVersion: child.state.resourceVersion } : {};
      const object = { ...wish.object, metadata: { ...wish.object.metadata, uid, ...revision } };
      try {
        applied = (await this.#transport.apply(wish.target, object, { force: true })).object;
      } catch (error) {
        const outdated = error instanceof KubeError && error.class === "conflict" && OF_ONE_REVISION.has(wish.ref.kind);
        if (!outdated || attempt === APPLY_ATTEMPTS) throw error;
        // Its controllers write it as well; what matters is whether the wish still differs from what is there now.
        return this.#applySeen(wish, this.#reduced(wish, await this.#transport.get(wish.target)), attempt + 1);
      }
    }
    if (applied !== undefined) return this.#cleared(wish, applied, { ours: true, result, attempt });
    // What was found is as old as the store; what is removed is looked up in the object as it is now.
    return this.#cleared(wish, await this.#transport.get(wish.target), { ours: false, ownedHash, result, attempt });
  }

  /**
   * Removes what others added to `found`, which an apply was just answered (`ours`), or a read. Only an apply's own answer shows what admission makes of it: what of ours is another than
   * then, or than `ownedHash`, was written by somebody, and is looked at again.
   */
  async #cleared(wish: Wish, found: LiveObject, { ours, result, attempt, ...known }: Clearing): Promise<ApplyResult> {
    const expected = ours ? this.#reduced(wish, found).state.ownedHash : known.ownedHash;
    const { live, removed } = await this.#withoutAdditions(wish.target, found);
    const now = this.#reduced(wish, live);
    // What was added to an empty object of ours is of ours until it is removed.
    if (now.state.ownedHash === expected || now.state.ownedHash === wish.hash)
      return this.#settle(wish, live, { result, ours: removed || (ours && live === found) });
    if (attempt === APPLY_ATTEMPTS) throw beingWritten(wish.target);
    return this.#applySeen(wish, now, attempt + 1);
  }

  /** Removes what others added, in the object as it is at that moment: its controllers write it as well. `removed`: `live` is what that was answered. */
  async #withoutAdditions(target: Target, found: LiveObject): Promise<{ readonly live: LiveObject; readonly removed: boolean }> {
    let live = found;
    for (let attempt = 1; attempt <= REMOVAL_ATTEMPTS; attempt++) {
      const paths = foreignPaths(live);
      if (paths.length === 0) return { live, removed: false };
      try {
        const rest = await this.#transport.jsonPatch(target, removalPatch(live.metadata.resourceVersion, paths));
        const disowned = foreignPaths(rest).length === 0 ? rest : await this.#transport.jsonPatch(target, disownPatch(rest));
        return { live: disowned, removed: true };
      } catch (error) {
        // A failed `test` is a 422 that does not say so.
        if (!(error instanceof KubeError) || error.class !== "invalid") throw error;
        const now = await this.#transport.get(target);
        if (now.metadata.resourceVersion === live.metadata.resourceVersion) throw error;
        live = now;
      }
    }
    throw beingWritten(target);
  }

  /** Takes in what a write returned: what we own of it must now be what was sent, or admission has had its say. */
  #settle(wish: Wish, live: LiveObject, { result, ours }: { readonly result: Done; readonly ours: boolean }): ApplyResult {
    const { uid } = live.metadata;
    const { store } = wish.source;
    const { ownedHash } = (ours ? store.wrote(live) : store.put(live)).state;
    const { scaled } = this.#memories.get(wish.owner.key, wish.ref) ?? {};
    const kept = scaled === undefined ? {} : { scaled };
    if (ownedHash === wish.hash) {
      // The store's own text: it is kept once.
      this.#memories.set(wish.owner.key, wish.ref, { desiredHash: ownedHash, ...kept });
      return { state: result, uid };
    }
    const paths = differingPaths(wish.projection, ownedProjection(live) ?? {});
    this.#memories.set(wish.owner.key, wish.ref, { desiredHash: wish.hash, ...kept, mutation: { ownedHash, paths } });
    return { state: "mutatedByAdmission", uid, paths };
  }

  #reduced(wish: Wish, live: LiveObject): Child<unknown> {
    return wish.source.store.put(live);
  }

  /** What the API server has of that name although the store shows none. */
  async #unseen(wish: Wish): Promise<Child<unknown> | undefined> {
    const live = await this.#read(wish.target);
    return live && this.#reduced(wish, live);
  }

  /** A child that we know to have applied and the store does not show: its label was taken off, or the watch lags. */
  async #unseenButOurs(owner: Owner, ref: ChildRef, source: ChildSource<unknown>): Promise<Child<unknown> | undefined> {
    if (this.#memories.get(owner.key, ref) === undefined) return undefined;
    const live = await this.#read(targetOf(source, ref));
    return live && source.store.put(live);
  }

  async #read(target: Target): Promise<LiveObject | undefined> {
    try {
      return await this.#transport.get(target);
    } catch (error) {
      if (error instanceof KubeError && error.class === "notFound" && !(error instanceof NotServedError)) return undefined;
      throw error;
    }
  }

  #wishOf(owner: Owner, desired: KubeObject): Wish {
    const { metadata } = desired;
    const { apiVersion, kind } = desired;
    const namespace = metadata.namespace ?? "";
    if (namespace !== owner.key.namespace) throw new Error(`${kind} ${metadata.name}: a child lives in its owner's namespace`);
    const ref = { apiVersion, kind, namespace, name: metadata.name };
    const source = this.#source(ref);
    const reference = {
      apiVersion: owner.apiVersion,
      kind: owner.kind,
      name: owner.key.name,
      uid: owner.uid,
      controller: true,
      blockOwnerDeletion: true,
    };
    const object = { ...desired, metadata: { ...metadata, ownerReferences: [reference] } };
    const projection = desiredProjection(object);
    return { owner, ref, source, target: targetOf(source, ref), object, projection, hash: hashOf(projection), adoption: "now" };
  }

  #source({ apiVersion, kind }: ChildKind): ChildSource<unknown> {
    const source = this.#sources.get(`${apiVersion}/${kind}`);
    if (source === undefined) throw new Error(`${apiVersion} ${kind} is no child kind: it has no source`);
    return source;
  }
}

/** It is ours now, whatever was put right after that. */
function asAdopted(result: ApplyResult): ApplyResult {
  return result.state === "updated" || result.state === "repaired" || result.state === "unchanged"
    ? { state: "adopted", uid: result.uid }
    : result;
}

/** The pass comes again. */
function beingWritten({ resource: { kind }, namespace, name }: Target): KubeError {
  const operation = `repair ${kind} ${namespace}/${name}`;
  return new KubeError({ class: "conflict", status: 409, operation, message: `${kind} ${name} is being written by others` });
}
