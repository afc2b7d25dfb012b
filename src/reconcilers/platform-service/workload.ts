import type { StepCondition } from "../../crds/conditions.ts";
import type { KubeObject } from "../../crds/desired.ts";
import { ANNOTATIONS } from "../../crds/meta.ts";
import { buildAutoscaler } from "../../resources/autoscaler.ts";
import { buildDeployment, podTemplateOf } from "../../resources/deployment.ts";
import { buildPodMonitor } from "../../resources/pod-monitor.ts";
import { buildService } from "../../resources/service.ts";
import { hashOf } from "../hash.ts";
import type { ChildRef } from "../ports.ts";
import type { RemovalReport, Step, StepReport } from "../step.ts";
import { applyOne, applySet, removeSet, WATCHED_RECHECK_MS, type KindSet } from "./apply-set.ts";
import { rolloutReport } from "./rollout-report.ts";
import { holds, type RemoveScope, type Scope } from "./scope.ts";

const POD_MONITOR = { apiVersion: "monitoring.coreos.com/v1", kind: "PodMonitor" };
const DEPLOYMENT = { apiVersion: "apps/v1", kind: "Deployment" };

/** What stands beside the Deployment. */
const COMPANIONS: KindSet = {
  kinds: [{ apiVersion: "v1", kind: "Service" }, { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler" }, POD_MONITOR],
};
const ALL: KindSet = { kinds: [...COMPANIONS.kinds, DEPLOYMENT] };

/** A pod template is first written, or changed, only when these hold: no pod runs without its identity, image, or policies. */
const PREREQUISITES: readonly StepCondition[] = [
  "IdentityReady",
  "ImageResolved",
  "ServiceAccountReady",
  "NetworkPolicyReady",
  "MeshSecurityReady",
];

/** The workload: Deployment, Service and autoscaler are as written, and the pods that should run do, on the image that should. */
export const workloadStep: Step<Scope, RemoveScope> = {
  name: "workload",
  condition: "WorkloadReady",

  async ensure(scope) {
    const companions = await applySet(scope, COMPANIONS, companionsOf(scope));
    if (companions) return companions;
    const waiting = prerequisites(scope).filter((condition) => !holds(scope, condition));
    const { image, repository, roleArn } = scope.facts;
    if (waiting.length > 0 || !image || !repository || roleArn === undefined) {
      return {
        state: "progressing",
        reason: "WaitingForPrerequisites",
        message: `waits for ${waiting.join(", ")}`,
        recheckMs: WATCHED_RECHECK_MS,
      };
    }
    const deployment = annotate(
      scope,
      buildDeployment(
        scope.service,
        {
          image: `${repository.uri}@${image.digest}`,
          architectures: image.architectures,
          roleArn,
          nodePools: scope.world.nodePools() ?? new Map(),
        },
        scope.config,
      ),
    );
    if (!mayRoll(scope, deployment)) {
      return {
        state: "progressing",
        reason: "WaitingForRolloutBudget",
        message: `the pod template changes for a reason outside this service's spec; other services of tier ${scope.service.spec.tier} are rolled out first`,
        recheckMs: WATCHED_RECHECK_MS,
      };
    }
    const applied = await applyOne(scope, deployment);
    if (applied) return applied;
    await keepReplicas(scope);
    return settle(scope, rolloutReport(scope));
  },

  /** The workload goes first and its pods are seen gone, so that none outlives its policies, mesh or role. */
  async remove(scope): Promise<RemovalReport> {
    scope.budget.release(scope.key);
    const removal = await removeSet(scope, ALL);
    if (removal.state !== "gone") return removal;
    const pods = scope.world.pods(scope.key);
    if (pods.length === 0) return { state: "gone" };
    return { state: "deleting", message: "waits for its pods to be gone", recheckMs: WATCHED_RECHECK_MS };
  },
};

function companionsOf(scope: Scope): KubeObject[] {
  const { service, world } = scope;
  const monitor = world.serves(POD_MONITOR.apiVersion, POD_MONITOR.kind) ? buildPodMonitor(service) : undefined;
  return [buildService(service), buildAutoscaler(service), monitor].filter((o) => o !== undefined);
}

/** A dedicated tier's pods also wait for their pool: they must not land beside others. */
function prerequisites(scope: Scope): readonly StepCondition[] {
  return scope.service.tier.spec.placement.dedicated ? [...PREREQUISITES, "PlacementReady"] : PREREQUISITES;
}

/** Marks what the template was made from, so that a later pass can tell drift, a squad's change and a change from outside apart. */
function annotate(scope: Scope, deployment: KubeObject): KubeObject {
  const annotations = {
    ...deployment.metadata.annotations,
    [ANNOTATIONS.appliedSpec]: hashOf(scope.service.spec),
    [ANNOTATIONS.appliedTemplate]: hashOf(podTemplateOf(deployment)),
  };
  return { ...deployment, metadata: { ...deployment.metadata, annotations } };
}

/** Drift is put back and a squad's own change rolled out at once; a change from outside takes a place in the tier's budget. */
function mayRoll(scope: Scope, deployment: KubeObject): boolean {
  const live = scope.children.get(scope.owner, deploymentRef(scope))?.annotations;
  const wanted = deployment.metadata.annotations ?? {};
  const sameTemplate = live?.[ANNOTATIONS.appliedTemplate] === wanted[ANNOTATIONS.appliedTemplate];
  const specChanged = live?.[ANNOTATIONS.appliedSpec] !== wanted[ANNOTATIONS.appliedSpec];
  if (!live || sameTemplate || specChanged) return true;
  const tier = scope.service.tier.metadata.name;
  return scope.budget.take(tier, scope.service.key, scope.world.servicesOfTier(tier));
}

function deploymentRef(scope: Scope): ChildRef {
  return { ...DEPLOYMENT, namespace: scope.service.key.namespace, name: scope.service.key.name };
}

/**
 * `spec.replicas` is never in an apply. Below the minimum it is raised, as on creation; without an autoscaler /scale is what keeps it;
 * otherwise it is the autoscaler's.
 */
async function keepReplicas(scope: Scope): Promise<void> {
  const { service, world, children, owner } = scope;
  const { minReplicas, maxReplicas } = service.scaling;
  const replicas = world.deployment(service.key)?.replicas;
  const autoscaled = maxReplicas > minReplicas;
  if (replicas !== undefined && (autoscaled ? replicas >= minReplicas : replicas === minReplicas)) return;
  const wanted = autoscaled ? Math.max(minReplicas, world.autoscalerReplicas(service.key) ?? 0) : minReplicas;
  await children.scale(owner, deploymentRef(scope), wanted);
}

/** A rollout holds its place in the budget until it is done. */
function settle(scope: Scope, report: StepReport): StepReport {
  if (report.state === "ready") scope.budget.release(scope.service.key);
  return report;
}
