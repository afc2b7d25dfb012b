import type { StepCondition } from "../../crds/conditions.ts";
import type { PodState, Progress } from "../ports.ts";
import type { StepReport } from "../step.ts";
import { WATCHED } from "./apply-set.ts";
import type { Scope } from "./scope.ts";

/** Reasons for which waiting does not help: a person must act. */
const NEEDS_A_PERSON: ReadonlySet<string> = new Set([
  "ImagePullBackOff",
  "ErrImagePull",
  "InvalidImageName",
  "CrashLoopBackOff",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
  "OOMKilled",
]);

/** Whether the pods that should run do, on the image that should; when not, the first pod's own reason is quoted. */
export function rolloutReport(scope: Scope): StepReport {
  const { service, world, facts } = scope;
  const deployment = world.deployment(service.key);
  const wanted = facts.repository && facts.image ? `${facts.repository.uri}@${facts.image.digest}` : undefined;
  if (!deployment || deployment.image !== wanted) return progressing("RollingOut", FOR_PODS);
  const tooFew = deployment.replicas < fewestReplicas(scope);
  const { progress } = deployment;
  const report = progressReport(tooFew && progress.state === "complete" ? UNDER_WAY : progress, world.pods(service.key));
  if (report.state === "ready" && wanted !== undefined) facts.runningImage = wanted;
  return report;
}

/** From the write of a Deployment on: that its controller has taken it up is no news that a status is written for. */
const FOR_PODS = "waits for its pods to be ready";

/** How many pods the service's own Deployment has at least: while it takes over from what a squad brought as many as that runs, up to its own maximum. */
export function fewestReplicas({ service: { key, scaling }, world, holds }: Pick<Scope, "service" | "world" | "holds">): number {
  const running = holds.held(key).reduce((sum, { ref }) => sum + (world.workload(ref)?.readyReplicas ?? 0), 0);
  return Math.max(scaling.minReplicas, Math.min(scaling.maxReplicas, running));
}

/** No pod template is written before these hold. */
export function waitingFor(conditions: readonly StepCondition[]): StepReport & { readonly state: "progressing" } {
  return {
    state: "progressing",
    reason: "WaitingForPrerequisites",
    message: `waits for ${conditions.join(", ")}`,
    ...WATCHED,
    waitsFor: conditions,
  };
}

const UNDER_WAY: Progress = { state: "underWay", message: "" };

/** The same of any workload, from how far its own controller has come. Undefined: it has not been seen. */
export function progressReport(progress: Progress = UNDER_WAY, pods: readonly PodState[]): StepReport {
  if (progress.state === "complete") return { state: "ready", reason: "Running", message: "" };
  const stuck = progress.state === "stuck";
  const troubled = firstTroubled(pods.filter((p) => !p.deleting));
  if (troubled) return quote(troubled, stuck);
  if (stuck) {
    return progress.message === ""
      ? blocked("ProgressDeadlineExceeded", "its pods do not become ready in time: look at their logs and probes")
      : blocked("Degraded", `its controller says: ${progress.message}; put right what it names, or go back to what ran before`);
  }
  if (progress.state === "paused") return progressing("Paused", "its rollout is paused: whoever paused it resumes or promotes it");
  return progressing("RollingOut", FOR_PODS);
}

/** By what it says, so that the message does not change from pass to pass. A quoted pod name would. */
function firstTroubled(pods: readonly PodState[]): PodState["trouble"] {
  const said = ({ reason, message }: NonNullable<PodState["trouble"]>): string => `${reason} ${message}`;
  const troubles = pods.map(({ trouble }) => trouble).filter((trouble) => trouble !== undefined);
  return troubles.toSorted((a, b) => (said(a) < said(b) ? -1 : 1))[0];
}

function quote(trouble: { reason: string; message: string }, deadlineExceeded: boolean): StepReport {
  const message = trouble.message === "" ? "a pod does not start" : trouble.message;
  if (deadlineExceeded || NEEDS_A_PERSON.has(trouble.reason)) return blocked(trouble.reason, message);
  return progressing(trouble.reason, message);
}

function blocked(reason: string, message: string): StepReport {
  return { state: "blocked", reason, message, ...WATCHED };
}

function progressing(reason: string, message: string): StepReport {
  return { state: "progressing", reason, message, ...WATCHED };
}
