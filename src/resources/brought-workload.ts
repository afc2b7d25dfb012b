import type { KubeObject } from "../crds/desired.ts";
import type { EffectiveService } from "../crds/effective.ts";
import { ANNOTATIONS } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { WorkloadRef } from "../crds/platform-service.ts";
import { identityHash, templateLabels } from "./deployment.ts";
import type { HoldFacts } from "./facts.ts";
import { identityToken, wayToAgent } from "./identity-token.ts";
import { meshOf } from "./mesh/choose.ts";
import { buildPlacement } from "./placement.ts";

/** The label by which a workload's controller tells the pods of its rollouts apart. */
const HASH_LABELS: Readonly<Record<WorkloadRef["kind"], string>> = {
  Deployment: "pod-template-hash",
  Rollout: "rollouts-pod-template-hash",
};

/**
 * The fields that the service sets in the pod template of a workload which its squad brings: who the pods are, where they run and whose policies they are under.
 * Which architectures the image is for is not known, so the tier's whole set is allowed.
 */
export function buildHeldFields(service: EffectiveService, ref: WorkloadRef, facts: HoldFacts, config: OperatorConfig): KubeObject {
  const { serviceAccountName, key, identity, tier } = service;
  const { architectures } = tier.spec.placement;
  const mesh = meshOf(service).pod({ service, config, facts, token: identityToken(service, facts.roleArn, config) });
  return {
    apiVersion: ref.apiVersion,
    kind: ref.kind,
    metadata: { name: ref.name, namespace: key.namespace },
    spec: {
      template: {
        metadata: {
          labels: templateLabels(service, config),
          annotations: {
            ...mesh.annotations,
            ...wayToAgent(service),
            [ANNOTATIONS.identity]: identityHash(identity, facts.roleArn),
          },
        },
        spec: {
          serviceAccountName,
          // Its old name, which the API server fills in beside the new: left behind when the other is taken back, it would bring it back.
          ...(ref.kind === "Deployment" && { serviceAccount: serviceAccountName }),
          ...buildPlacement(service, { ...facts, architectures, hashLabel: HASH_LABELS[ref.kind] }),
        },
      },
    },
  };
}
