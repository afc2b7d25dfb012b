import type { DeploymentState, PodState } from "../ports.ts";
import type { StepReport } from "../step.ts";
import { WATCHED_RECHECK_MS } from "./apply-set.ts";
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
  if (!deployment || deployment.observedGeneration < deployment.generation || deployment.image !== wanted) {
    return progressing("RollingOut", "waits for the Deployment to be taken up");
  }
  const pods = world.pods(service.key).filter((p) => !p.deleting);
  if (complete(deployment) && deployment.replicas >= service.scaling.minReplicas) {
    if (wanted !== undefined) facts.runningImage = wanted;
    return { state: "ready", reason: "Running", message: "" };
  }
  const troubled = firstTroubled(pods);
  if (troubled) return quote(troubled, deployment.deadlineExceeded);
  if (deployment.deadlineExceeded) {
    return {
      state: "blocked",
      reason: "ProgressDeadlineExceeded",
      message: "its pods do not become ready in time: look at their logs and probes",
      recheckMs: WATCHED_RECHECK_MS,
    };
  }
  return progressing("RollingOut", "waits for its pods to be ready");
}

/** As `kubectl rollout status` decides. */
function complete(d: DeploymentState): boolean {
  return d.updatedReplicas >= d.replicas && d.statusReplicas <= d.updatedReplicas && d.availableReplicas >= d.updatedReplicas;
}

/** By name, so that the message does not change from pass to pass. A quoted pod name would. */
function firstTroubled(pods: readonly PodState[]): { reason: string; message: string } | undefined {
  return pods.toSorted((a, b) => (a.name < b.name ? -1 : 1)).find((p) => p.trouble)?.trouble;
}

function quote(trouble: { reason: string; message: string }, deadlineExceeded: boolean): StepReport {
  const message = trouble.message === "" ? "a pod does not start" : trouble.message;
  if (deadlineExceeded || NEEDS_A_PERSON.has(trouble.reason))
    return { state: "blocked", reason: trouble.reason, message, recheckMs: WATCHED_RECHECK_MS };
  return progressing(trouble.reason, message);
}

function progressing(reason: string, message: string): StepReport {
  return { state: "progressing", reason, message, recheckMs: WATCHED_RECHECK_MS };
}
