import { ADVISORY_CONDITIONS, STEP_CONDITIONS, type Condition } from "../../../src/crds/conditions.ts";
import type { PlatformServiceStatus } from "../../../src/crds/platform-service.ts";

/** How a service ends that nobody would have written, as its conditions say it. */
export type Ending =
  | { readonly state: "ready" }
  /** In SpecValid. `field`: which its message begins with. */
  | { readonly state: "refused"; readonly reason: string; readonly message: string }
  /** Valid, and not Ready for a reason that lies outside its spec: each `Condition: Reason`. */
  | { readonly state: "stated"; readonly reasons: readonly string[] }
  /** It says nothing of this generation yet. */
  | { readonly state: "silent" };

/** Why a valid service may stay short of Ready, and why that is as it should be. */
export const LEGITIMATE: Readonly<Record<string, string>> = {
  "ImageResolved: NoImage": "neither tag nor digest is written: all but the workload is made",
  "ImageResolved: ImageNotFound": "nobody has pushed the digest that is written",
  "IdentityReady: RoleNotFound": "the role that is to exist does not",
  "RepositoryReady: RepositoryNotFound": "the repository that is to exist does not",
  "RepositoryReady: NotOwned": "another service has the repository that is written",
  "WorkloadReady: WorkloadMissing": "the workload that is to be brought is not there",
  "NetworkPolicyReady: TooManyPorts": "Services of others that are named have more ports than one policy may open",
  "WorkloadReady: Unschedulable": "the pods ask for more than any node of this cluster has",
  "WorkloadReady: ApiMissing": "a Rollout is named, and Argo Rollouts is not installed",
  "IdentityReady: Suspended": "spec.suspend or an annotation asks that nothing be written",
};

export function endingOf(status: PlatformServiceStatus, generation: number): Ending {
  const conditions = status.conditions ?? [];
  const found = (type: string): Condition | undefined =>
    conditions.find((one) => one.type === type && one.observedGeneration === generation);
  const ready = found("Ready");
  const valid = found("SpecValid");
  if (!ready || !valid || status.observedGeneration !== generation) return { state: "silent" };
  if (valid.status === "False") return { state: "refused", reason: valid.reason, message: valid.message };
  if (ready.status === "True") return { state: "ready" };
  // What is advisory keeps nobody from being Ready.
  const counted = STEP_CONDITIONS.filter((type) => !ADVISORY_CONDITIONS.has(type)).map(found);
  const short = counted.filter((one) => one !== undefined).filter(({ status: is }) => is !== "True");
  return { state: "stated", reasons: short.map(({ type, reason }) => `${type}: ${reason}`) };
}

/** At rest: nothing of what it says is about to change. */
export function isEnd(end: Ending): boolean {
  if (end.state !== "stated") return end.state !== "silent";
  const isLegitimate = (reason: string): boolean => reason in LEGITIMATE;
  return end.reasons.some(isLegitimate) && end.reasons.every((reason) => isLegitimate(reason) || /: (WaitingFor|Suspended)/.test(reason));
}

/** Beyond that a message is not one that a person reads. */
const LONGEST = 4096;

/** What no condition may say. `spec`: of the service, since it may quote that. */
export function wordProblems(conditions: readonly Condition[], spec: string): readonly string[] {
  return conditions.flatMap(({ type, reason, message }) => [
    ...(message.length > LONGEST ? [`${type}: ${String(message.length)} characters`] : []),
    ...(message.isWellFormed() ? [] : [`${type} is no text`]),
    ...["undefined", "[object Object]", "NaN", "    at "]
      .filter((word) => message.includes(word) && !spec.includes(word))
      .map((word) => `${type} says ${word}: ${message}`),
    ...(/^[A-Za-z][A-Za-z0-9]*$/.test(reason) ? [] : [`${type} has the reason ${reason}`]),
    ...(reason === "UnexpectedError" ? [`${type}: ${message}`] : []),
  ]);
}

/** A refusal begins with the field that it is about. */
export const NAMES_FIELD = /^(spec|metadata)(\.|\[)[^ ]+: ./;
