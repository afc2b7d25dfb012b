import type { KubeObject } from "../crds/desired.ts";
import type { EffectiveService, IdentityMode } from "../crds/effective.ts";
import { ANNOTATIONS } from "../crds/meta.ts";
import { childObject } from "./child-object.ts";

/** Why something of the service may be in App Mesh: it may have pods there; or `leaving`: it has none any more, and what they had is being taken away. */
export type AppMeshNote = "true" | "leaving";

/** What a ServiceAccount says of the service beside its role. */
export interface AccountNotes {
  readonly modes?: readonly IdentityMode[];
  /** Undefined: nothing of it is in App Mesh, but what its own mesh says. */
  readonly appMesh?: AppMeshNote | undefined;
}

/** The ServiceAccount of the service's pods, bound to the role by IRSA where that is among the modes; by Pod Identity nothing of it says so but a note of ours. */
export function buildServiceAccount(
  service: EffectiveService,
  roleArn: string,
  { modes = [service.identity], appMesh = service.mesh === "AppMesh" ? "true" : undefined }: AccountNotes = {},
): KubeObject {
  const irsa = modes.includes("IRSA");
  const alone = irsa && modes.length === 1;
  return childObject(service, {
    apiVersion: "v1",
    kind: "ServiceAccount",
    name: service.serviceAccountName,
    annotations: {
      ...(irsa && { "eks.amazonaws.com/role-arn": roleArn, "eks.amazonaws.com/sts-regional-endpoints": "true" }),
      ...(!alone && { [ANNOTATIONS.boundBy]: modes.join(",") }),
      ...(appMesh && { [ANNOTATIONS.appMesh]: appMesh }),
    },
    // EKS's webhook projects a token of its own; a pod has no business with the API server's.
    body: { automountServiceAccountToken: false },
  });
}
