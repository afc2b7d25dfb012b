import type { StepCondition } from "../../crds/conditions.ts";
import type { KubeObject } from "../../crds/desired.ts";
import { ANNOTATIONS } from "../../crds/meta.ts";
import { buildDiscoveryService } from "../../resources/app-mesh/discovery-service.ts";
import { buildAutoscaler } from "../../resources/autoscaler.ts";
import { buildDeployment, podTemplateOf } from "../../resources/deployment.ts";
import { buildPodMonitor } from "../../resources/pod-monitor.ts";
import { buildService } from "../../resources/service.ts";
import { hashOf } from "../hash.ts";
import type { ChildRef, ChildState } from "../ports.ts";
import type { RemovalReport, Step } from "../step.ts";
import { applyOne, applySet, removeSet, WATCHED_RECHECK_MS, type KindSet } from "./apply-set.ts";
import { isNeeded } from "./needed-meshes.ts";
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
    const { image, repository, roleArn } = scope.facts;
    const waiting = unmet(scope);
    if (waiting.length > 0 || !image || !repository || roleArn === undefined) {
      await stripRunning(scope);
      return {
        state: "progressing",
        reason: "WaitingForPrerequisites",
        message: `waits for ${waiting.join(", ")}`,
        recheckMs: WATCHED_RECHECK_MS,
        waitsFor: waiting,
      };
    }
    const { deployment, change } = annotate(
      scope,
      buildDeployment(
        scope.service,
        {
          image: `${repository.uri}@${image.digest}`,
          architectures: image.architectures,
          roleArn,
          nodePools: scope.world.nodePools() ?? new Map(),
          certificateRevision: scope.facts.certificateRevision,
        },
        scope.config,
      ),
    );
    if (change === "outside" && !takePlace(scope)) {
      await stripRunning(scope);
      return {
        state: "progressing",
        reason: "WaitingForRolloutBudget",
        message: `the pod template changes for a reason outside this service's spec; other services of tier ${scope.service.spec.tier} are rolled out first`,
        recheckMs: WATCHED_RECHECK_MS,
      };
    }
    const applied = await applyOne(scope, deployment).finally(() => scope.budget.release(tierName(scope), scope.service.key));
    if (applied) return applied;
    await keepReplicas(scope);
    return rolloutReport(scope);
  },

  /** The workload goes first and its pods are seen gone, so that none outlives its policies, mesh or role. */
  async remove(scope): Promise<RemovalReport> {
    const removal = await removeSet(scope, ALL);
    if (removal.state !== "gone") return removal;
    const pods = scope.world.pods(scope.key);
    if (pods.length === 0) return { state: "gone" };
    return { state: "deleting", message: "waits for its pods to be gone", recheckMs: WATCHED_RECHECK_MS };
  },
};

/** What runs stays as it is while the new template waits, but for what others have added to it. */
async function stripRunning(scope: Scope): Promise<void> {
  const { name } = scope.service.key;
  if (await scope.children.strip(scope.owner, deploymentRef(scope))) {
    scope.corrections.push({ kind: DEPLOYMENT.kind, name, what: `${DEPLOYMENT.kind} ${name}` });
  }
}

function companionsOf(scope: Scope): KubeObject[] {
  const { service, world, config } = scope;
  const monitor = world.serves(POD_MONITOR.apiVersion, POD_MONITOR.kind) ? buildPodMonitor(service) : undefined;
  const discovery = isNeeded("AppMesh", scope) ? buildDiscoveryService(service) : undefined;
  return [buildService(service, config), discovery, buildAutoscaler(service), monitor].filter((o) => o !== undefined);
}

/** A dedicated tier's pods also wait for their pool: they must not land beside others. */
function prerequisites(scope: Scope): readonly StepCondition[] {
  return scope.service.tier.spec.placement.dedicated ? [...PREREQUISITES, "PlacementReady"] : PREREQUISITES;
}

/** A role that is not there while the service is suspended is no fact yet. */
function unmet(scope: Scope): readonly StepCondition[] {
  const unknown = scope.facts.roleArn === undefined ? "IdentityReady" : undefined;
  return prerequisites(scope).filter((condition) => condition === unknown || !holds(scope, condition));
}

/** Why the pod template is not what was last written: drift (`none`), the squad's own change, or a tier, the configuration, a new release. */
type TemplateChange = "none" | "own" | "outside";

/** Marks what the template was made from, so that a later pass, in a later process too, can tell the changes apart. */
function annotate(scope: Scope, deployment: KubeObject): { readonly deployment: KubeObject; readonly change: TemplateChange } {
  // To suspend and to resume changes no pod.
  const { suspend: _, ...spec } = scope.service.spec;
  const made = {
    [ANNOTATIONS.appliedSpec]: hashOf(spec),
    [ANNOTATIONS.appliedTemplate]: hashOf(podTemplateOf(deployment)),
  };
  const live = scope.children.get(scope.owner, deploymentRef(scope))?.annotations;
  const change = templateChange(live, made);
  const paced = change === "outside" || (change === "none" && live?.[ANNOTATIONS.pacedRollout] === "true");
  const annotations = { ...deployment.metadata.annotations, ...made, ...(paced && { [ANNOTATIONS.pacedRollout]: "true" }) };
  return { deployment: { ...deployment, metadata: { ...deployment.metadata, annotations } }, change };
}

function templateChange(live: ChildState["annotations"] | undefined, made: ChildState["annotations"]): TemplateChange {
  if (live?.[ANNOTATIONS.appliedTemplate] === made[ANNOTATIONS.appliedTemplate]) return "none";
  return live !== undefined && live[ANNOTATIONS.appliedSpec] === made[ANNOTATIONS.appliedSpec] ? "outside" : "own";
}

/** Drift is put back and a squad's own change rolled out at once; a change from outside takes a place in the tier's budget. */
function takePlace(scope: Scope): boolean {
  const { world, budget, service } = scope;
  const tier = tierName(scope);
  return budget.take({ tier, key: service.key, services: world.servicesOfTier(tier), rolling: world.pacedRollouts(tier) });
}

function tierName({ service }: Scope): string {
  return service.tier.metadata.name;
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
