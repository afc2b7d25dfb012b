import type { AssociationDesired, Difference, ExistingRole, Identified, RepositoryDesired, RoleDesired } from "../../src/crds/desired.ts";
import type { Condition } from "../../src/crds/conditions.ts";
import { repositoryName } from "../../src/crds/effective.ts";
import { API_VERSION, SERVICE_FINALIZER, type ObjectKey } from "../../src/crds/meta.ts";
import type { OperatorConfig } from "../../src/crds/operator-config.ts";
import { platformServiceSpec, type PlatformService, type PlatformServiceStatus, type Slo } from "../../src/crds/platform-service.ts";
import { Borrowed } from "../../src/reconcilers/borrowed.ts";
import { Converger } from "../../src/reconcilers/converge.ts";
import { MeshConvergers } from "../../src/reconcilers/mesh-convergers.ts";
import { BudgetMemory } from "../../src/reconcilers/platform-service/budget-memory.ts";
import { ImageMemory } from "../../src/reconcilers/platform-service/image-memory.ts";
import { reconcileService, type Done, type PassListener } from "../../src/reconcilers/platform-service/reconcile.ts";
import {
  AwsError,
  KubeError,
  type AssociationObserved,
  type Children,
  type ChildState,
  type DeploymentState,
  type ExternalRemoval,
  type ExternalResource,
  type MeshResources,
  type Holds,
  type Observation,
  type PrometheusAnswer,
  type RepositoryObserved,
  type RoleObserved,
  type World,
} from "../../src/reconcilers/ports.ts";
import { roleName } from "../../src/resources/iam/role.ts";
import { RolloutBudget } from "../../src/reconcilers/rollout-budget.ts";
import type { Outcome } from "../../src/reconcilers/step.ts";
import { shippedTier, testConfig } from "./effective-services.ts";
import { NO_APP_MESH } from "./no-app-mesh.ts";
import { NO_HOLDS } from "./no-holds.ts";
import { NO_MANAGED_PROMETHEUS } from "./no-managed-prometheus.ts";
import { childState, deploymentState } from "./workload-states.ts";

/** Passes over one service in a world in memory: what it holds, what a pass says, and every write that it tried. */

const KEY = { namespace: "dispatch", name: "matching" };
const DIGEST = `sha256:${"1".repeat(64)}`;
const URI = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/dispatch/matching";
/** As a role or a repository that is as desired, as far as a pass looks into it. */
const ROLE: RoleObserved = {
  arn: "arn:aws:iam::111122223333:role/matching",
  id: "AROAMATCHING",
  path: "/",
  description: undefined,
  trustPolicy: { Version: "2012-10-17", Statement: [] },
  inlinePolicies: {},
  attachedPolicyArns: [],
  permissionsBoundaryArn: undefined,
  maxSessionDuration: 3600,
  tags: {},
};
const REPOSITORY: RepositoryObserved = {
  arn: "arn:aws:ecr:eu-west-1:111122223333:repository/dispatch/matching",
  uri: URI,
  createdAt: Date.parse("2026-11-01T09:00:00Z"),
  immutable: true,
  encryption: { type: "AES256", kmsKey: undefined },
  lifecyclePolicy: null,
  tags: {},
};

const ASSOCIATION: AssociationObserved = {
  arn: "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/demo/a-1",
  id: "a-1",
  roleArn: ROLE.arn,
  sessionTags: true,
  policy: null,
  targetRoleArn: null,
  tags: {},
};

/** What a test may say of it beside what the watches have seen. */
export interface ServicePassOptions {
  /** App Mesh, for services that are in it. */
  readonly appMesh?: MeshResources;
  /** Told of each object as it is asked for, in Kubernetes and in AWS. */
  readonly asked?: (object: unknown) => void;
  /** The whole object as it is stored first. */
  readonly stored?: Pick<PlatformService, "metadata" | "spec">;
  /** Told of each pass, as the listener is. */
  readonly passed?: PassListener["passed"];
}

