import assert from "node:assert/strict";
import { AmpClient } from "@aws-sdk/client-amp";
import { AppMeshClient } from "@aws-sdk/client-app-mesh";
import { ECRClient } from "@aws-sdk/client-ecr";
import { EKSClient } from "@aws-sdk/client-eks";
import { IAMClient } from "@aws-sdk/client-iam";
import { STSClient } from "@aws-sdk/client-sts";

export type TargetName = "emulator" | "moto" | "ministack";

/** The clients of one caller. */
export interface Clients {
  readonly iam: IAMClient;
  readonly ecr: ECRClient;
  readonly sts: STSClient;
  readonly eks: EKSClient;
  readonly appMesh: AppMeshClient;
  readonly amp: AmpClient;
}

/** A server that stands in for AWS. */
export interface Target extends Clients {
  readonly name: TargetName;
  readonly url: string;
  readonly accountId: string;
  readonly region: string;
  /** An EKS cluster that exists. */
  readonly cluster: string;
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
  readonly targets: readonly TargetName[];
  run(target: Target): Promise<void>;
}

type Run = Probe["run"];

/** Which servers have a service: moto is asked what it has well enough (of Amazon Managed Service for Prometheus in part), ministack about Pod Identity alone, nobody knows App Mesh. */
const TARGETS_OF: Readonly<Record<string, readonly TargetName[]>> = {
  sts: ["emulator", "moto"],
  iam: ["emulator", "moto"],
  ecr: ["emulator", "moto"],
  eks: ["emulator", "ministack"],
  aps: ["emulator", "moto"],
};

/** Probes of one operation, from sentences to functions. */
export function probesOf(service: string, operation: string, runs: Readonly<Record<string, Run>>): Probe[] {
  const targets = TARGETS_OF[service] ?? ["emulator"];
  return Object.entries(runs).map(([name, run]) => ({ service, operation, name, targets, run }));
}

/** Clients for a target as one caller. */
export function clientsFor(url: string, region: string, accessKeyId: string): Clients {
  const settings = { endpoint: url, region, credentials: { accessKeyId, secretAccessKey: "secret" }, maxAttempts: 1 };
  return {
    iam: new IAMClient(settings),
    ecr: new ECRClient(settings),
    sts: new STSClient(settings),
    eks: new EKSClient(settings),
    appMesh: new AppMeshClient(settings),
    amp: new AmpClient(settings),
  };
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
