import type { FaultSubject } from "./faults.ts";
import type { Quotas } from "./quotas.ts";
import type { RepositoryRecord } from "./records.ts";

/** An IAM policy as JSON. */
export interface PolicyDocument {
  readonly Version?: string;
  readonly Id?: string;
  readonly Statement: unknown;
}

/** Someone who may call: by access key (any secret), with a policy that is evaluated on every call; without one, everything is allowed. */
export interface Principal {
  /** With `*` at its end: every key that begins so, each a caller of its own. */
  readonly accessKeyId: string;
  readonly arn: string;
  readonly policy?: PolicyDocument | undefined;
}

/** Behaviour that AWS does not document, or that a test wants harsher than AWS. */
export interface Switches {
  /** A trust policy that names an OIDC provider or a role that does not exist: AWS refuses some and not others. */
  readonly unknownPrincipal: "refuse" | "accept";
  /** What a permission is checked on for a role that is not there: IAM cannot know its path, and checks `role/NAME`; or it is not checked. */
  readonly absentRole: "withoutPath" | "notChecked";
  /** A web identity token of an issuer whose keys the emulator was not given: its claims are believed, or it is refused. */
  readonly unverifiedWebIdentity: "accept" | "refuse";
  /**
   * What EKS looks at of a Pod Identity association's role: nothing, that it is there, or that its trust policy also names
   * pods.eks.amazonaws.com. EKS has been seen to refuse both (terraform-provider-aws issues 34711 and 41483); no document says so.
   */
  readonly podIdentityRole: "notChecked" | "exists" | "trusts";
  /** A change or deletion of an association that an add-on owns. */
  readonly ownedAssociation: "refuse" | "accept";
  /** A create of a mesh object that exists, of the same content and another client token: ConflictException, or answered as the first was. */
  readonly sameMeshObject: "conflict" | "answered";
  /** A virtual node, router or service that a spec names and that is not there. */
  readonly absentMeshObject: "refuse" | "accept";
  /** A virtual node that a route targets: it could be deleted in 2019 (aws-app-mesh-roadmap issue 103) and in 2023 (aws-nuke issue 913). */
  readonly targetedVirtualNode: "deletable" | "refuse";
  /** Whether a caller needs the permission also on the mesh objects that a spec names; the Service Authorization Reference only lists them. */
  readonly namedMeshObjects: "checked" | "notChecked";
  /** Milliseconds that Amazon Managed Service for Prometheus is at what it has answered to: creating, updating, deleting. */
  readonly managedPrometheusMs: number;
  /** Rules that cannot be parsed, or break a quota of the workspace: ValidationException, or taken and then CREATION_FAILED or UPDATE_FAILED. */
  readonly badRules: "refuse" | "fail";
  /** A request that was signed more than five minutes from the emulator's time: refused as AWS does, or answered, for clocks that a test moves. */
  readonly skewedClock: "refuse" | "accept";
  /** Pages hold at most this many items, whatever a call asks for; for tests of paging. */
  readonly maxPageSize: number | undefined;
}

export const DEFAULT_SWITCHES: Switches = {
  unknownPrincipal: "refuse",
  absentRole: "withoutPath",
  unverifiedWebIdentity: "accept",
  podIdentityRole: "trusts",
  ownedAssociation: "refuse",
  sameMeshObject: "conflict",
  absentMeshObject: "refuse",
  targetedVirtualNode: "deletable",
  namedMeshObjects: "checked",
  managedPrometheusMs: 300,
  badRules: "fail",
  skewedClock: "accept",
  maxPageSize: undefined,
};

/** Public keys of an OIDC issuer, as its jwks_uri serves them. */
export interface JsonWebKeySet {
  readonly keys: readonly { readonly kid?: string; readonly [member: string]: unknown }[];
}

/** An EKS cluster of the account. */
export interface Cluster {
  readonly name: string;
  /** With `https://`: the issuer of its service account tokens. */
  readonly oidcIssuer: string;
}

export interface EmulatorOptions {
  /** Twelve digits. */
  readonly accountId: string;
  readonly region: string;
  /** On 127.0.0.1; 0, the default, takes a free one. */
  readonly port?: number;
  readonly stateFile?: string | undefined;
  readonly principals?: readonly Principal[];
  /** Those that exist; none, by default. */
  readonly clusters?: readonly Cluster[];
  /** Ids of the workspaces of Amazon Managed Service for Prometheus that there are from the start; none, by default. */
  readonly workspaces?: readonly string[];
  /** Unknown access keys are administrators of the account rather than refused. */
  readonly allowAnyKey?: boolean;
  readonly quotas?: Partial<Quotas>;
  readonly switches?: Partial<Switches>;
  /** Issuer URL to its keys: tokens of these issuers must be signed by one of them. */
  readonly oidcIssuerKeys?: Readonly<Record<string, JsonWebKeySet>>;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  readonly randomBytes?: (size: number) => Uint8Array;
  /** What is in every repository from its creation on, as if a pipeline had been that fast; default: nothing. */
  readonly firstImages?: Pick<RepositoryRecord, "images" | "layers"> | undefined;
  /** Told of each call before anything becomes of it. */
  readonly observer?: ((call: FaultSubject) => void) | undefined;
}