export interface ServicePass {
  /** Metadata and spec from now on, over what they are. */
  change(changes: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly spec?: object;
    readonly finalizers?: readonly string[];
    /** As the API server counts changes of the spec. */
    readonly generation?: number;
    /** RFC 3339: since when it is being deleted. */
    readonly deletionTimestamp?: string;
  }): void;
  /** What AWS and the cluster hold: absent, as desired, other than that, or other whatever is written; of children: those of an earlier service, being deleted. */
  readonly holds: Record<
    "Role" | "Repository" | "PodIdentityAssociation" | "images" | "children",
    "nothing" | "desired" | "drift" | "stuck"
  >;
  /** All that a service without Pod Identity has is as desired. */
  allDesired(): void;
  /** Kinds of which an object of others has the child's name, and whether it asks to be taken over. */
  readonly theirs: Map<string, "stays" | "asks">;
  /** Names of Deployments that the service holds fields of. */
  readonly held: Set<string>;
  /** What else the service owns of children, by kind. */
  readonly owned: Set<string>;
  /** Whether the object has moved on since it was read, so that no status of it can be written. */
  outdated(is: boolean): void;
  /** The object is gone, and the watch has not told of it. */
  vanished(): void;
  /** Whether its Deployment has been, whole; at first it has. */
  rolledOut(is: boolean): void;
  /** What AWS answers from now on when something of it is to go; first that it is gone. */
  removal(answer: ExternalRemoval | AwsError): void;
  /** The architectures that its image names. */
  pushed(architectures: readonly string[]): void;
  /** What was taken over, as people are told. */
  readonly told: readonly string[];
  /** AWS answers nothing but errors. */
  unreachable(): void;
  /** Prometheus says so of all there is; whether that changes what is known of the service. */
  answered(answer: PrometheusAnswer): boolean;
  /** It was deleted and made again, as desired as far as a bulk read tells. */
  remade(kind: "Role" | "Repository"): void;
  /** The process that leads is another one, which knows what the status says alone; and has read all roles and repositories at once, of which its own are as desired as far as that tells. */
  handedOver(): void;
  /** Milliseconds since the epoch. */
  at(now: number): void;
  pass(): Promise<Outcome>;
  status(): PlatformServiceStatus;
  condition(type: string): string | undefined;
  /** As `apply Deployment matching`, `update Role`, `finalizers`; what was asked of AWS as `observe Role`. Since the last call. */
  calls(): readonly string[];
}

