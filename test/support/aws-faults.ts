import type { FaultRule } from "../../emulator/faults.ts";
import type { NamedFault } from "./thoroughness.ts";

/** Of a rule, what it does and for how long. */
export type AwsFault = Pick<FaultRule, "fault" | "times">;

/** As often as the SDK tries a call, so that the operator sees it. */
const TRIES = 3;
/** Longer than the operator waits for an answer. */
const TOO_LATE_MS = 20_000;

/** What can become of a call. */
export const AWS_FAULTS: readonly NamedFault<AwsFault>[] = [
  ["carried out, and its answer lost", { fault: { kind: "lost" } }],
  ["answered 500 as often as the SDK tries", { fault: { kind: "http500" }, times: TRIES }],
  ["answered 503 as often as the SDK tries", { fault: { kind: "unavailable" }, times: TRIES }],
  ["refused once for what else is under way, or 503 where that is never said", { fault: { kind: "busy" } }],
  ["denied once", { fault: { kind: "denied" } }],
  ["throttled as often as the SDK tries", { fault: { kind: "throttle" }, times: TRIES }],
  ["cut before it is carried out, as often as the SDK tries", { fault: { kind: "drop" }, times: TRIES }],
  ["cut in the middle of its answer, as often as the SDK tries", { fault: { kind: "half" }, times: TRIES }],
  ["carried out twice", { fault: { kind: "twice" } }],
  ["made with credentials that have expired", { fault: { kind: "expiredCredentials" } }],
  ["answered 3 s late", { fault: { kind: "latency", ms: 3_000 } }],
  ["carried out, and answered too late, as often as the SDK tries", { fault: { kind: "latency", ms: TOO_LATE_MS }, times: TRIES }],
  ["blind to the five calls before it, as often as the SDK tries", { fault: { kind: "staleReads", calls: 5 }, times: TRIES }],
];
