import type { StepCondition } from "../../crds/conditions.ts";
import type { KubeObject } from "../../crds/desired.ts";
import { buildDiscoveryService } from "../../resources/app-mesh/discovery-service.ts";
import { buildAutoscaler } from "../../resources/autoscaler.ts";
import { buildDeployment } from "../../resources/deployment.ts";
import { buildPodMonitor } from "../../resources/pod-monitor.ts";
import { buildService } from "../../resources/service.ts";
import type { ChildRef } from "../ports.ts";
import type { RemovalReport, Step, StepReport } from "../step.ts";
import {
  applyEach,
  applyOne,
  removeOthers,
  removeSet,
  WATCHED_RECHECK_MS,
  willBeTakenOver,
  type Applied,
  type KindSet,
} from "./apply-set.ts";
import { bring, giveUpHandedOver, letGo } from "./brought-workload.ts";
import { STRAY_PODS } from "./foreign-selectors.ts";
import { imageReference } from "./image.ts";
import { isNeeded, isNotedInAppMesh } from "./needed-meshes.ts";
import { annotate, releasePlace, waitsForPlace } from "./paced-template.ts";
import { fewestReplicas, rolloutReport, waitingFor } from "./rollout-report.ts";
import { holds, type RemoveScope, type Scope } from "./scope.ts";

const POD_MONITOR = { apiVersion: "monitoring.coreos.com/v1", kind: "PodMonitor" };
const DEPLOYMENT = { apiVersion: "apps/v1", kind: "Deployment" };

