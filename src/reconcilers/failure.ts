import { unreachable } from "./conditions.ts";
import { AwsError, KubeError } from "./ports.ts";
import type { StepReport } from "./step.ts";

/**
 * From a throw to a report: what a person must act on is `blocked` and looked at again now and then, since no watch tells
 * that the cause went; everything else is `failed` and retried with back-off for ever.
 */

/** How often a refusal that only a person can lift is tried again. */
const BLOCKED_RECHECK_MS = 30_000;
/** A lost race is over at once. */
const CONFLICT_RECHECK_MS = 250;

/** The report of a step that threw. */
export function reportFailure(error: unknown): StepReport {
  if (error instanceof AwsError) return awsFailure(error);
  if (error instanceof KubeError) return kubeFailure(error);
  return {
    state: "failed",
    reason: "UnexpectedError",
    message: `${describeError(error)}; it is retried, and the operator's log has the stack`,
  };
}

function awsFailure(error: AwsError): StepReport {
  const said = `${error.operation}: ${error.code}: ${error.message}`;
  switch (error.class) {
    case "denied":
      return blocked(
        "AccessDenied",
        `${said}; grant the operator's role this action (config/iam/${policyOf(error.operation)}) or renew its credentials`,
      );
    case "invalid":
      return blocked("RefusedByAWS", `${said}; change what the message names`);
    case "overQuota":
      return blocked("QuotaExceeded", `${said}; raise the quota of the account or remove what is not needed`);
    case "throttled":
      return failed("Throttled", `${said}; AWS asks for fewer calls, it is retried more slowly`);
    case "unreachable":
      return failed("AWSUnreachable", `${said}; check the operator's network and DNS towards AWS; it is retried`);
    case "busy":
    case "absent":
    case "exists":
      return failed("AWSNotConsistentYet", `${said}; it is retried`);
    case "unexpected":
      return failed("AWSError", `${said}; it is retried`);
    default:
      return unreachable(error.class);
  }
}

/** Not everybody needs App Mesh or Amazon Managed Service for Prometheus: each has a policy of its own. */
function policyOf(operation: string): string {
  if (operation.startsWith("appmesh:")) return "operator-policy-app-mesh.json";
  return operation.startsWith("aps:") ? "operator-policy-managed-prometheus.json" : "operator-policy.json";
}

function kubeFailure(error: KubeError): StepReport {
  const said = `${error.operation}: ${error.message}`;
  switch (error.class) {
    case "conflict":
      return {
        state: "progressing",
        reason: "Conflict",
        message: "another writer was faster; read and written again",
        recheckMs: CONFLICT_RECHECK_MS,
      };
    case "denied":
      return blocked(
        "Forbidden",
        `${said}; grant the operator this in its ClusterRole (config/rbac), or change the admission policy that refuses it`,
      );
    case "invalid":
      return blocked("RefusedByAPIServer", `${said}; change what the message names`);
    case "throttled":
    case "server":
    case "unreachable":
    case "notFound":
    case "alreadyExists":
    case "expired":
    case "unexpected":
      return { ...failed("APIServerError", `${said}; it is retried`), retryAfterMs: error.retryAfterMs };
    default:
      return unreachable(error.class);
  }
}

function blocked(reason: string, message: string): StepReport {
  return { state: "blocked", reason, message, recheckMs: BLOCKED_RECHECK_MS };
}

function failed(reason: string, message: string): StepReport & { readonly state: "failed" } {
  return { state: "failed", reason, message };
}

const MAX_DESCRIPTION = 512;

/** An error in one bounded line. */
export function describeError(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(0, MAX_DESCRIPTION);
}
