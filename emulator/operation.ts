import type { Grants } from "./authorization/iam-policy-evaluator.ts";
import type { ServiceSchema } from "./models/schema.ts";
import type { RequestValidator } from "./models/validate.ts";
import type { Cluster, JsonWebKeySet, Switches } from "./options.ts";
import type { Protocol } from "./protocols/protocol.ts";
import type { Quotas } from "./quotas.ts";
import type { RepositoryRecord, Tags } from "./records.ts";
import type { Store } from "./state.ts";

/** Who calls. */
export interface Caller {
  readonly accessKeyId: string;
  readonly arn: string;
  readonly userId: string;
  /** Undefined: allowed everything. */
  readonly grants: Grants | undefined;
  readonly tags: Tags;
}

export interface Account {
  readonly accountId: string;
  readonly region: string;
}

/** What an operation works with. */
export interface Call extends Account {
  readonly store: Store;
  /** Undefined for the operations of STS that need no credentials. */
  readonly caller: Caller | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly quotas: Quotas;
  readonly switches: Switches;
  readonly oidcIssuerKeys: Readonly<Record<string, JsonWebKeySet>>;
  /** The account's EKS clusters. */
  readonly clusters: readonly Cluster[];
  /** In every repository from its creation on. */
  readonly firstImages: Pick<RepositoryRecord, "images" | "layers">;
  /** Of the users and roles among the options' principals. */
  readonly principalArns: ReadonlySet<string>;
  /** Where a layer can be downloaded for a while. */
  layerUrl(digest: string): string;
  /** A new identifier as IAM makes them: the prefix and 17 letters or digits. */
  uniqueId(prefix: string): string;
  randomBytes(size: number): Uint8Array;
  /** Adds a fact to this call's entry in the action log. */
  note(key: string, value: string): void;
}

/** One action that the caller must be allowed, with what is known of the request and the resource. */
export interface Permission {
  readonly action: string;
  readonly resource: string;
  /** The tags that the resource has now. */
  readonly resourceTags?: Tags;
  readonly requestTags?: Tags;
  /** Tag keys of the request where it has no values, as UntagRole. */
  readonly tagKeys?: readonly string[];
  /** Other condition keys, as `iam:PermissionsBoundary`. Only those that the action has in AWS's catalogue are used. */
  readonly keys?: Readonly<Record<string, string | undefined>>;
}

/** One operation of a service. */
export interface Operation {
  readonly name: string;
  readonly access: "read" | "write";
  /** Whether it is answered to callers without credentials. */
  readonly anonymous: boolean;
  permissions(input: unknown, call: Call): readonly Permission[];
  handle(input: unknown, call: Call): unknown;
}

/** A request after validation: the members that the model requires are there. */
export type Valid<T> = T extends Date | Uint8Array
  ? T
  : T extends readonly (infer Item)[]
    ? Valid<Item>[]
    : T extends object
      ? { [K in keyof T]: object extends Pick<T, K> ? Valid<T[K]> : Valid<NonNullable<T[K]>> }
      : T;

interface Definition<Input, Output> {
  readonly anonymous?: boolean;
  permissions(input: Valid<Input>, call: Call): readonly Permission[];
  handle(input: Valid<Input>, call: Call): Output;
}

function operation<Input, Output>(name: string, access: "read" | "write", definition: Definition<Input, Output>): Operation {
  // The dispatcher validates every request against the model that Input is generated from, so a Valid<Input> is what arrives.
  return { anonymous: false, ...definition, name, access };
}

/** An operation that changes nothing. */
export function read<Input, Output>(name: string, definition: Definition<Input, Output>): Operation {
  return operation(name, "read", definition);
}

/** An operation that changes state when it succeeds. */
export function write<Input, Output>(name: string, definition: Definition<Input, Output>): Operation {
  return operation(name, "write", definition);
}

/** One service: how it speaks, its models and what of it is built. */
export interface Service {
  /** As in the credential scope. */
  readonly name: string;
  /** Whether a region has it of its own; IAM and STS answer whatever region a request is signed for. */
  readonly regional: boolean;
  readonly protocol: Protocol;
  /** The class of its internal errors. */
  readonly internalError: string;
  readonly schema: ServiceSchema;
  readonly validator: RequestValidator;
  readonly operations: ReadonlyMap<string, Operation>;
  /** What else is known of that which the request's text names by an id alone; for the rules of faults. */
  readonly knownOf?: (text: string, store: Store) => string | undefined;
}
