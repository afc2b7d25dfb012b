import type { KubeConfig } from "@kubernetes/client-node";
import { FIELD_MANAGER } from "../crds/meta.ts";
import { KubeError, type Fence } from "../reconcilers/ports.ts";
import type { Clock } from "./clock.ts";
import { errorOfFailure, errorOfGarbage } from "./errors.ts";
import { linesOf, parseFrame } from "./frames.ts";
import { Http, type Call } from "./http.ts";
import { apiVersionOf, resourceName, resourcePath, type ResourceType } from "./kinds.ts";
import { isJsonObject, isLiveObject, type JsonObject, type LiveObject } from "./objects.ts";

/** One object, or one of its subresources. */
export interface Target {
  readonly resource: ResourceType;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: "status" | "scale";
}

export interface ListOptions {
  /** Default: all. */
  readonly namespace?: string;
  readonly labelSelector?: string | undefined;
  readonly signal?: AbortSignal;
  /** What is kept of an object, before the next page is asked for; default: all of it. */
  readonly reduce?: (object: LiveObject) => LiveObject;
}

export interface ObjectList {
  readonly items: readonly LiveObject[];
  readonly resourceVersion: string;
}

export interface ApplyOptions {
  /** Takes over fields that other managers own. */
  readonly force: boolean;
  /** Default: FIELD_MANAGER. */
  readonly manager?: string;
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

/** The one way to the API server. Every method throws KubeError and nothing else (an abort, and what the fence stopped, as `unreachable`). */
export interface Transport {
  get(target: Target): Promise<LiveObject>;
  /** The whole collection, of all namespaces, read in pages. */
  list(resource: ResourceType, options: ListOptions): Promise<ObjectList>;
  create(target: Omit<Target, "name">, object: JsonObject): Promise<LiveObject>;
  /** Server-side apply. */
  apply(target: Target, object: JsonObject, options: ApplyOptions): Promise<Applied>;
  /** `manager`: default FIELD_MANAGER; so of jsonPatch. */
  mergePatch(target: Target, patch: JsonObject, manager?: string): Promise<LiveObject>;
  jsonPatch(target: Target, patch: JsonPatch, manager?: string): Promise<LiveObject>;
  /** `gone`: nothing is left of it; `deleting`: something holds it. */
  delete(target: Target, options: DeleteOptions): Promise<"gone" | "deleting">;
  /** Frames until the server ends the watch; a cut connection throws. */
  watch(resource: ResourceType, options: WatchOptions): AsyncIterable<WatchFrame>;
  /** Gives up the connection that watches share, which a half-open socket may have made deaf; each watch on it throws. */
  resetWatches(): Promise<void>;
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
  /** Of the operator, for the user agent `platform-operator/<version> (<identity>)`. */
  readonly version: string;
  /** Which of several replicas this is, so that an audit log tells them apart. */
  readonly identity?: string;
  readonly clock: Clock;
  readonly observer?: RequestObserver;
  /** Asked before everything that is not a GET; default: nothing is held back. */
  readonly fence?: Fence;
  /** Awaited before each request but watches; default: nothing is waited for. */
  readonly pace?: () => Promise<void>;
  /** Connections of the pool for everything but watches; default 16. */
  readonly connections?: number;
  /** Per request, from its start to the end of its answer; default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Told when connections of replaced certificates could not be closed. */
  readonly onConnectionError?: (error: unknown) => void;
}

/** A transport for the KubeConfig's current context; nothing is sent before the first call. */
export function createTransport(kubeConfig: KubeConfig, options: TransportOptions): Transport {
  return new HttpTransport(new Http(kubeConfig, options));
}

const PAGE_SIZE = 500;

class HttpTransport implements Transport {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  async get(target: Target): Promise<LiveObject> {
    return this.#object(callFor("GET", "get", target, {}));
  }

  async list(resource: ResourceType, options: ListOptions): Promise<ObjectList> {
    try {
      return await this.#pages(resource, options, PAGE_SIZE);
    } catch (error) {
      // The revision of the first page was compacted before the last was read: one unpaged read cannot expire.
      if (error instanceof KubeError && error.class === "expired") return this.#pages(resource, options, undefined);
      throw error;
    }
  }

  async create(target: Omit<Target, "name">, object: JsonObject): Promise<LiveObject> {
    return this.#object(
      callFor("POST", "create", target, { fieldManager: FIELD_MANAGER }, { contentType: "application/json", json: object }),
    );
  }

  async apply(target: Target, object: JsonObject, options: ApplyOptions): Promise<Applied> {
    // JSON is YAML. Strict: a field that this API server does not know is an error, not half an object.
    const { force, manager = FIELD_MANAGER } = options;
    const query = { fieldManager: manager, fieldValidation: "Strict", ...(force ? { force: "true" } : {}) };
    const call = callFor("PATCH", "apply", target, query, { contentType: "application/apply-patch+yaml", json: object });
    const answer = await this.#http.send(call);
    return { created: answer.status === 201, object: liveObject(answer.body, call) };
  }

