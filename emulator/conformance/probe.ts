import assert from "node:assert/strict";
import { ECRClient } from "@aws-sdk/client-ecr";
import { IAMClient } from "@aws-sdk/client-iam";
import { STSClient } from "@aws-sdk/client-sts";

/** A server that stands in for AWS. */
export interface Target {
  readonly name: "emulator" | "moto";
  readonly url: string;
  readonly accountId: string;
  readonly region: string;
  readonly iam: IAMClient;
  readonly ecr: ECRClient;
  readonly sts: STSClient;
  /** A name that no other probe has: lower-case letters, digits and dashes. */
  unique(prefix: string): string;
  close(): Promise<void>;
}

/** One behaviour of one operation. It throws when the target has it not. */
export interface Probe {
  /** As `iam`. */
  readonly service: string;
  /** As `CreateRole`, or what several operations share: `paging`. */
  readonly operation: string;
  /** A sentence; with service and operation it is the probe's identity. */
  readonly name: string;
  /** Not given: every target. */
  readonly only?: Target["name"];
  run(target: Target): Promise<void>;
}

type Run = Probe["run"];

/** Probes of one operation, from sentences to functions. */
export function probesOf(service: string, operation: string, runs: Readonly<Record<string, Run>>): Probe[] {
  return Object.entries(runs).map(([name, run]) => ({ service, operation, name, run }));
}

/** Clients for a target as one caller. */
export function clientsFor(url: string, region: string, accessKeyId: string): { iam: IAMClient; ecr: ECRClient; sts: STSClient } {
  const settings = { endpoint: url, region, credentials: { accessKeyId, secretAccessKey: "secret" }, maxAttempts: 1 };
  return { iam: new IAMClient(settings), ecr: new ECRClient(settings), sts: new STSClient(settings) };
}

/** Fails unless the call is refused with this error; the sentence must match where a pattern is given. */
export async function refused(code: string, call: Promise<unknown>, sentence?: RegExp): Promise<void> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof Error, `expected ${code}, but the call succeeded`);
  assert.equal(outcome.name, code, `expected ${code}, got ${outcome.name}: ${outcome.message}`);
  if (sentence !== undefined) assert.match(outcome.message, sentence);
}

/** The value, or a failed probe that says what is missing. */
export function present<T>(value: T | undefined, what: string): T {
  assert.ok(value !== undefined, `the answer has no ${what}`);
  return value;
}
