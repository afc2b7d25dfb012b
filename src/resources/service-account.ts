import type { KubeObject } from "../crds/desired.ts";
import type { EffectiveService } from "../crds/effective.ts";
import { childObject } from "./child-object.ts";

/** The ServiceAccount of the service's pods, bound to its role by IRSA. */
export function buildServiceAccount(service: EffectiveService, roleArn: string): KubeObject {
  return childObject(service, {
    apiVersion: "v1",
    kind: "ServiceAccount",
    name: service.serviceAccountName,
    annotations: { "eks.amazonaws.com/role-arn": roleArn, "eks.amazonaws.com/sts-regional-endpoints": "true" },
    // The IRSA webhook projects a token of its own; a pod has no business with the API server's.
    body: { automountServiceAccountToken: false },
  });
}
