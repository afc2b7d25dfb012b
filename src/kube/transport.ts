import type { KubeConfig } from "@kubernetes/client-node";
import type { Clock } from "./clock.ts";
import type { ResourceType } from "./kinds.ts";
import type { JsonObject, LiveObject } from "./objects.ts";

/** One object, or one of its subresources. */
export interface Target {
  readonly resource: ResourceType;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: "status" | "scale";
}

export interface ListOptions {
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly signal?: AbortSignal;
}

export interface ObjectList {
  readonly items: readonly LiveObject[];
  readonly resourceVersion: string;
}

export interface ApplyOptions {
  /** Takes over fields that other managers own. */
  readonly force: boolean;
}

export interface Applied {
  readonly created: boolean;
  readonly object: LiveObject;
}

export interface DeleteOptions {
  readonly uid: string;
  readonly propagationPolicy: "Background" | "Foreground" | "Orphan";
}

export type JsonPatch = readonly (
  | { readonly op: "test" | "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
)[];

export interface WatchOptions {
  readonly labelSelector?: string | undefined;
  readonly resourceVersion?: string | undefined;
  /** WatchList: begin with what exists, ended by an annotated bookmark. */
  readonly sendInitialEvents: boolean;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/** One line of a watch; an `ERROR` frame is thrown as KubeError instead. */
export type WatchFrame =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: LiveObject }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string; readonly initialEventsEnd: boolean };

/** The one way to the API server. Every method throws KubeError and nothing else (an abort included, as `unreachable`). */
export interface Transport {
  get(target: Target): Promise<LiveObject>;
  /** The whole collection, read in pages. */
  list(resource: ResourceType, options: ListOptions): Promise<ObjectList>;
  create(target: Omit<Target, "name">, object: JsonObject): Promise<LiveObject>;
  /** Server-side apply as FIELD_MANAGER. */
  apply(target: Target, object: JsonObject, options: ApplyOptions): Promise<Applied>;
  mergePatch(target: Target, patch: JsonObject): Promise<LiveObject>;
  jsonPatch(target: Target, patch: JsonPatch): Promise<LiveObject>;
  /** `gone`: nothing is left of it; `deleting`: something holds it. */
  delete(target: Target, options: DeleteOptions): Promise<"gone" | "deleting">;
  /** Frames until the server ends the watch; a cut connection throws. */
  watch(resource: ResourceType, options: WatchOptions): AsyncIterable<WatchFrame>;
  /** GET of any path, as parsed JSON or text: discovery, /readyz, /version. */
  raw(path: string): Promise<unknown>;
  /** Ends keep-alive connections; what is in flight is aborted. */
  close(): Promise<void>;
}

/** Told of every request when its answer, or its failure (code 0), is there. A watch counts when it is accepted. */
export interface RequestObserver {
  request(verb: string, resource: string, code: number, seconds: number): void;
}

export interface TransportOptions {
  /** Of the operator, for the user agent `platform-operator/<version>`. */
  readonly version: string;
  readonly clock: Clock;
  readonly observer?: RequestObserver;
  /** Connections of the pool for everything but watches; default 16. */
  readonly connections?: number;
  /** Per request; default 30 s. */
  readonly requestTimeoutMs?: number;
}

export declare function createTransport(kubeConfig: KubeConfig, options: TransportOptions): Transport;
