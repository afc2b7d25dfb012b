import { z } from "zod";
import type { Violation } from "./desired.ts";
import { ANNOTATIONS } from "./meta.ts";
import type { PlatformService } from "./platform-service.ts";

/** What a person asks of the operator about one service: to write nothing for a while, or to look afresh (api.md, Asking the operator). */

/** Why nothing is written for a service at the moment. */
export interface Suspension {
  /** The reason of the condition `Suspended`. */
  readonly reason: "SpecSuspend" | "PausedUntil" | "InvalidPausedUntil";
  /** What suspends it, and what ends that. */
  readonly message: string;
}

/** What the annotation `paused-until` says. */
export type Pause =
  /** Not there, or over. */
  | { readonly state: "none" }
  /** Milliseconds since the epoch, later than now. */
  | { readonly state: "until"; readonly at: number }
  | { readonly state: "malformed"; readonly violation: Violation };

const TIME = z.iso.datetime({ offset: true });
/** RFC 3339 has four digits for a year, and a zone west of Greenwich may go beyond. */
const LAST_MS = Date.parse("9999-12-31T23:59:59Z");
/** Of an annotation's value in a message; the value may be a quarter of a megabyte. */
const LONGEST_QUOTE = 64;
/** Of a value of `reconcile-at`, in characters: what the status repeats of it. */
export const LONGEST_REQUEST = 256;

/** Milliseconds of the wall clock decide whether a pause is over. */
export function pauseOf({ metadata }: Pick<PlatformService, "metadata">, now: number): Pause {
  const text = metadata.annotations?.[ANNOTATIONS.pausedUntil];
  if (text === undefined) return { state: "none" };
  if (!TIME.safeParse(text).success) {
    return {
      state: "malformed",
      violation: {
        field: `metadata.annotations[${ANNOTATIONS.pausedUntil}]`,
        reason: "InvalidPausedUntil",
        message: `${JSON.stringify(firstOf(text, LONGEST_QUOTE))} is no RFC 3339 time: write one as 2026-11-26T18:00:00Z, or remove the annotation; until then nothing is written`,
      },
    };
  }
  const at = Math.min(Date.parse(text), LAST_MS);
  return at > now ? { state: "until", at } : { state: "none" };
}

/** Whether a pass must write nothing, and why. A pause that cannot be read counts: whoever wrote it wanted no writes, and it is said loudly. */
export function suspensionOf(service: Pick<PlatformService, "metadata" | "spec">, now: number): Suspension | undefined {
  if (service.spec.suspend === true) {
    return { reason: "SpecSuspend", message: "spec.suspend is true, so nothing is written: set it to false to resume" };
  }
  const pause = pauseOf(service, now);
  switch (pause.state) {
    case "none":
      return undefined;
    case "until":
      return {
        reason: "PausedUntil",
        message: `nothing is written until ${rfc3339(pause.at)}: remove the annotation ${ANNOTATIONS.pausedUntil} to resume before`,
      };
    case "malformed":
      return {
        reason: "InvalidPausedUntil",
        message: `nothing is written, because the annotation ${ANNOTATIONS.pausedUntil} is no RFC 3339 time: correct or remove it`,
      };
    default:
      return pause satisfies never;
  }
}

/** What `reconcile-at` asks by its value, as the status repeats it once a pass has run; undefined: nothing. */
export function reconcileRequestOf({ metadata }: Pick<PlatformService, "metadata">): string | undefined {
  const text = metadata.annotations?.[ANNOTATIONS.reconcileAt];
  return text === undefined ? undefined : firstOf(text, LONGEST_REQUEST);
}

/**
 * Whether `abandon` names the AWS object: by group, kind and name with a slash between, as `status.resources` has them, or by the group alone for all of it;
 * several with commas.
 */
export function isAbandoned(
  { metadata }: Pick<PlatformService, "metadata">,
  { group, kind, name }: { readonly group: string; readonly kind: string; readonly name: string },
): boolean {
  const named = (metadata.annotations?.[ANNOTATIONS.abandon] ?? "").split(",").map((one) => one.trim());
  return named.includes(group) || named.includes(`${group}/${kind}/${name}`);
}

/** RFC 3339 in UTC, in whole seconds. */
export function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** A character that the cut splits is replaced, so that what is sent comes back the same. */
function firstOf(text: string, characters: number): string {
  return text.slice(0, characters).toWellFormed();
}
