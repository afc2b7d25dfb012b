import type { DeploymentState, PodState } from "../../src/reconcilers/ports.ts";

/** What the watches tell of a workload that has one pod, rolled out and ready; a test says what of it matters. */

export function deploymentState(facts: Partial<DeploymentState> = {}): DeploymentState {
  return {
    generation: 1,
    observedGeneration: 1,
    replicas: 1,
    updatedReplicas: 1,
    availableReplicas: 1,
    statusReplicas: 1,
    image: undefined,
    identity: undefined,
    mesh: "Istio",
    deadlineExceeded: false,
    rolledOut: true,
    ...facts,
  };
}

export function podState(facts: Partial<PodState> = {}): PodState {
  return {
    name: "pod",
    ready: true,
    deleting: false,
    images: {},
    containers: ["app"],
    identity: undefined,
    token: undefined,
    redirected: false,
    trouble: undefined,
    ...facts,
  };
}
