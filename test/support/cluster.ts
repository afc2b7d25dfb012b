/** The control plane that all integration files share; a test that breaks one starts its own with startControlPlane. */
import { inject } from "vitest";

import { type Kubectl, kubectlFor } from "../../controlplane/kubectl.ts";

/** What the global set-up hands to the tests, as plain data: they run in other processes. */
export interface SharedClusterInfo {
  readonly url: string;
  readonly dir: string;
  readonly binDir: string;
  readonly caFile: string;
  readonly adminKubeconfig: string;
  /** JSON lines of audit.k8s.io/v1 events, of every request by anyone. */
  readonly auditLogFile: string;
}

export interface SharedCluster extends SharedClusterInfo {
  /** As admin. */
  readonly kubectl: Kubectl;
}

declare module "vitest" {
  interface ProvidedContext {
    readonly cluster: SharedClusterInfo;
  }
}

/** The shared control plane: nodes of the pools `general` and `payments` in three zones, Istio's, Karpenter's and our own CRDs. */
export function sharedCluster(): SharedCluster {
  const info = inject("cluster");
  return { ...info, kubectl: kubectlFor(info.binDir, info.adminKubeconfig) };
}
