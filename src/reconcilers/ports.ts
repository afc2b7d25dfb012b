import type {
  AssociationDesired,
  Difference,
  ExistingRole,
  Identified,
  KubeObject,
  LifecyclePolicy,
  Neighbour,
  NodePoolState,
  PolicyDocument,
  RepositoryDesired,
  RoleDesired,
  RulesNamespaceDesired,
  ServiceState,
} from "../crds/desired.ts";
import type { IdentityMode, MeshProvider } from "../crds/effective.ts";
import type { MeshRouteDesired, VirtualNodeDesired, VirtualRouterDesired, VirtualServiceDesired } from "../crds/mesh-objects.ts";
import type { ObjectKey } from "../crds/meta.ts";
import type { ObjectMeta, PlatformService } from "../crds/platform-service.ts";
import type { PlatformTier } from "../crds/platform-tier.ts";
import type { Sample } from "../resources/slo/budget.ts";

/**
 * What a reconciler needs of the outside, as types. src/kube, src/aws and src/prometheus implement these; nothing here imports an SDK.
 */

// ---------------------------------------------------------------- who may write

/** The right to change the world, which of several replicas one has. src/kube and src/aws ask it right before each change goes out. */
export interface Fence {
  /** Throws FencedError where this process has no such right, by the clock of this very moment. */
  check(): void;
  /** Aborts when the right ends: what is on its way is cut off. */
  readonly signal: AbortSignal;
}

/** Something was not sent, or was cut off, since this process may not change anything now. */
export class FencedError extends Error {
  override readonly name = "FencedError";
}

// ---------------------------------------------------------------- Kubernetes

export interface ChildKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Names one child. */
export interface ChildRef extends ChildKind {
  readonly namespace: string;
  readonly name: string;
}

/** The controller ownerReference that makes a child ours. */
export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly key: ObjectKey;
  readonly uid: string;
}

/** What is kept of a child in memory: a few hundred bytes, enough to know exactly whether it needs a write. */
export interface ChildState {
  readonly ref: ChildRef;
  readonly uid: string;
  readonly resourceVersion: string;
  /** The controller ownerReference, whoever it is. */
  readonly controller: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string } | undefined;
  readonly deleting: boolean;
  /** Hash of the live object projected on our managedFields entry; undefined when we have none. */
  readonly ownedHash: string | undefined;
  /** Guarded paths that a manager outside the allow-list owns; JSON pointers. */
  readonly foreignPaths: readonly string[];
  /** Annotations whose key starts with our group. */
  readonly annotations: Readonly<Record<string, string>>;
}

export type ApplyResult =
  /** As desired; nothing was sent. */
  | { readonly state: "unchanged"; readonly uid: string }
  /** Written: new, changed by our wish, or put back after someone else's change. */
  | { readonly state: "created" | "updated" | "repaired"; readonly uid: string }
  /** It was others' and asked for it (ANNOTATIONS.adoptBy): now it is ours, and as desired. */
  | { readonly state: "adopted"; readonly uid: string }
  /** It is others' and asks for it, which was to be left for later. */
  | { readonly state: "asks" }
  /** It asks for it, and something of it that cannot be changed is not as desired. */
  | { readonly state: "unadoptable"; readonly obstacle: string }
  /** Exists and is not ours. `holder` says whose it is, in words; `free`: nobody's who would have to let go first. */
  | { readonly state: "foreign"; readonly holder: string; readonly free: boolean }
  /** Ours by kind and name but of a dead uid, or being deleted: garbage collection is under way. */
  | { readonly state: "waitingForGarbageCollection" }
  /** The API server does not serve this kind. */
  | { readonly state: "apiMissing"; readonly api: string }
  /** Admission rewrites our values: applied, not equal, not sent again until either side changes. */
  | { readonly state: "mutatedByAdmission"; readonly uid: string; readonly paths: readonly string[] }
  /** Only looked at: it is not there, or not as desired, and would have been written. */
  | { readonly state: "withheld"; readonly found: "absent" | "different" };

/** When what is others' and asks for it is taken over: in this apply, or in one that comes later. */
export type Adoption = "now" | "later";

/** `withheld`: only looked at; it is there and would have been deleted. */
export type Removal = "gone" | "deleting" | "foreign" | "withheld";

