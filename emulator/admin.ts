/**
 * The admin API, under /_emulator/ on the same port: JSON in and out, no credentials, loopback only.
 * GET actions?since=N, counters, grants, faults, state; POST faults, reset, expire?days=N&repository=NAME; PUT association-owner; DELETE faults, actions.
 */
import type { ActionLog } from "./action-log.ts";
import { parseFaultRules, type FaultInjector } from "./faults.ts";
import type { Principals } from "./principals.ts";
import { expireImages } from "./services/ecr/lifecycle-policy.ts";
import type { State } from "./state.ts";

export const ADMIN_PREFIX = "/_emulator/";

export interface AdminParts {
  readonly log: ActionLog;
  readonly faults: FaultInjector;
  readonly principals: Principals;
  readonly state: State;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export interface AdminAnswer {
  readonly status: number;
  readonly value: unknown;
}

/** Answers one admin request; `path` is what follows the prefix. */
export function answerAdmin(
  parts: AdminParts,
  request: { method: string; path: string; query: URLSearchParams; body: string },
): AdminAnswer {
  const ok = (value: unknown): AdminAnswer => ({ status: 200, value });
  switch (`${request.method} ${request.path}`) {
    case "GET actions":
      return ok(parts.log.entries(Number(request.query.get("since") ?? "0")));
    case "GET counters":
      return ok(parts.log.counters());
    case "GET grants":
      return ok(parts.log.grants(parts.principals.restricted()));
    case "GET state":
      return ok(parts.state.snapshot());
    case "GET faults":
      return ok(parts.faults.active());
    case "POST faults":
      return addFaults(parts.faults, request.body);
    case "PUT association-owner":
      return ownAssociation(parts.state, request.query);
    case "DELETE faults":
      parts.faults.clear();
      return ok({});
    case "DELETE actions":
      parts.log.clear();
      return ok({});
    case "POST reset":
      parts.state.reset();
      parts.faults.clear();
      parts.log.clear();
      return ok({});
    case "POST expire":
      return expire(parts, request.query);
    default:
      return { status: 404, value: { error: `there is no ${request.method} ${ADMIN_PREFIX}${request.path}` } };
  }
}

function addFaults(faults: FaultInjector, body: string): AdminAnswer {
  try {
    return { status: 200, value: faults.add(parseFaultRules(body)) };
  } catch (error) {
    if (error instanceof Error) return { status: 400, value: { error: error.message } };
    throw error;
  }
}

const DAY_MS = 86_400_000;
/** Reads that lag by calls count calls of AWS; this is none. */
const NO_CALL = 0;

/** Carries out the lifecycle policies, or one repository's, as they would be so many days from now. */
function expire({ state, clock }: AdminParts, query: URLSearchParams): AdminAnswer {
  const now = clock();
  const { repositories } = state.store({ call: NO_CALL, now }, { kind: "full" });
  const only = query.get("repository") ?? undefined;
  try {
    return { status: 200, value: expireImages(repositories, { now: now + Number(query.get("days") ?? "0") * DAY_MS, only }) };
  } catch (error) {
    if (error instanceof Error) return { status: 400, value: { error: error.message } };
    throw error;
  }
}

/** What only EKS itself can do: an add-on's own association. */
function ownAssociation(state: State, query: URLSearchParams): AdminAnswer {
  const { podIdentityAssociations } = state.store({ call: 0, now: 0 }, { kind: "full" });
  const key = `${query.get("cluster") ?? ""}/${query.get("association") ?? ""}`;
  const association = podIdentityAssociations.get(key);
  if (association === undefined) return { status: 404, value: { error: `there is no association ${key}` } };
  podIdentityAssociations.set(key, { ...association, ownerArn: query.get("owner") ?? undefined });
  return { status: 200, value: {} };
}
