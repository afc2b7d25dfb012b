/** Conditions of a PlatformService. `Ready` is computed; each of the others belongs to one step (api.md, Conditions). */

export const STEP_CONDITIONS = [
  "SpecValid",
  "IdentityReady",
  "RepositoryReady",
  "ImageResolved",
  "ServiceAccountReady",
  "NetworkPolicyReady",
  "MeshSecurityReady",
  "DisruptionBudgetReady",
  "PlacementReady",
  "WorkloadReady",
  "TrafficReady",
  "SLOsReady",
  "DependenciesGranted",
] as const;

export type StepCondition = (typeof STEP_CONDITIONS)[number];

/** Shown, but not counted in Ready: two squads could lock each other, and an SLO says how a service does, not whether it is as written (ADR 26). */
export const ADVISORY_CONDITIONS: ReadonlySet<StepCondition> = new Set(["DependenciesGranted", "SLOsReady"]);

/** kstatus: `Reconciling` and `Stalled` are present only while True; so is `Suspended`, while nothing is written for the service. */
export type ConditionType = StepCondition | "Ready" | "Reconciling" | "Stalled" | "Suspended";

export type ConditionStatus = "True" | "False" | "Unknown";

/** Of a reason, in characters: the cluster's own words may become one. */
export const LONGEST_REASON = 1024;

export interface Condition {
  type: string;
  status: ConditionStatus;
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration: number;
}
