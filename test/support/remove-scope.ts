import { platformServiceSpec } from "../../src/crds/platform-service.ts";
import { API_VERSION, type ObjectKey } from "../../src/crds/meta.ts";
import { Borrowed } from "../../src/reconcilers/borrowed.ts";
import { Converger } from "../../src/reconcilers/converge.ts";
import { MeshConvergers } from "../../src/reconcilers/mesh-convergers.ts";
import { ImageMemory } from "../../src/reconcilers/platform-service/image-memory.ts";
import type { RemoveScope } from "../../src/reconcilers/platform-service/scope.ts";
import type { Children, World } from "../../src/reconcilers/ports.ts";
import { RolloutBudget } from "../../src/reconcilers/rollout-budget.ts";
import type { EmulatedAws } from "./aws/emulated.ts";
import type { Json } from "./json-path.ts";
import { NO_HOLDS } from "./no-holds.ts";

/** What the removal of a service's AWS objects is given; to ask Kubernetes for anything is a mistake of the test. */
export function awsRemoveScope({ operator, config }: EmulatedAws, key: ObjectKey, spec: Json): RemoveScope {
  const metadata = { ...key, uid: "service-uid", resourceVersion: "1", generation: 1 };
  return {
    key,
    owner: { apiVersion: API_VERSION, kind: "PlatformService", key, uid: metadata.uid },
    stored: { apiVersion: API_VERSION, kind: "PlatformService", metadata, spec: platformServiceSpec.parse(spec) },
    retained: [],
    config,
    configHash: "config",
    roles: new Converger(operator.roles),
    existingRoles: new Borrowed(operator.existingRoles),
    repositories: new Converger(operator.repositories),
    existingRepositories: new Borrowed(operator.existingRepositories),
    associations: new Converger(operator.associations),
    rulesNamespaces: new Converger(operator.rulesNamespaces),
    appMesh: new MeshConvergers(operator.mesh),
    routesOfRouter: new Borrowed(operator.mesh.routesOfRouter),
    imageReader: operator.images,
    imageKeeper: operator.imageKeeper,
    images: new ImageMemory(() => 0),
    budget: new RolloutBudget(1),
    errorBudgets: { of: () => ({ finding: "NotAsked" }) },
    now: () => 0,
    children: NO_CHILDREN,
    holds: NO_HOLDS,
    world: NO_WORLD,
  };
}

function unasked(): never {
  throw new Error("the removal of AWS objects asks nothing of Kubernetes");
}

const NO_CHILDREN: Children = {
  apply: unasked,
  look: unasked,
  forget: unasked,
  remove: unasked,
  strip: unasked,
  get: unasked,
  owned: unasked,
  released: unasked,
  scale: unasked,
};
const NO_WORLD: World = {
  namespaceLabels: unasked,
  deployment: unasked,
  workload: unasked,
  templates: unasked,
  pods: unasked,
  autoscalerReplicas: unasked,
  nodePools: unasked,
  serves: unasked,
  neighbour: unasked,
  servicesOfTier: unasked,
  pacedRollouts: unasked,
  tier: unasked,
  gateway: unasked,
  certificate: unasked,
  kubernetesService: unasked,
  foreignPolicies: unasked,
  foreignBudgets: unasked,
};
