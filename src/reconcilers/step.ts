import type { StepCondition } from "../crds/conditions.ts";

/** What a step says of itself at its end. One of these becomes its condition (api.md, Conditions). */
export type StepReport =
  /** Condition True. `reason` defaults to the condition's own good word. */
  | { readonly state: "ready"; readonly reason?: string; readonly message?: string }
  /** Not asked for: True, with this reason. */
  | { readonly state: "skipped"; readonly reason: string; readonly message: string }
  /** Waiting for the world: Unknown. Looked at again after `recheckMs` at the latest, or ever more rarely where a watch tells the end (`watched`). With `waitsFor` it waits for other steps: no progress while one of these is blocked. */
  | {
      readonly state: "progressing";
      readonly reason: string;
      readonly message: string;
      readonly recheckMs: number;
      readonly watched?: true;
      readonly waitsFor?: readonly StepCondition[];
    }
  /** A person must act: False. The message says who and how. With `recheckMs` where no watch tells that the cause went. */
  | { readonly state: "blocked"; readonly reason: string; readonly message: string; readonly recheckMs?: number; readonly watched?: true }
  /** Something would be written and is not, because the service is suspended: False. No watch or clock need tell: the end of the suspension is a change. */
  | { readonly state: "suspended"; readonly message: string }
  /** Made by the runner from a throw: False, retried with back-off for ever. */
  | { readonly state: "failed"; readonly reason: string; readonly message: string; readonly retryAfterMs?: number | undefined };

/** What a step's removal says. `retained`: left in place on purpose, and said. */
export type RemovalReport =
  | { readonly state: "gone" }
  | { readonly state: "retained"; readonly message: string }
  | { readonly state: "deleting"; readonly message: string; readonly recheckMs: number }
  | { readonly state: "blocked"; readonly reason: string; readonly message: string; readonly recheckMs: number };

/** Whether the next removal has to wait for this one. */
export function isPending(report: RemovalReport): report is Exclude<RemovalReport, { state: "gone" | "retained" }> {
  return report.state !== "gone" && report.state !== "retained";
}

/** One piece of what should be true: owns one condition, in `ensure`; and its own undoing, in `remove`. */
export interface Step<EnsureScope, RemoveScope> {
  readonly name: string;
  readonly condition: StepCondition;
  /** Makes it true or says why not. Idempotent; a throw is unexpected and retried. */
  ensure(scope: EnsureScope): Promise<StepReport>;
  /** Undoes it. Needs neither a valid spec nor a tier. */
  remove(scope: RemoveScope): Promise<RemovalReport>;
}

/** What a pass tells its queue. A throw means unexpected and is a `retry`. Nothing gives up. */
export type Outcome =
  | { readonly state: "settled" }
  | { readonly state: "recheck"; readonly afterMs: number; readonly because: string }
  /** Back off, capped, for ever; not before `afterMs` where the server asked for that. With `atLatestMs` something is due by then, whatever the back-off. */
  | { readonly state: "retry"; readonly afterMs: number | undefined; readonly because: string; readonly atLatestMs?: number };