  async mergePatch(target: Target, patch: JsonObject, manager = FIELD_MANAGER): Promise<LiveObject> {
    const body = { contentType: "application/merge-patch+json", json: patch };
    return this.#object(callFor("PATCH", "patch", target, { fieldManager: manager }, body));
  }

  async jsonPatch(target: Target, patch: JsonPatch, manager = FIELD_MANAGER): Promise<LiveObject> {
    const body = { contentType: "application/json-patch+json", json: patch };
    return this.#object(callFor("PATCH", "patch", target, { fieldManager: manager }, body));
  }

  async delete(target: Target, options: DeleteOptions): Promise<"gone" | "deleting"> {
    const json = {
      kind: "DeleteOptions",
      apiVersion: "v1",
      preconditions: { uid: options.uid },
      propagationPolicy: options.propagationPolicy,
    };
    const { body } = await this.#http.send(callFor("DELETE", "delete", target, {}, { contentType: "application/json", json }));
    // What went at once is answered with a Status, or, as a ServiceAccount, with what it was; what something holds, with the object that now has a deletionTimestamp.
    if (isJsonObject(body) && body.kind === "Status") return "gone";
    return isJsonObject(body) && isJsonObject(body.metadata) && body.metadata.deletionTimestamp === undefined ? "gone" : "deleting";
  }

  async *watch(resource: ResourceType, options: WatchOptions): AsyncGenerator<WatchFrame> {
    const query = {
      watch: "true",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(options.timeoutSeconds),
      labelSelector: options.labelSelector,
      resourceVersion: options.resourceVersion,
      ...(options.sendInitialEvents ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" } : {}),
    };
    const call = callFor("GET", "watch", { resource, namespace: "" }, query);
    const body = await this.#http.stream(call, options.signal);
    const fill = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    try {
      for await (const line of linesOf(body, call.operation)) yield parseFrame(line, call.operation, fill);
    } catch (cause) {
      throw errorOfFailure(call.operation, cause);
    }
  }

  async raw(path: string): Promise<unknown> {
    const answer = await this.#http.send({ method: "GET", path, verb: "get", resource: "raw", operation: `GET ${path}` });
    return answer.body;
  }

  resetWatches(): Promise<void> {
    return this.#http.resetWatches();
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async #object(call: Call): Promise<LiveObject> {
    return liveObject((await this.#http.send(call)).body, call);
  }

  async #pages(resource: ResourceType, options: ListOptions, limit: number | undefined): Promise<ObjectList> {
    const items: LiveObject[] = [];
    const fill = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    let next: string | undefined;
    let resourceVersion: string;
    do {
      const query = {
        labelSelector: options.labelSelector,
        limit: limit === undefined ? undefined : String(limit),
        continue: next,
      };
      const call: Call = { ...callFor("GET", "list", { resource, namespace: options.namespace ?? "" }, query), signal: options.signal };
      const { body } = await this.#http.send(call);
      const meta = isJsonObject(body) && isJsonObject(body.metadata) ? body.metadata : {};
      const page: unknown = isJsonObject(body) ? (body.items ?? []) : undefined;
      if (!Array.isArray(page) || typeof meta.resourceVersion !== "string")
        throw errorOfGarbage(call.operation, "the answer is not a list");
      for (const item of page) {
        const object = liveObject(isJsonObject(item) ? { ...fill, ...item } : item, call);
        items.push(options.reduce?.(object) ?? object);
      }
      resourceVersion = meta.resourceVersion;
      next = typeof meta.continue === "string" && meta.continue !== "" ? meta.continue : undefined;
    } while (next !== undefined);
    return { items, resourceVersion };
  }
}

function liveObject(body: unknown, call: Call): LiveObject {
  if (!isLiveObject(body)) throw errorOfGarbage(call.operation, "the answer is not a Kubernetes object");
  return body;
}

function callFor(
  method: Call["method"],
  verb: string,
  target: Omit<Target, "name"> & { readonly name?: string },
  query: Readonly<Record<string, string | undefined>>,
  body?: Call["body"],
): Call {
  const { resource, namespace, name, subresource } = target;
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.set(key, value);
  const search = parameters.size === 0 ? "" : `?${parameters.toString()}`;
  const suffix = subresource === undefined ? "" : `/${subresource}`;
  const place = [namespace, name].filter((part) => part !== undefined && part !== "").join("/");
  const type = resource.group === "" ? resource.plural : `${resource.plural}/${resource.group}`;
  return {
    method,
    path: resourcePath(resource, { namespace, name, subresource }) + search,
    verb,
    resource: resourceName(resource) + suffix,
    operation: `${method} ${type}${suffix}${place === "" ? "" : ` ${place}`}`,
    ...(body === undefined ? {} : { body }),
  };
}
