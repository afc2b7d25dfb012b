import type { Condition } from "../crds/conditions.ts";
import { ANNOTATIONS, keyOf, keyString, type ObjectKey } from "../crds/meta.ts";
import type { Log } from "../kube/log.ts";
import { describeError } from "../reconcilers/failure.ts";
import type { PassListener } from "../reconcilers/platform-service/reconcile.ts";
import type { OwnedResource } from "../reconcilers/platform-service/scope.ts";
import { AwsError, KubeError, type EventSink } from "../reconcilers/ports.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** Metrics, events and log lines of a pass, from the difference between the old and the new conditions. */

export interface ListenerOptions {
  readonly metrics: Metrics;
  readonly events: EventSink;
  readonly log: Log;
  /** Milliseconds of the wall clock. */
  readonly now: () => number;
  /** Drops what is remembered of a service that is gone. */
  readonly forget: (key: ObjectKey) => void;
}

export interface ServiceListener extends PassListener {
  /** A generation was seen for the first time: the clock of `platform_service_ready_seconds` starts. */
  changed(key: ObjectKey): void;
  /** Services that it holds of are another process's now: what this one says of them, and the clocks, end. */
  left(isSo: (key: ObjectKey) => boolean): void;
}

export function createListener(options: ListenerOptions): ServiceListener {
  const { metrics, events, log, now } = options;
  const since = new Map<string, { readonly key: ObjectKey; readonly at: number }>();
  return {
    changed(key) {
      since.set(keyString(key), { key, at: now() });
    },

    left(isSo) {
      for (const [id, { key }] of since) if (isSo(key)) since.delete(id);
      metrics.forgetWhere(isSo);
    },

    acted(stored, { corrections, adopted, leftBehind }) {
      const service = keyString(keyOf(stored));
      for (const correction of corrections) {
        metrics.driftCorrected(correction.kind);
        events.record(stored, {
          type: "Normal",
          reason: "DriftCorrected",
          action: "Reconcile",
          note: `put back what someone else changed: ${correction.what}`,
        });
        log.info({ service, drift: correction.what }, "drift corrected");
      }
      for (const what of adopted) {
        const note = `taken over, as its annotation ${ANNOTATIONS.adoptBy} asked: ${what}`;
        events.record(stored, { type: "Normal", reason: "Adopted", action: "Reconcile", note });
        log.info({ service, adopted: what }, "object adopted");
      }
      if (leftBehind.length === 0) return;
      const left = named(leftBehind);
      events.record(stored, {
        type: "Warning",
        reason: "LeftBehind",
        action: "Reconcile",
        note: `left behind in AWS, on purpose: ${left}`,
      });
      log.warn({ service, left }, "left behind");
    },

    passed(stored, before, after) {
      const key = keyOf(stored);
      metrics.service(key, { owner: stored.spec.owner, tier: stored.spec.tier }, after);
      metrics.lastReconcile(key, now() / 1000);
      for (const event of suspensionEvents(before, after)) {
        events.record(stored, { type: "Normal", action: "Reconcile", ...event });
        log.info({ service: keyString(key), reason: event.reason, message: event.note }, "suspension changed");
      }
      for (const change of transitions(before, after)) {
        const type = change.status === "False" ? "Warning" : "Normal";
        events.record(stored, {
          type,
          reason: change.reason,
          action: "Reconcile",
          note: `${change.type}: ${change.message === "" ? change.reason : change.message}`,
        });
        log.info(
          { service: keyString(key), condition: change.type, status: change.status, reason: change.reason, message: change.message },
          "condition changed",
        );
      }
      const started = since.get(keyString(key));
      if (started === undefined || !isReady(after)) return;
      since.delete(keyString(key));
      metrics.readyAfter(stored.spec.tier, (now() - started.at) / 1000);
    },

    deleted(stored, retained) {
      const kept = named(retained);
      events.record(stored, {
        type: "Normal",
        reason: "Deleted",
        action: "Delete",
        note: kept === "" ? "everything that it owned is gone" : `kept, on purpose: ${kept}; everything else is gone`,
      });
      log.info({ service: keyString(keyOf(stored)), kept }, "service deleted");
      options.forget(keyOf(stored));
    },

    gone(key) {
      since.delete(keyString(key));
      metrics.forget(key);
      options.forget(key);
    },

    threw(step, error) {
      const expected = error instanceof AwsError || error instanceof KubeError;
      if (expected) log.warn({ step, class: error.class, error: describeError(error) }, "step failed");
      else log.error({ step, err: error instanceof Error ? error : describeError(error) }, "step threw");
    },
  };
}

/**
 * What people are told: a condition that turns False or changes its reason while False, one that recovers from it, and Ready when it turns True.
 * Unknown is progress and says nothing by itself; Ready=False only repeats its offenders.
 */
function transitions(before: readonly Condition[], after: readonly Condition[]): Condition[] {
  const known = new Map(before.map((c) => [c.type, c]));
  return after.filter(({ type, status, reason }) => {
    const old = known.get(type);
    if (type === "Reconciling" || type === "Stalled" || type === "Suspended") return false;
    if (type === "Ready") return status === "True" && old?.status !== "True";
    if (status === "False") return old?.status !== "False" || old.reason !== reason;
    return status === "True" && old?.status === "False";
  });
}

/** When it begins, changes its cause, or ends. A deletion ends it too. */
function suspensionEvents(before: readonly Condition[], after: readonly Condition[]): { readonly reason: string; readonly note: string }[] {
  const old = before.find((c) => c.type === "Suspended");
  const now = after.find((c) => c.type === "Suspended");
  if (old?.message === now?.message) return [];
  return [now ? { reason: "Suspended", note: now.message } : { reason: "Resumed", note: "it is written again" }];
}

function named(resources: readonly OwnedResource[]): string {
  return resources.map(({ kind, name }) => `${kind} ${name}`).join(", ");
}

function isReady(conditions: readonly Condition[]): boolean {
  return conditions.some((c) => c.type === "Ready" && c.status === "True");
}
