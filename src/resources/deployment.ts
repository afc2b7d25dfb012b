import type { KubeObject } from "../crds/desired.ts";
import type { EffectiveService, IdentityMode } from "../crds/effective.ts";
import { sha256Hex } from "../crds/hash.ts";
import { ANNOTATIONS } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { childObject, IGNORE_RESOURCE_UPDATES } from "./child-object.ts";
import { buildContainer, buildVolumes, terminationGraceSeconds } from "./container.ts";
import type { WorkloadFacts } from "./facts.ts";
import { identityToken } from "./identity-token.ts";
import { broughtPodLabels, deploymentSelector, podLabels, type Labels } from "./labels.ts";
import { meshOf } from "./mesh/choose.ts";
import { buildPlacement } from "./placement.ts";

/** Old ReplicaSets kept to go back to; each costs an object that the API server keeps. */
const REVISION_HISTORY_LIMIT = 3;
/** Long enough for a new node to come up and a slow image to be pulled, twice. */
const PROGRESS_DEADLINE_SECONDS = 600;
/** How many pods more than asked for a rollout may run. */
const MAX_SURGE = "25%";

/**
 * The Deployment. No `replicas`: left to the autoscaler, or to /scale (architecture.md). A field whose value is its zero is left out, since
 * the API server does not keep it.
 */
export function buildDeployment(service: EffectiveService, facts: WorkloadFacts, config: OperatorConfig): KubeObject {
  return childObject(service, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    annotations: IGNORE_RESOURCE_UPDATES,
    body: {
      spec: {
        selector: { matchLabels: deploymentSelector(service) },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: rollingUnavailable(service), maxSurge: MAX_SURGE } },
        revisionHistoryLimit: REVISION_HISTORY_LIMIT,
        progressDeadlineSeconds: PROGRESS_DEADLINE_SECONDS,
        template: podTemplate(service, facts, config),
      },
    },
  });
}

/** The pod template of a Deployment that `buildDeployment` made. Throws on any other object. */
export function podTemplateOf(deployment: KubeObject): object {
  const { spec } = deployment;
  if (typeof spec === "object" && spec !== null && "template" in spec && typeof spec.template === "object" && spec.template !== null)
    return spec.template;
  throw new Error(`${deployment.kind} ${deployment.metadata.name} has no pod template`);
}

/** Every label that the operator gives the service's pods, the mesh's included. */
export function templateLabels(service: EffectiveService, config: OperatorConfig): Labels {
  const labels = service.spec.workloadRef === undefined ? podLabels(service) : broughtPodLabels(service);
  return { ...labels, ...meshOf(service).podLabels(config) };
}

/** As many as the tier lets be away, but never all. */
function rollingUnavailable(service: EffectiveService): number {
  return Math.min(service.tier.spec.availability.maxUnavailable, service.scaling.minReplicas - 1);
}

function podTemplate(service: EffectiveService, facts: WorkloadFacts, config: OperatorConfig): Readonly<Record<string, unknown>> {
  const { priorityClassName } = service.tier.spec.availability;
  const token = identityToken(service, facts.roleArn, config);
  const mesh = meshOf(service).pod({ service, config, facts, token });
  const volumes = [...buildVolumes(service), ...token.volumes, ...mesh.volumes];
  return {
    metadata: {
      labels: templateLabels(service, config),
      annotations: {
        ...mesh.annotations,
        ...token.annotations,
        [ANNOTATIONS.identity]: identityHash(service.identity, facts.roleArn),
      },
    },
    spec: {
      serviceAccountName: service.serviceAccountName,
      automountServiceAccountToken: false,
      // A variable for each Service of the namespace is neither asked for nor stable.
      enableServiceLinks: false,
      terminationGracePeriodSeconds: terminationGraceSeconds(service),
      ...(priorityClassName !== undefined && { priorityClassName }),
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      ...buildPlacement(service, facts),
      ...(mesh.initContainers.length > 0 && { initContainers: mesh.initContainers }),
      containers: [buildContainer(service, facts.image, token)],
      ...(volumes.length > 0 && { volumes }),
    },
  };
}

/** Pods get their identity when they are made, so another role, or another way to it, must make new ones. */
export function identityHash(mode: IdentityMode, roleArn: string): string {
  return sha256Hex(`${mode} ${roleArn}`).slice(0, 16);
}
