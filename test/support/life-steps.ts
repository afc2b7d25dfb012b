import { ADMIN_KEY } from "../../src/cli/keys.ts";
import { signatureOf } from "./api-call.ts";
import type { FaultBench } from "./fault-bench.ts";
import { isOwnAction } from "./own-action.ts";
import type { LifeKind } from "./life-specs.ts";
import { lifeKindOf, live, type LivesResult, type Phase } from "./lives.ts";

/** The calls of one undisturbed life, so that each can be met again in another. */

/** The `occurrence`-th call of this kind in its phase, from 1. */
export interface LifeStep {
  readonly kind: LifeKind;
  readonly phase: Phase;
  readonly to: "api" | "aws";
  /** As `patch services api`, or `iam:CreateRole`. */
  readonly call: string;
  readonly occurrence: number;
}

export function describeStep({ kind, phase, call, occurrence }: LifeStep): string {
  return `${kind}, ${phase}: ${call} #${String(occurrence)}`;
}

export interface RecordedLife {
  /** Those of the phases in which something changes. */
  readonly steps: readonly LifeStep[];
  readonly result: LivesResult;
}

/** Of Pod Identity: whose an association is is no part of the resource. Nobody else's is called for meanwhile. */
const NAMELESS = "eks:";

/** Lives one life in the namespace and notes each call that the operator made for it. */
export async function recordLife(bench: FaultBench, namespace: string): Promise<RecordedLife> {
  const seen: { phase: Phase; to: "api" | "aws"; call: string }[] = [];
  let phase: Phase = "born";
  // What was called before is another life's.
  let lastAction = await bench.aws.lastSequence();
  const noteAws = async (): Promise<void> => {
    const actions = await bench.aws.actions(lastAction);
    lastAction = actions.at(-1)?.sequence ?? lastAction;
    // A call of several actions, as CreateRole with tags, is noted once: the first is its own.
    const own = actions.filter(
      (a) => a.accessKeyId !== ADMIN_KEY && isOwnAction(a) && (a.resource.includes(namespace) || a.action.startsWith(NAMELESS)),
    );
    seen.push(...own.map(({ action }) => ({ phase, to: "aws" as const, call: action })));
  };
  const stop = bench.proxy.onCall((call) => {
    if (call.namespace === namespace) seen.push({ phase, to: "api", call: signatureOf(call) });
  });
  const result = await live(bench, [namespace], async (next) => {
    await noteAws();
    phase = next;
  });
  await noteAws();
  stop();
  const counts = new Map<string, number>();
  const steps = seen.map((step) => {
    const kind = `${step.phase} ${step.call}`;
    const occurrence = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, occurrence);
    return { kind: lifeKindOf(namespace), ...step, occurrence };
  });
  return { steps: steps.filter((step) => step.phase !== "seenAgain"), result };
}