/** What stands beside any workload. */
const BESIDE_ANY: KindSet = { kinds: [{ apiVersion: "v1", kind: "Service" }] };
/** What stands beside the service's own Deployment alone. */
const BESIDE_OWN: KindSet = { kinds: [{ apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler" }, POD_MONITOR] };
const COMPANIONS: KindSet = { kinds: [...BESIDE_ANY.kinds, ...BESIDE_OWN.kinds] };
const OWN: KindSet = { kinds: [DEPLOYMENT, ...BESIDE_OWN.kinds] };
const ALL: KindSet = { kinds: [DEPLOYMENT, ...COMPANIONS.kinds] };

/** A pod template is first written, or changed, only when these hold: no pod runs without its identity, image, or policies. */
const PREREQUISITES: readonly StepCondition[] = [
  "IdentityReady",
  "ImageResolved",
  "ServiceAccountReady",
  "NetworkPolicyReady",
  "MeshSecurityReady",
];

/** The workload, its own or one that its squad brings: it, its Service and autoscaler are as written, and the pods that should run do, on the image that should. */
export const workloadStep: Step<Scope, RemoveScope> = {
  name: "workload",
  condition: "WorkloadReady",

  async ensure(scope) {
    const { workloadRef: ref } = scope.service.spec;
    await giveUpHandedOver(scope);
    const desired = companionsOf(scope);
    const companions = await applyEach(scope, desired, "later");
    await removeOthers(scope, ref === undefined ? COMPANIONS : BESIDE_ANY, desired);
    const report = await (ref === undefined ? ensureOwn(scope) : bring(scope, ref, unmet(scope)));
    // Until something runs in its place, what ran before stays the service's; where nothing is to run there is nothing to wait for.
    if (report.state !== "ready" && (ref !== undefined || imageReference(scope.service) !== undefined)) {
      if (ref !== undefined) await stripRunning(scope);
      return besides(companions, report);
    }
    await letGo(scope, ref);
    if (ref !== undefined) await removeOthers(scope, OWN, []);
    if (report.state !== "ready") return besides(companions, report);
    const adopted = await applyEach(scope, companions.asking, "now");
    return companions.problem ?? adopted.problem ?? report;
  },

  /** The workload goes first, or is let go, and its pods are seen gone, so that none outlives its policies, mesh or role. */
  async remove(scope): Promise<RemovalReport> {
    const released = scope.holds.held(scope.key).map(({ ref }) => ref);
    for (const ref of released) await scope.holds.release(scope.owner, ref);
    const removal = await removeSet(scope, ALL);
    if (removal.state !== "gone") return removal;
    const pods = scope.world.pods(scope.key);
    if (pods.length === 0) return { state: "gone" };
    return {
      state: "deleting",
      message: pods.some((pod) => pod.brought) ? BROUGHT_PODS : PODS,
      recheckMs: WATCHED_RECHECK_MS,
    };
  },
};

const PODS = `waits for its pods to be gone; ${STRAY_PODS}`;

const BROUGHT_PODS =
  "waits for its pods to be gone; those of a workload that the squad brought are replaced by its rollout, unless that is paused or its own manifest sets the label platform-operator.dev/service: let it roll out";

/** What keeps a companion from being as written is no reason for the workload to wait, and is said before it. */
function besides({ problem, asking }: Applied, report: Exclude<StepReport, { state: "ready" }>): StepReport {
  if (problem?.state === "blocked") return problem;
  return asking.length === 0 ? report : { ...report, message: `${report.message}; ${willBeTakenOver(asking)}` };
}

/** The service's own Deployment. */
async function ensureOwn(scope: Scope): Promise<StepReport> {
  const { image, repository, roleArn } = scope.facts;
  const waiting = unmet(scope);
  if (waiting.length > 0 || !image || !repository || roleArn === undefined) {
    await stripRunning(scope);
    return waitingFor(waiting);
  }
  const nodePools = scope.world.nodePools() ?? new Map();
  const facts = {
    image: `${repository.uri}@${image.digest}`,
    architectures: image.architectures,
    roleArn,
    nodePools,
    certificateRevision: scope.facts.certificateRevision,
  };
  const live = scope.children.get(scope.owner, deploymentRef(scope))?.annotations;
  const { workload, change } = annotate(scope, buildDeployment(scope.service, facts, scope.config), live);
  const waits = waitsForPlace(scope, change);
  if (waits) {
    await stripRunning(scope);
    return waits;
  }
  const applied = await applyOne(scope, workload).finally(() => releasePlace(scope));
  if (applied) return applied;
  await keepReplicas(scope);
  return rolloutReport(scope);
}

/** What runs stays as it is while the new template waits, but for what others have added to it. */
async function stripRunning(scope: Scope): Promise<void> {
  const { name } = scope.service.key;
  if (await scope.children.strip(scope.owner, deploymentRef(scope))) {
    scope.corrections.push({ kind: DEPLOYMENT.kind, name, what: `${DEPLOYMENT.kind} ${name}` });
  }
}

function companionsOf(scope: Scope): KubeObject[] {
  const { service, world, config, children, owner } = scope;
  const monitor = world.serves(POD_MONITOR.apiVersion, POD_MONITOR.kind) ? buildPodMonitor(service) : undefined;
  // Callers in App Mesh are led there by it, until nothing there names it.
  const inAppMesh = isNeeded("AppMesh", scope) || isNotedInAppMesh(children, owner);
  const discovery = inAppMesh ? buildDiscoveryService(service) : undefined;
  return [buildService(service, config), discovery, buildAutoscaler(service), monitor].filter((o) => o !== undefined);
}

/** A dedicated tier's pods also wait for their pool: they must not land beside others. What a squad brings names its own image. */
function prerequisites({ service: { tier, spec } }: Scope): readonly StepCondition[] {
  return [
    ...PREREQUISITES.filter((condition) => condition !== "ImageResolved" || spec.workloadRef === undefined),
    ...(tier.spec.placement.dedicated ? (["PlacementReady"] as const) : []),
  ];
}

/** A role that is not there while the service is suspended is no fact yet. */
function unmet(scope: Scope): readonly StepCondition[] {
  const unknown = scope.facts.roleArn === undefined ? "IdentityReady" : undefined;
  return prerequisites(scope).filter((condition) => condition === unknown || !holds(scope, condition));
}

function deploymentRef(scope: Scope): ChildRef {
  return { ...DEPLOYMENT, namespace: scope.service.key.namespace, name: scope.service.key.name };
}

/**
 * `spec.replicas` is never in an apply. Below the fewest that must run it is raised, as on creation; without an autoscaler /scale is what keeps it;
 * otherwise it is the autoscaler's.
 */
async function keepReplicas(scope: Scope): Promise<void> {
  const { service, world, children, owner } = scope;
  const { minReplicas, maxReplicas } = service.scaling;
  const fewest = fewestReplicas(scope);
  const replicas = world.deployment(service.key)?.replicas;
  const autoscaled = maxReplicas > minReplicas;
  if (replicas !== undefined && (autoscaled ? replicas >= fewest : replicas === minReplicas)) return;
  const wanted = autoscaled ? Math.max(fewest, world.autoscalerReplicas(service.key) ?? 0) : minReplicas;
  await children.scale(owner, deploymentRef(scope), wanted);
}