/** Writes children: server-side apply under one field manager, by the owned-field hash. Throws KubeError. */
export interface Children {
  /** Makes the child as desired, with the controller ownerReference of `owner` added. Writes only what differs. What asks to be taken over is so `now`, unless it is to be left for `later`. */
  apply(owner: Owner, desired: KubeObject, adoption?: Adoption): Promise<ApplyResult>;
  /** As `apply`, but writes nothing: `withheld` where that would write. */
  look(owner: Owner, desired: KubeObject): Promise<ApplyResult>;
  /** Removes what others added to the child and leaves the rest as it is, where the wish itself cannot be written yet; whether there was anything. */
  strip(owner: Owner, ref: ChildRef): Promise<boolean>;
  /** Deletes the child if it is ours (uid precondition). A kind that is not served is `gone`. */
  remove(owner: Owner, ref: ChildRef): Promise<Removal>;
  /** The child as last seen, if any and if ours. */
  get(owner: Owner, ref: ChildRef): ChildState | undefined;
  /** Every child of ours of these kinds that the watches have seen. */
  owned(owner: Owner, kinds: readonly ChildKind[]): readonly ChildState[];
  /** Whether a child of this name, which we have applied and which is labelled as this owner's, is no longer owned by anyone: the garbage collector orphaned it. */
  released(owner: Owner, ref: ChildRef): boolean;
  /** Sets `spec.replicas` through /scale; only where it differs. */
  scale(owner: Owner, ref: ChildRef, replicas: number): Promise<void>;
  /** Drops what is remembered of an owner's children: what admission rewrites is tried again. */
  forget(owner: ObjectKey): void;
}

/** What sets fields of workloads that squads bring: server-side apply under a manager of each service's own (holdManager), never forced, never a creation. Throws KubeError. */
export interface Holds {
  /** Makes the fields of `desired` so, where nobody else owns them. Writes only what differs. */
  hold(owner: Owner, desired: KubeObject): Promise<HoldResult>;
  /** As `hold`, but writes nothing: `withheld` where that would write. */
  look(owner: Owner, desired: KubeObject): Promise<HoldResult>;
  /** Takes back all that the service holds of it, and nothing else. `withheld`: only looked at. */
  release(owner: Owner, ref: ChildRef): Promise<"released" | "withheld">;
  /** What the service holds fields of, as last seen. */
  held(owner: ObjectKey): readonly ChildState[];
  /** Drops what is remembered: what admission rewrites is tried again. */
  forget(owner: ObjectKey): void;
}

export type HoldResult =
  | { readonly state: "unchanged" | "held" | "repaired" }
  /** Nothing was written: others own some of the fields. */
  | { readonly state: "conflict"; readonly conflicts: readonly FieldConflict[] }
  | { readonly state: "apiMissing"; readonly api: string }
  | { readonly state: "absent" }
  | { readonly state: "mutatedByAdmission"; readonly paths: readonly string[] }
  | { readonly state: "withheld" };

/** What pods are made from, and how far that has come. */
export interface TemplateState {
  readonly labels: Readonly<Record<string, string>>;
  /** Of every container and init container, as the template names them. */
  readonly images: readonly string[];
  /** ANNOTATIONS.identity of the pod template. */
  readonly identity: string | undefined;
  /** Which mesh the pod template asks to be in. */
  readonly mesh: MeshProvider;
  /** Ports at which the kubelet asks its pods. */
  readonly probedPorts: readonly number[];
  /** The newest pod template has once been rolled out whole: no other makes pods. */
  readonly rolledOut: boolean;
}

/** How a workload's own controller says that it fares. `message`: its words; empty where it has none. */
export interface Progress {
  readonly state: "complete" | "underWay" | "paused" | "stuck";
  readonly message: string;
}

/** A Deployment or a Rollout, whoever made it. */
export interface WorkloadState extends TemplateState {
  /** It has a pod template of its own; a Rollout may take another workload's. */
  readonly hasTemplate: boolean;
  readonly progress: Progress;
  /** Of all its rollouts, as its controller counts them. */
  readonly readyReplicas: number;
}

/** A workload that a squad may bring, as last seen. */
export interface BroughtState extends WorkloadState {
  /** ANNOTATIONS.managedBy. */
  readonly managedBy: string | undefined;
  /** The PlatformService whose own child it is; undefined: of none. */
  readonly childOf: string | undefined;
  readonly deleting: boolean;
}

export interface DeploymentState extends WorkloadState {
  readonly replicas: number;
  /** Of the application's container in the pod template, as `repository@sha256:…`. */
  readonly image: string | undefined;
}

