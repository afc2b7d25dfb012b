import { keyOf, keyString, type ObjectKey } from "./meta.ts";
import type { OperatorConfig } from "./operator-config.ts";
import type { LabelSelector, PlatformTier } from "./platform-tier.ts";
import type { PlatformService, PlatformServiceSpec, Route, Slo } from "./platform-service.ts";

/** What a pass works on: the squad's spec with every default of tier and configuration filled in. */
export interface EffectiveService {
  readonly key: ObjectKey;
  readonly uid: string;
  readonly generation: number;
  readonly owner: string;
  readonly tier: PlatformTier;
  /** The spec as stored, for what has no default. */
  readonly spec: PlatformServiceSpec;
  /** ECR repository name in full, the registry's prefix included. */
  readonly repository: string;
  readonly repositoryMode: RepositoryMode;
  readonly retain: { readonly taggedImages: number; readonly untaggedDays: number };
  readonly scaling: { readonly minReplicas: number; readonly maxReplicas: number; readonly cpuPercent: number };
  /** What a pod reserves; always both, because autoscaling measures CPU against its request. */
  readonly requests: { readonly cpu: string; readonly memory: string };
  /** Seconds. */
  readonly maxSessionDuration: number;
  /** The boundary that the role must carry. */
  readonly permissionsBoundaryArn: string;
  /** In order; one route that matches everything when none is written; empty without a port. */
  readonly routes: readonly Route[];
  /** Empty where none is written. */
  readonly slos: readonly Slo[];
  readonly mesh: MeshProvider;
  /** How Istio carries its traffic; without meaning in another mesh or none. */
  readonly dataPlane: DataPlane;
  readonly serviceAccountName: string;
  /** How its pods get the role's credentials. */
  readonly identity: IdentityMode;
  /** Some of its pods are, or will be, of a workload that its squad brings: of their labels only those of our group are ours. */
  readonly broughtPods: boolean;
}

/** Own: made and kept for the service. Existing: others own it, and it is used as it is. */
export type RepositoryMode = OperatorConfig["registry"]["mode"];

/** IRSA: the pod's token is exchanged at STS. PodIdentity: by the agent on its node, for the role of an association in EKS. */
export type IdentityMode = OperatorConfig["identity"]["default"];

/** In the order in which they are listed wherever both are. */
export const IDENTITY_MODES: readonly IdentityMode[] = ["IRSA", "PodIdentity"];

export type MeshProvider = OperatorConfig["mesh"]["default"];
export type DataPlane = OperatorConfig["mesh"]["istio"]["dataPlane"];

/** Milliseconds of a Gateway API duration (GEP-2257). Throws on what the schema would have refused. */
export function durationMs(text: string): number {
  const unit: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
  let total = 0;
  let rest = text;
  while (rest !== "") {
    const match = /^([0-9]{1,5})(h|ms|m|s)/.exec(rest);
    if (!match) throw new Error(`not a duration: ${text}`);
    total += Number(match[1]) * (unit[String(match[2])] ?? 0);
    rest = rest.slice(match[0].length);
  }
  return total;
}

/** Kubernetes label selector semantics; an empty selector matches everything. */
export function selectorMatches(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels[key] !== value) return false;
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const value = labels[key];
    switch (operator) {
      case "In":
        if (value === undefined || !values.includes(value)) return false;
        break;
      case "NotIn":
        if (value !== undefined && values.includes(value)) return false;
        break;
      case "Exists":
        if (value === undefined) return false;
        break;
      case "DoesNotExist":
        if (value !== undefined) return false;
        break;
    }
  }
  return true;
}

/**
 * The repository that a service's image lives in; also what deletion looks for, so it needs no tier. One that a service names as existing is named in full;
 * every other is below the prefix, also where only the configuration says Existing, since the same file then makes it in another cluster (docs/adr, existing repositories).
 */
export function repositoryName(
  key: ObjectKey,
  spec: { image?: { repository?: string | undefined; repositoryMode?: RepositoryMode | undefined } | undefined },
  config: OperatorConfig,
): string {
  const { repository, repositoryMode: mode } = spec.image ?? {};
  if (repository !== undefined && mode === "Existing") return repository;
  return `${config.registry.repositoryPrefix}${repository ?? keyString(key)}`;
}

/** Whether a service may have the repository as its own: one that is named outside its namespace was never made for it, whatever its tags say. */
export function isOwnRepositoryName(
  { namespace }: ObjectKey,
  { image }: { image?: { repository?: string | undefined } | undefined },
): boolean {
  return image?.repository === undefined || image.repository.startsWith(`${namespace}/`);
}

/** Whose the repository is; also what deletion asks, so it needs no tier. */
export function repositoryMode(
  spec: { image?: { repositoryMode?: RepositoryMode | undefined } | undefined },
  config: OperatorConfig,
): RepositoryMode {
  return spec.image?.repositoryMode ?? config.registry.mode;
}

