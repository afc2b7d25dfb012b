import type { BroughtState, ChildRef, ChildState, DeploymentState, PodState, World } from "../../src/reconcilers/ports.ts";

/** What the watches tell of a workload that has one pod, rolled out and ready; a test says what of it matters. */

export function deploymentState(facts: Partial<DeploymentState> = {}): DeploymentState {
  return {
    replicas: 1,
    image: undefined,
    identity: undefined,
    mesh: "Istio",
    probedPorts: [],
    labels: {},
    images: facts.image === undefined ? [] : [facts.image],
    hasTemplate: true,
    progress: { state: "complete", message: "" },
    readyReplicas: 1,
    rolledOut: true,
    ...facts,
  };
}

/** A child as last seen, that nobody has touched. */
export function childState(ref: ChildRef, seen: Partial<ChildState> = {}): ChildState {
  return {
    ref,
    uid: "uid",
    resourceVersion: "1",
    controller: undefined,
    deleting: false,
    ownedHash: undefined,
    foreignPaths: [],
    annotations: {},
    ...seen,
  };
}

/** A Deployment that its squad hands over to the service of that name, rolled out and ready. */
export function broughtState(managedBy: string, facts: Partial<BroughtState> = {}): BroughtState {
  return {
    managedBy,
    childOf: undefined,
    deleting: false,
    labels: {},
    images: [],
    identity: undefined,
    mesh: "Istio",
    probedPorts: [],
    rolledOut: true,
    hasTemplate: true,
    progress: { state: "complete", message: "" },
    readyReplicas: 1,
    ...facts,
  };
}

/** What a world tells of a service's own Deployment, if there is one, and of nothing else that makes pods. */
export function ownDeployment(deployment: DeploymentState | undefined): Pick<World, "deployment" | "templates"> {
  return { deployment: () => deployment, templates: () => (deployment === undefined ? [] : [deployment]) };
}

export function podState(facts: Partial<PodState> = {}): PodState {
  return {
    name: "pod",
    ready: true,
    deleting: false,
    images: {},
    digests: {},
    containers: ["app"],
    identity: undefined,
    token: undefined,
    redirected: false,
    probedPorts: [],
    brought: false,
    trouble: undefined,
    ...facts,
  };
}