export interface PodState {
  readonly name: string;
  readonly ready: boolean;
  readonly deleting: boolean;
  /** Images of the containers, by container name. */
  readonly images: Readonly<Record<string, string>>;
  /** By container name `sha256:…` of the images that are named without one, as soon as a node has them. */
  readonly digests: Readonly<Record<string, string>>;
  /** Names of containers and init containers: tells whether the pod is in a mesh of sidecars. */
  readonly containers: readonly string[];
  /** ANNOTATIONS.identity: under which role it runs. */
  readonly identity: string | undefined;
  /** Which token its container was given, by its template or by EKS's webhook; undefined: neither. */
  readonly token: IdentityMode | undefined;
  /** ambient.istio.io/redirection is `enabled`: tells whether the pod is in a mesh without them. */
  readonly redirected: boolean;
  /** Ports at which the kubelet asks it. */
  readonly probedPorts: readonly number[];
  /** Its labels are not those of the service's own Deployment. */
  readonly brought: boolean;
  /** Why it does not run, in the cluster's own words: reason (ImagePullBackOff, Unschedulable, OOMKilled, …) and message. */
  readonly trouble: { readonly reason: string; readonly message: string } | undefined;
}

export interface GatewayState {
  /** Its controller has set it up, and its pods run. */
  readonly programmed: boolean;
}

/** A Certificate of cert-manager's. */
export interface CertificateState {
  /** Its Secret is there, and as the Certificate asks. */
  readonly ready: boolean;
  /** cert-manager is at it. */
  readonly issuing: boolean;
  /** How often it has been issued; another one is another certificate in the Secret. */
  readonly revision: number;
  /** Why it is not ready, in cert-manager's words; undefined: nothing is said. */
  readonly trouble: string | undefined;
}

/** What the watches have seen. Never asks the API server; synchronous. */
export interface World {
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined;
  /** The service's own Deployment. */
  deployment(key: ObjectKey): DeploymentState | undefined;
  /** Any Deployment or Rollout of the cluster. */
  workload(ref: ChildRef): BroughtState | undefined;
  /** Of all that makes pods of the service: its own Deployment, and what it holds fields of. */
  templates(key: ObjectKey): readonly TemplateState[];
  /** Pods that carry the service's label. */
  pods(key: ObjectKey): readonly PodState[];
  /** The autoscaler's desired replicas. */
  autoscalerReplicas(key: ObjectKey): number | undefined;
  /** Undefined: the API server does not serve NodePools. */
  nodePools(): ReadonlyMap<string, NodePoolState> | undefined;
  /** Whether the API server serves this kind now. */
  serves(apiVersion: string, kind: string): boolean;
  neighbour(key: ObjectKey): Neighbour | undefined;
  /** How many services name this tier, of those whose rollouts are paced together. */
  servicesOfTier(tier: string): number;
  /** Those of them whose workload is being rolled out for a reason outside their spec (ANNOTATIONS.pacedRollout), and that are neither paused nor suspended. */
  pacedRollouts(tier: string): readonly ObjectKey[];
  /** Undefined: no such tier. */
  tier(name: string): PlatformTier | undefined;
  /** A Gateway, as a service names one for its waypoint; undefined: there is none, or the API server does not serve them. */
  gateway(key: ObjectKey): GatewayState | undefined;
  /** A Certificate of ours; undefined: it is not there. */
  certificate(key: ObjectKey): CertificateState | undefined;
  /** Any Service of the cluster. */
  kubernetesService(key: ObjectKey): ServiceState | undefined;
  /** Names of NetworkPolicies in the namespace that are not ours and select the given pod labels. */
  foreignPolicies(namespace: string, podLabels: Readonly<Record<string, string>>): readonly string[];
  /** The same of PodDisruptionBudgets. */
  foreignBudgets(namespace: string, podLabels: Readonly<Record<string, string>>): readonly string[];
}

/** Writes to the objects that people commit: finalizers and status, never the spec. Throws KubeError, `conflict` where the object has moved on. */
export interface PrimaryWriter<T extends { readonly metadata: ObjectMeta }> {
  /** `gone`: it is being deleted, and went by an earlier pass, of which the watch has not told yet. */
  setFinalizers(object: T, finalizers: readonly string[]): Promise<"written" | "gone">;
  writeStatus(object: T, status: object): Promise<void>;
}

/** Tells people what changed. Never throws into a pass. */
export interface EventSink {
  record(
    regarding: PlatformService | PlatformTier,
    event: { readonly type: "Normal" | "Warning"; readonly reason: string; readonly action: string; readonly note: string },
  ): void;
}

