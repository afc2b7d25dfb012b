import type { Condition, StepCondition } from "../../crds/conditions.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { PlatformService } from "../../crds/platform-service.ts";
import type { Borrowed } from "../borrowed.ts";
import type { Converger, Converging } from "../converge.ts";
import type { MeshConvergers, MeshConverging } from "../mesh-convergers.ts";
import type { AssociationDesired, ExistingRole, RepositoryDesired, RoleDesired, RulesNamespaceDesired } from "../../crds/desired.ts";
import type {
  AssociationObserved,
  Children,
  Holds,
  ImageKeeper,
  ImageReader,
  Owner,
  RepositoryObserved,
  ResolvedImage,
  RoleObserved,
  RoutesOfRouter,
  RulesNamespaceObserved,
  World,
} from "../ports.ts";
import type { RolloutBudget } from "../rollout-budget.ts";
import type { StepReport } from "../step.ts";
import type { BudgetMemory } from "./budget-memory.ts";
import type { ImageMemory } from "./image-memory.ts";

/** What every pass is given; the same objects for the life of the process. */
export interface Ports {
  readonly config: OperatorConfig;
  readonly configHash: string;
  readonly world: World;
  readonly children: Children;
  readonly holds: Holds;
  readonly roles: Converger<RoleDesired, RoleObserved>;
  readonly existingRoles: Borrowed<ExistingRole>;
  readonly repositories: Converger<RepositoryDesired, RepositoryObserved>;
  readonly existingRepositories: Borrowed<RepositoryObserved>;
  readonly associations: Converger<AssociationDesired, AssociationObserved>;
  readonly rulesNamespaces: Converger<RulesNamespaceDesired, RulesNamespaceObserved>;
  readonly appMesh: MeshConvergers;
  readonly routesOfRouter: Borrowed<RoutesOfRouter>;
  readonly imageReader: ImageReader;
  readonly imageKeeper: ImageKeeper;
  readonly images: ImageMemory;
  readonly budget: RolloutBudget;
  /** Of errors, as Prometheus last said. */
  readonly errorBudgets: Pick<BudgetMemory, "of">;
  /** Milliseconds of the wall clock. */
  readonly now: () => number;
}

/** Names one object that the service owns, in Kubernetes or in AWS. */
export interface ResourceRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** The same as `status.resources` lists it. */
export interface OwnedResource extends ResourceRef {
  readonly state: "Ready" | "Progressing" | "Blocked" | "Failed" | "Retained";
  /** Hash of what it was seen to be as desired, of kinds that a process that begins reads at once (external.ts). */
  readonly seenAs?: string | undefined;
}

/** Facts that one step finds and later ones need. */
export interface Facts {
  roleArn?: string;
  repository?: { readonly arn: string; readonly uri: string };
  image?: ResolvedImage;
  /** Of the mesh's certificate, where it has one. */
  certificateRevision?: number;
  /** `repository@sha256:…` that runs, once a rollout is complete. */
  runningImage?: string;
}

/** Drift that a pass put back, for the counter and the event. */
export interface Correction {
  readonly kind: string;
  readonly name: string;
  readonly what: string;
}

/** What a step may do to the world; a pass that must not write has its own (read-only.ts). */
export interface Hands {
  readonly children: Children;
  readonly holds: Holds;
  readonly roles: Converging<RoleDesired, RoleObserved>;
  readonly repositories: Converging<RepositoryDesired, RepositoryObserved>;
  readonly associations: Converging<AssociationDesired, AssociationObserved>;
  readonly rulesNamespaces: Converging<RulesNamespaceDesired, RulesNamespaceObserved>;
  readonly appMesh: MeshConverging;
  readonly imageKeeper: ImageKeeper;
  readonly budget: Pick<RolloutBudget, "take" | "release">;
}

/** What a pass gathers, as it begins. */
export function nothingYet(): Pick<Scope, "facts" | "resources" | "corrections" | "leftBehind" | "adopted"> {
  return { facts: {}, resources: [], corrections: [], leftBehind: [], adopted: [] };
}

/** Everything of one pass, gathered in memory. */
export interface Scope extends Omit<Ports, keyof Hands>, Hands {
  readonly stored: PlatformService;
  readonly service: EffectiveService;
  readonly owner: Owner;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  readonly facts: Facts;
  /** As the status has them from the pass before. */
  readonly previous: readonly Condition[];
  readonly resources: OwnedResource[];
  readonly corrections: Correction[];
  /** In AWS, of what the service owns no longer: let go of because the platform team said so. */
  readonly leftBehind: OwnedResource[];
  /** What this pass took over, as `Service web`. */
  readonly adopted: string[];
  /** Reports of the steps that ran before, in this pass. */
  readonly reports: ReadonlyMap<StepCondition, StepReport>;
}

/** What removal has: no effective spec, no tier. */
export interface RemoveScope extends Ports {
  readonly key: ObjectKey;
  readonly owner: Owner;
  /** As stored; may be invalid. */
  readonly stored: PlatformService;
  readonly retained: OwnedResource[];
}

/** Whether the step of this condition holds in this pass; what is merely not written counts, so that later steps are compared too. */
export function holds(scope: Pick<Scope, "reports">, condition: StepCondition): boolean {
  const state = scope.reports.get(condition)?.state;
  return state === "ready" || state === "skipped" || state === "suspended";
}
