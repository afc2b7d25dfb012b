import { KubeError, type FieldConflict, type KubeErrorClass } from "../reconcilers/ports.ts";
import { isJsonObject } from "./objects.ts";

/** Everything that can go wrong on the way to the API server, classified in this one file. */

/** The path is not served: the kind, or this version of it, does not exist here. An absent object is a plain KubeError `notFound`. */
export class NotServedError extends KubeError {}

const LONGEST_MESSAGE = 512;

/** One line of at most 512 characters: an API server repeats whole objects in some of its messages. */
export function trimMessage(message: string): string {
  const line = message.replaceAll(/\s+/g, " ").trim();
  return line.length <= LONGEST_MESSAGE ? line : `${line.slice(0, LONGEST_MESSAGE - 1)}…`;
}

/** The error of an answer that is not 2xx; `body` is a Status, or whatever a proxy on the way said. */
export function errorOfAnswer(operation: string, status: number, body: unknown, retryAfter: string | undefined, now: number): KubeError {
  const said = isJsonObject(body) ? body : {};
  const details = isJsonObject(said.details) ? said.details : {};
  const reason = typeof said.reason === "string" ? said.reason : "";
  const text = typeof said.message === "string" ? said.message : typeof body === "string" ? body : "";
  const fields = {
    class: classOf(status, reason),
    status,
    operation,
    message: trimMessage(text) || `the API server answered ${status}`,
    retryAfterMs: retryAfterMs(retryAfter, now) ?? secondsToMs(details.retryAfterSeconds),
    fieldConflicts: fieldConflicts(details.causes),
  };
  // An absent object is named in the Status; a path that nothing serves has no name in it, or no Status at all.
  return status === 404 && typeof details.name !== "string" ? new NotServedError(fields) : new KubeError(fields);
}

/** Of an apply without force: each cause is a field and `conflict with "<manager>" …` (apimachinery, managedfields/internal/conflict.go). */
function fieldConflicts(causes: unknown): readonly FieldConflict[] {
  if (!Array.isArray(causes)) return [];
  return causes.filter(isJsonObject).flatMap(({ reason, message, field }) => {
    if (reason !== "FieldManagerConflict" || typeof field !== "string") return [];
    const manager = typeof message === "string" ? /"([^"]*)"/.exec(message)?.[1] : undefined;
    return [{ manager: manager ?? "another manager", field: field.replace(/^\./, "") }];
  });
}

/** The error of an `ERROR` frame of a watch, which carries a Status. */
export function errorOfFrame(operation: string, object: unknown): KubeError {
  const code = isJsonObject(object) && typeof object.code === "number" ? object.code : 500;
  return errorOfAnswer(operation, code, object, undefined, 0);
}

/** The error of a request that got no answer: no connection, a cut one, a timeout, an abort. */
export function errorOfFailure(operation: string, cause: unknown): KubeError {
  if (cause instanceof KubeError) return cause;
  return new KubeError({ class: "unreachable", status: 0, operation, message: trimMessage(describe(cause)), cause });
}

/** The error of an answer that is not what the Kubernetes API promises. */
export function errorOfGarbage(operation: string, what: string): KubeError {
  return new KubeError({ class: "unexpected", status: 0, operation, message: what });
}

function classOf(status: number, reason: string): KubeErrorClass {
  switch (status) {
    case 401:
    case 403:
      return "denied";
    case 404:
      return "notFound";
    case 409:
      return reason === "AlreadyExists" ? "alreadyExists" : "conflict";
    case 410:
      return "expired";
    case 429:
      return "throttled";
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return "invalid";
    default:
      return status >= 500 ? "server" : "unexpected";
  }
}

/** Retry-After is a number of seconds or an HTTP date (RFC 9110, 10.2.3). */
function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^[0-9]+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function secondsToMs(seconds: unknown): number | undefined {
  return typeof seconds === "number" && seconds > 0 ? seconds * 1000 : undefined;
}

/** Node wraps the reason that helps (ECONNREFUSED 127.0.0.1:6443) in causes and aggregates. */
function describe(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return describe(cause.errors[0]);
  if (!(cause instanceof Error)) return String(cause);
  if (cause.cause instanceof Error) return describe(cause.cause);
  return cause.message || cause.name;
}