// ---------------------------------------------------------------- AWS

export type Observation<Observed> =
  | { readonly state: "absent" }
  /** Exists, and its ownership tags are not ours. */
  | { readonly state: "foreign"; readonly owner: string }
  | { readonly state: "present"; readonly observed: Observed };

/**
 * One kind of AWS object. `observe` never writes; every call is idempotent; errors are AwsError.
 * Ownership is by tags (AWS_TAGS); `create` on a name that exists throws AwsError `exists`, and the caller observes again.
 */
export interface ExternalResource<Desired extends { readonly name: string }, Observed> {
  /** Group and kind as in `status.resources`: `iam.aws`, `Role`. */
  readonly group: string;
  readonly kind: string;
  /** `told`: what a bulk read has just told of it, which need not be asked again; whose it is always is. */
  observe(desired: Identified, told?: Observed): Promise<Observation<Observed>>;
  /** Pure. Empty: as desired. */
  differences(desired: Desired, observed: Observed): readonly Difference[];
  /** Another one: it was deleted and made again, or changed, which a bulk read may tell no more of. Pure. Undefined, as by default: the answer did not tell. */
  revision?(observed: Observed): string | undefined;
  create(desired: Desired): Promise<Observed>;
  /** Changes what differs and nothing else. */
  update(desired: Desired, observed: Observed, differences: readonly Difference[]): Promise<Observed>;
  /** Deletes it if it is ours. */
  delete(target: Identified & { readonly force: boolean }): Promise<ExternalRemoval>;
  /** Of a kind that may outlive its service: notes on it that it does so on purpose (RETAINED_TAG), if it is there and ours. */
  retain?(target: Identified): Promise<void>;
}

export type ExternalRemoval =
  | { readonly state: "gone" }
  | { readonly state: "foreign" }
  /** AWS has taken the deletion in, and is at it. */
  | { readonly state: "deleting" }
  | { readonly state: "blocked"; readonly reason: string; readonly message: string };

/** One kind of AWS object that others own and services use: it is read and never written. */
export interface Lookup<Observed> {
  /** Undefined: there is none of that name. Throws AwsError. */
  read(name: string): Promise<Observed | undefined>;
}