/** The mesh that a namespace is in: the first override that matches, else the default. */
export function meshOfNamespace(
  namespaceLabels: Readonly<Record<string, string>>,
  { mesh }: OperatorConfig,
): { readonly mesh: MeshProvider; readonly dataPlane: DataPlane } {
  const override = mesh.overrides.find((o) => selectorMatches(o.namespaceSelector, namespaceLabels));
  return { mesh: override?.provider ?? mesh.default, dataPlane: override?.dataPlane ?? mesh.istio.dataPlane };
}

/** Whether any namespace may be in Istio's ambient data plane. */
export function hasAmbient({ mesh }: OperatorConfig): boolean {
  const { dataPlane } = mesh.istio;
  return (
    (mesh.default === "Istio" && dataPlane === "Ambient") ||
    mesh.overrides.some((o) => o.provider === "Istio" && (o.dataPlane ?? dataPlane) === "Ambient")
  );
}

export type AppMeshSettings = NonNullable<OperatorConfig["mesh"]["appMesh"]>;

/** How App Mesh is set up. Throws where it is not: then no namespace is in it, which the configuration's schema holds, but a pod may be. */
export function appMeshOf({ mesh: { appMesh } }: OperatorConfig): AppMeshSettings {
  if (appMesh === null)
    throw new Error(
      "mesh.appMesh of the operator's configuration is not written, and pods are still in App Mesh: write it again until none is",
    );
  return appMesh;
}

const DEFAULT_RETAIN = { taggedImages: 100, untaggedDays: 14 };
const DEFAULT_CPU_PERCENT = 70;
/** Where neither a request nor a limit is written; a limit alone is also the request, as Kubernetes has it. */
const DEFAULT_REQUESTS = { cpu: "100m", memory: "128Mi" };
/** Without maxReplicas a service may grow to this many times its minimum. */
const DEFAULT_GROWTH = 4;

/** One route that matches everything when none is written; none without a port. */
function routesOf({ port, routes = [] }: Pick<PlatformServiceSpec, "port" | "routes">): readonly Route[] {
  if (port === undefined) return [];
  return routes.length > 0 ? routes : [{ name: "all" }];
}

/** As Neighbour has it. */
export function longestTimeoutMs(spec: Pick<PlatformServiceSpec, "port" | "protocol" | "routes">): number | null {
  if (spec.protocol === "tcp") return 0;
  const timeouts = routesOf(spec).map(({ timeout }) => (timeout === undefined ? null : durationMs(timeout)));
  return timeouts.includes(null) ? null : Math.max(0, ...timeouts.filter((ms) => ms !== null));
}

/** Fills in every default. Total: validity is `validateService`'s to say. */
export function effectiveService(
  service: PlatformService,
  tier: PlatformTier,
  config: OperatorConfig,
  namespaceLabels: Readonly<Record<string, string>>,
): EffectiveService {
  const { spec, metadata } = service;
  const key = keyOf(service);
  const { requests, limits } = spec.container?.resources ?? {};
  const minReplicas = spec.scaling?.minReplicas ?? tier.spec.availability.minReplicas;
  return {
    key,
    uid: metadata.uid,
    generation: metadata.generation,
    owner: spec.owner,
    tier,
    spec,
    repository: repositoryName(key, spec, config),
    repositoryMode: repositoryMode(spec, config),
    retain: {
      taggedImages: spec.image.retain?.taggedImages ?? DEFAULT_RETAIN.taggedImages,
      untaggedDays: spec.image.retain?.untaggedDays ?? DEFAULT_RETAIN.untaggedDays,
    },
    scaling: {
      minReplicas,
      maxReplicas: spec.scaling?.maxReplicas ?? minReplicas * DEFAULT_GROWTH,
      cpuPercent: spec.scaling?.cpuPercent ?? DEFAULT_CPU_PERCENT,
    },
    requests: {
      cpu: requests?.cpu ?? limits?.cpu ?? DEFAULT_REQUESTS.cpu,
      memory: requests?.memory ?? limits?.memory ?? DEFAULT_REQUESTS.memory,
    },
    maxSessionDuration: Math.round(durationMs(spec.aws?.maxSessionDuration ?? "1h") / 1000),
    permissionsBoundaryArn: tier.spec.identity?.permissionsBoundaryArn ?? config.identity.permissionsBoundaryArn,
    routes: routesOf(spec),
    slos: spec.slos ?? [],
    ...meshOfNamespace(namespaceLabels, config),
    serviceAccountName: metadata.name,
    // Whom a role of others trusts is judged by its IRSA statements alone.
    identity: spec.aws?.existingRole === undefined ? (spec.aws?.identity ?? config.identity.default) : "IRSA",
    broughtPods: spec.workloadRef !== undefined,
  };
}