/** A service of which nothing is there yet, with its finalizer; `seen` is what the watches have seen otherwise, of children `own`. */
export function servicePass(
  seen: Partial<World> = {},
  own: Pick<Children, "get"> = { get: () => undefined },
  config: OperatorConfig = testConfig(),
  { appMesh = NO_APP_MESH, asked = () => undefined, stored: first, passed = () => undefined }: ServicePassOptions = {},
): ServicePass {
  let now = Date.parse("2026-11-25T12:00:00Z");
  let failing = false;
  let outdated = false;
  let vanished = false;
  let rolledOut = true;
  let removal: ExternalRemoval | AwsError = { state: "gone" };
  let architectures: readonly string[] = ["amd64", "arm64"];
  const told: string[] = [];
  let calls: string[] = [];
  const theirs: ServicePass["theirs"] = new Map();
  const held = new Set<string>();
  const heldKinds = new Map<string, string>();
  const owned = new Set<string>();
  let stored: PlatformService = {
    apiVersion: API_VERSION,
    kind: "PlatformService",
    metadata: { ...KEY, uid: "service-uid", resourceVersion: "1", generation: 1, finalizers: [SERVICE_FINALIZER] },
    spec: platformServiceSpec.parse({ owner: "dispatch-squad", tier: "tier-3", image: { tag: "1.0.0" }, port: 8080 }),
    ...first,
  };
  const key: ObjectKey = { namespace: stored.metadata.namespace, name: stored.metadata.name };
  const holds: ServicePass["holds"] = {
    Role: "nothing",
    Repository: "nothing",
    PodIdentityAssociation: "nothing",
    images: "nothing",
    children: "nothing",
  };

  let role = ROLE;
  let repository = REPOSITORY;

  function external<D extends Identified, O>(
    kind: "Role" | "Repository" | "PodIdentityAssociation",
    { now: observed, revision }: { readonly now: () => O; readonly revision?: (observed: O) => string },
  ): ExternalResource<D, O> {
    const answers = (operation: string): void => {
      if (failing) throw new AwsError({ class: "unreachable", code: "ENOTFOUND", operation, message: "no answer" });
    };
    const write = async (verb: string, desired: unknown): Promise<O> => {
      answers(`test:${verb}`);
      asked(desired);
      calls.push(`${verb} ${kind}`);
      if (holds[kind] !== "stuck") holds[kind] = "desired";
      return observed();
    };
    return {
      group: "test.aws",
      kind,
      async observe(): Promise<Observation<O>> {
        answers("test:Get");
        calls.push(`observe ${kind}`);
        return holds[kind] === "nothing" ? { state: "absent" } : { state: "present", observed: observed() };
      },
      ...(revision && { revision }),
      differences: (): readonly Difference[] =>
        ["drift", "stuck"].includes(holds[kind]) ? [{ field: "tags", observed: "theirs", desired: "ours" }] : [],
      async create(desired) {
        if (holds[kind] === "nothing" || failing) return write("create", desired);
        throw new AwsError({ class: "exists", code: "EntityAlreadyExists", operation: "test:Create", message: "it exists" });
      },
      update: (desired) => write("update", desired),
      async delete() {
        if (removal instanceof AwsError) throw removal;
        return removal;
      },
    };
  }

  const children: Children = {
    async apply(_, desired, adoption = "now") {
      asked(desired);
      const { kind, metadata } = desired;
      const others = theirs.get(kind);
      if (others === "stays") return { state: "foreign", holder: "an object that no controller owns", free: true };
      if (others === "asks") {
        if (adoption === "later") return { state: "asks" };
        calls.push(`adopt ${kind} ${metadata.name}`);
        theirs.delete(kind);
        return { state: "adopted", uid: "uid" };
      }
      const was = holds.children;
      if (was === "desired") return { state: "unchanged", uid: "uid" };
      if (was === "stuck") return { state: "waitingForGarbageCollection" };
      calls.push(`apply ${kind} ${metadata.name}`);
      return { state: was === "nothing" ? "created" : "repaired", uid: "uid" };
    },
    async look() {
      if (holds.children === "desired") return { state: "unchanged", uid: "uid" };
      return { state: "withheld", found: holds.children === "nothing" ? "absent" : "different" };
    },
    async remove(_, ref) {
      calls.push(`remove ${ref.kind} ${ref.name}`);
      return "gone";
    },
    async strip() {
      calls.push("strip");
      return true;
    },
    async scale(_, { kind, name }, replicas) {
      calls.push(`scale ${kind} ${name} to ${replicas}`);
    },
    get: own.get,
    owned: (_, kinds) => kinds.filter(({ kind }) => owned.has(kind)).map(({ kind }) => ownChild(kind, key)),
    released: () => false,
    forget: () => undefined,
  };
  const brought: Holds = {
    ...NO_HOLDS,
    async hold(_, desired) {
      asked(desired);
      const { kind, metadata } = desired;
      if (held.has(metadata.name)) return { state: "unchanged" };
      calls.push(`hold ${kind} ${metadata.name}`);
      held.add(metadata.name);
      heldKinds.set(metadata.name, kind);
      return { state: "held" };
    },
    async release(_, { kind, name }) {
      calls.push(`release ${kind} ${name}`);
      held.delete(name);
      return "released";
    },
    held: () => [...held].map((of) => ownChild(heldKinds.get(of) ?? "Deployment", { ...key, name: of })),
  };
  const ownDeployment = (): DeploymentState => deploymentState({ image: `${URI}@${DIGEST}`, rolledOut });
  const world: World = {
    namespaceLabels: (of) => ({ "kubernetes.io/metadata.name": of }),
    tier: shippedTier,
    deployment: ownDeployment,
    templates: () => [ownDeployment()],
    workload: () => undefined,
    pods: () => [],
    autoscalerReplicas: () => undefined,
    gateway: () => undefined,
    nodePools: () => new Map([["general", { name: "general", requirements: {}, taints: [] }]]),
    serves: () => true,
    neighbour: () => undefined,
    servicesOfTier: () => 1,
    pacedRollouts: () => [],
    certificate: () => undefined,
    kubernetesService: () => undefined,
    foreignPolicies: () => [],
    foreignBudgets: () => [],
    ...seen,
  };
  const freshBudgets = (): BudgetMemory => new BudgetMemory({ asked: config.slos.prometheus !== null, seriesLabels: {}, now: () => now });
  let budgets = freshBudgets();
  const freshRoles = (): Converger<RoleDesired, RoleObserved> =>
    new Converger(external<RoleDesired, RoleObserved>("Role", { now: () => role, revision: ({ id }) => id }));
  const freshRepositories = (): Converger<RepositoryDesired, RepositoryObserved> =>
    new Converger(
      external<RepositoryDesired, RepositoryObserved>("Repository", {
        now: () => repository,
        revision: ({ createdAt }) => String(createdAt),
      }),
    );
  const deps = {
    config,
    configHash: "config",
    world,
    children,
    holds: brought,
    roles: freshRoles(),
    existingRoles: new Borrowed<ExistingRole>({ read: async () => undefined }),
    existingRepositories: new Borrowed<RepositoryObserved>({ read: async () => undefined }),
    repositories: freshRepositories(),
    associations: new Converger(external<AssociationDesired, AssociationObserved>("PodIdentityAssociation", { now: () => ASSOCIATION })),
    rulesNamespaces: new Converger(NO_MANAGED_PROMETHEUS),
    appMesh: new MeshConvergers(appMesh),
    routesOfRouter: new Borrowed(appMesh.routesOfRouter),
    imageReader: {
      resolve: async () => {
        calls.push("resolve image");
        return { digest: DIGEST, architectures, manifest: { text: "{}", mediaType: undefined } };
      },
    },
    imageKeeper: {
      kept: async () => {
        calls.push("observe kept images");
        return holds.images === "desired" ? [DIGEST] : [];
      },
      keep: async () => {
        calls.push("keep image");
        holds.images = "desired";
        return "kept" as const;
      },
      release: async () => {
        calls.push("release image");
        return "released" as const;
      },
    },
    images: new ImageMemory(() => now),
    budget: new RolloutBudget(1),
    errorBudgets: { of: (of: ObjectKey, slo: Pick<Slo, "name" | "objective">) => budgets.of(of, slo) },
    now: () => now,
    listener: {
      acted: (_: PlatformService, { adopted }: Done) => void told.push(...adopted),
      passed,
      deleted: () => undefined,
      gone: () => undefined,
      threw: () => undefined,
    },
    writer: {
      async setFinalizers(object: PlatformService, finalizers: readonly string[]) {
        calls.push("finalizers");
        if (vanished) return "gone";
        stored = { ...object, metadata: { ...object.metadata, finalizers } };
        return "written";
      },
      async writeStatus(object: PlatformService, status: PlatformServiceStatus) {
        if (outdated) throw new KubeError({ class: "conflict", status: 409, operation: "PATCH platformservices", message: "moved on" });
        stored = { ...object, status };
      },
    },
    read: () => stored,
  };
  const found = (type: string): Condition | undefined => stored.status?.conditions?.find((c) => c.type === type);
  return {
    holds,
    allDesired() {
      for (const what of ["Role", "Repository", "images", "children"] as const) holds[what] = "desired";
    },
    theirs,
    held,
    owned,
    change({
      annotations = stored.metadata.annotations ?? {},
      spec = {},
      finalizers = stored.metadata.finalizers ?? [],
      generation = stored.metadata.generation,
      deletionTimestamp = stored.metadata.deletionTimestamp,
    }) {
      const metadata = {
        ...stored.metadata,
        annotations,
        finalizers,
        generation,
        ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      };
      stored = { ...stored, metadata, spec: platformServiceSpec.parse({ ...stored.spec, ...spec }) };
    },
    unreachable: () => void (failing = true),
    outdated: (is) => void (outdated = is),
    vanished: () => void (vanished = true),
    rolledOut: (is) => void (rolledOut = is),
    removal: (answer) => void (removal = answer),
    pushed: (named) => void (architectures = named),
    told,
    answered: (answer) => (answer.state === "answered" ? budgets.answered([stored], answer) : budgets.unanswered([stored])).length > 0,
    remade(kind) {
      if (kind === "Role") role = { ...role, id: `${role.id}AGAIN` };
      else repository = { ...repository, createdAt: (repository.createdAt ?? 0) + 1000 };
    },
    handedOver() {
      budgets = freshBudgets();
      deps.roles = freshRoles();
      deps.repositories = freshRepositories();
      deps.images = new ImageMemory(() => now);
      const never = new Promise<never>(() => undefined);
      const times = { late: never, over: never };
      deps.roles.prime(Promise.resolve(new Map([[roleName(key, config), role]])), times);
      deps.repositories.prime(Promise.resolve(new Map([[repositoryName(key, stored.spec, config), repository]])), times);
    },
    at: (ms) => void (now = ms),
    pass: () => reconcileService(deps, key),
    status: () => stored.status ?? {},
    condition(type) {
      const it = found(type);
      return it && `${it.status} ${it.reason}: ${it.message}`;
    },
    calls() {
      const since = calls;
      calls = [];
      return since;
    },
  };
}

const API_VERSIONS: Readonly<Record<string, string>> = {
  Deployment: "apps/v1",
  Rollout: "argoproj.io/v1alpha1",
  HorizontalPodAutoscaler: "autoscaling/v2",
  PodMonitor: "monitoring.coreos.com/v1",
  Service: "v1",
};

function ownChild(kind: string, key: ObjectKey): ChildState {
  return childState({ apiVersion: API_VERSIONS[kind] ?? "", kind, ...key });
}