export interface RoleObserved {
  readonly arn: string;
  /** RoleId; another one: it was deleted and made again. */
  readonly id: string;
  readonly path: string;
  readonly description: string | undefined;
  readonly trustPolicy: PolicyDocument;
  /** By policy name; ours is INLINE_POLICY_NAME, any other is drift. */
  readonly inlinePolicies: Readonly<Record<string, PolicyDocument>>;
  readonly attachedPolicyArns: readonly string[];
  readonly permissionsBoundaryArn: string | undefined;
  /** Undefined where the read does not tell (the bulk read). */
  readonly maxSessionDuration: number | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

export interface RepositoryObserved {
  readonly arn: string;
  readonly uri: string;
  /** Milliseconds since 1970; another one: it was deleted and made again. Undefined where an answer does not tell. */
  readonly createdAt: number | undefined;
  readonly immutable: boolean;
  readonly encryption: { readonly type: string; readonly kmsKey: string | undefined };
  /** Undefined where the read does not tell (the bulk read); null: there is none. */
  readonly lifecyclePolicy: LifecyclePolicy | null | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

/** A member is undefined where the read does not tell (the bulk read); null: there is none. */
export interface AssociationObserved {
  readonly arn: string;
  readonly id: string;
  readonly roleArn: string | undefined;
  /** Whether sessions carry whose they are. */
  readonly sessionTags: boolean | undefined;
  readonly policy: string | null | undefined;
  readonly targetRoleArn: string | null | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

/** A rule groups namespace of Amazon Managed Service for Prometheus, which takes in what is written after it has answered. */
export interface RulesNamespaceObserved {
  readonly arn: string;
  readonly status: "ACTIVE" | "underWay" | "failed";
  /** In its words, why it failed. */
  readonly statusReason: string | undefined;
  /** SHA-256 of the rule file, in hex; undefined where the read does not tell (the bulk read). */
  readonly dataHash: string | undefined;
  /** Milliseconds since 1970; another one: it was written again. Undefined where an answer does not tell. */
  readonly modifiedAt: number | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/** An object of App Mesh, of any kind. */
export interface MeshObjectObserved {
  readonly arn: string;
  /** Another one: it was changed, or deleted and made again. */
  readonly revision: string;
  /** As App Mesh has it; undefined where the read does not tell (the bulk read). */
  readonly spec: object | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

export type ImageReference = { readonly tag: string } | { readonly digest: string };

export interface ResolvedImage {
  /** `sha256:…` of the manifest or index that the reference names. */
  readonly digest: string;
  /** Kubernetes names: amd64, arm64, …; sorted. */
  readonly architectures: readonly string[];
}

/** Of an image or an index, as it was pushed. */
export interface ImageManifest {
  readonly text: string;
  readonly mediaType: string | undefined;
}

/** Reads images of one account's registry. */
export interface ImageReader {
  /** With the manifest of `digest`. Undefined: no such image. */
  resolve(repository: string, image: ImageReference): Promise<(ResolvedImage & { readonly manifest: ImageManifest }) | undefined>;
}

/** Keeps images from expiring, by a tag of ours on each (crds/aws-names.ts). */
export interface ImageKeeper {
  /** Digests of the images that carry our tag. */
  kept(repository: string): Promise<readonly string[]>;
  /** Puts our tag on the image; `manifest`: the image's, where it was read in the same pass, else it is read. `tagTaken`: another image has it. `withheld`: it would have been put, in a pass that must not write. */
  keep(repository: string, digest: string, manifest?: ImageManifest): Promise<"kept" | "absent" | "tagTaken" | "withheld">;
  /** Takes our tag off the image. `onlyTag`: it was left, because an image goes with its last tag. `withheld`: as for `keep`. */
  release(repository: string, digest: string): Promise<"released" | "onlyTag" | "withheld">;
}

/** What the registry as a whole does for repositories, by the filters of its rules (reconcilers/registry-rules.ts). */
export interface RegistryObserved {
  /** Repositories that are scanned when an image is pushed, or all the time. */
  readonly scanning: readonly string[];
  /** Prefixes of the names of repositories that are replicated; an empty one is all of them. */
  readonly replication: readonly string[];
}

/** Tags of one object, by what the bulk read tells of it, where that does not tell its tags. Undefined: it is not there any more. */
export interface TagReader {
  repository(arn: string): Promise<Readonly<Record<string, string>> | undefined>;
  association(id: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Of any kind of App Mesh. */
  meshObject(arn: string): Promise<Readonly<Record<string, string>> | undefined>;
}

/** The periodic sweep: everything of ours in few paged calls. Keys of the maps are names. */
export interface BulkReader {
  registry(): Promise<RegistryObserved>;
  /** Our roles, and of the others those that are named. */
  roles(existing: ReadonlySet<string>): Promise<RolesInBulk>;
  /** Those below the prefix, whosever they are, and of the others those that are named. */
  repositories(existing: ReadonlySet<string>): Promise<ReadonlyMap<string, RepositoryObserved>>;
  /** Of the cluster, without those of add-ons. */
  associations(): Promise<ReadonlyMap<string, AssociationObserved>>;
  /** Of this cluster in the configuration's workspace; there has to be one. */
  rulesNamespaces(): Promise<ReadonlyMap<string, RulesNamespaceObserved>>;
  /** Everything in the mesh, whosever it is; of routes, those of the routers that are named. */
  meshObjects(routers: ReadonlySet<string>): Promise<MeshObjectsInBulk>;
}

export interface MeshObjectsInBulk {
  readonly virtualNodes: ReadonlyMap<string, MeshObjectObserved>;
  readonly virtualRouters: ReadonlyMap<string, MeshObjectObserved>;
  /** By `router/route`. */
  readonly routes: ReadonlyMap<string, MeshObjectObserved>;
  readonly virtualServices: ReadonlyMap<string, MeshObjectObserved>;
}

/** App Mesh. Where a create finds that the mesh itself is not there, it throws AwsError with the code MESH_NOT_FOUND. */
export interface MeshResources {
  readonly virtualNodes: ExternalResource<VirtualNodeDesired, MeshObjectObserved>;
  readonly virtualRouters: ExternalResource<VirtualRouterDesired, MeshObjectObserved>;
  readonly routes: ExternalResource<MeshRouteDesired, MeshObjectObserved>;
  readonly virtualServices: ExternalResource<VirtualServiceDesired, MeshObjectObserved>;
  /** Reads by a router's name. */
  readonly routesOfRouter: Lookup<RoutesOfRouter>;
}

/** Names of all routes in a router, whosever they are, as `router/route`; sorted. */
export interface RoutesOfRouter {
  readonly names: readonly string[];
}

/** Nothing can be made in a mesh that is not there. */
export const MESH_NOT_FOUND = "MeshNotFound";

export interface RolesInBulk {
  readonly ours: ReadonlyMap<string, RoleObserved>;
  readonly existing: ReadonlyMap<string, ExistingRole>;
}

export interface Aws {
  readonly roles: ExternalResource<RoleDesired, RoleObserved>;
  readonly existingRoles: Lookup<ExistingRole>;
  readonly repositories: ExternalResource<RepositoryDesired, RepositoryObserved>;
  readonly existingRepositories: Lookup<RepositoryObserved>;
  readonly associations: ExternalResource<AssociationDesired, AssociationObserved>;
  readonly rulesNamespaces: ExternalResource<RulesNamespaceDesired, RulesNamespaceObserved>;
  readonly mesh: MeshResources;
  readonly images: ImageReader;
  readonly imageKeeper: ImageKeeper;
  readonly bulk: BulkReader;
  readonly tags: TagReader;
  /** How many images a repository holds, those without a tag too; 0 where there is no such repository. */
  imageCount(repository: string): Promise<number>;
}

/** The classes of failure that AWS's many error names fall into (aws.md, Errors). */
export type AwsErrorClass = "absent" | "exists" | "busy" | "throttled" | "denied" | "invalid" | "overQuota" | "unreachable" | "unexpected";

/** Thrown by everything in src/aws; `message` is AWS's own sentence, without request ids. */
export class AwsError extends Error {
  override readonly name = "AwsError";
  readonly class: AwsErrorClass;
  /** AWS's error code, as NoSuchEntity. */
  readonly code: string;
  /** As `iam:CreateRole`. */
  readonly operation: string;
  constructor(fields: { class: AwsErrorClass; code: string; operation: string; message: string; cause?: unknown }) {
    super(fields.message, { cause: fields.cause });
    this.class = fields.class;
    this.code = fields.code;
    this.operation = fields.operation;
  }
}

export type KubeErrorClass =
  | "notFound"
  | "conflict"
  | "alreadyExists"
  | "denied"
  | "invalid"
  | "expired"
  | "throttled"
  | "server"
  | "unreachable"
  | "unexpected";

/** A field that another manager owns, as `spec.template.spec.serviceAccountName`. */
export interface FieldConflict {
  readonly manager: string;
  readonly field: string;
}

/** Thrown by everything in src/kube; `message` is the API server's own, trimmed. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly class: KubeErrorClass;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** As `PATCH deployments/apps payments/settlement`. */
  readonly operation: string;
  /** Milliseconds that the server asked to wait (Retry-After). */
  readonly retryAfterMs: number | undefined;
  /** What kept an apply without force from being carried out; empty otherwise. */
  readonly fieldConflicts: readonly FieldConflict[];
  constructor(fields: {
    class: KubeErrorClass;
    status: number;
    operation: string;
    message: string;
    retryAfterMs?: number | undefined;
    fieldConflicts?: readonly FieldConflict[];
    cause?: unknown;
  }) {
    super(fields.message, { cause: fields.cause });
    this.class = fields.class;
    this.fieldConflicts = fields.fieldConflicts ?? [];
    this.status = fields.status;
    this.operation = fields.operation;
    this.retryAfterMs = fields.retryAfterMs;
  }
}

// ---------------------------------------------------------------- Prometheus

/** Why there is no answer: nobody there in time; not let in, or nothing to show; asked and not answered; or answered what is none. */
export type PrometheusFailure = "Unreachable" | "Unauthorized" | "Refused" | "BadAnswer";

export type PrometheusAnswer =
  /** `whole`: what is not among them is not there. Otherwise the server warned that some of it may be missing. */
  | { readonly state: "answered"; readonly samples: readonly Sample[]; readonly whole: boolean }
  | { readonly state: "failed"; readonly reason: PrometheusFailure; readonly message: string };

/** A server of Prometheus' API. Never throws: that it does not answer is a value. */
export interface Prometheus {
  /** An instant query, now. */
  query(expression: string, signal: AbortSignal): Promise<PrometheusAnswer>;
}

/** An HTTP request as it will be sent. */
export interface UnsignedRequest {
  readonly method: "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Resolves to all headers to send, AWS's signature among them. Throws where there are no credentials. */
export type RequestSigner = (request: UnsignedRequest) => Promise<Readonly<Record<string, string>>>;
