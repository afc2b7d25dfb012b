import { pause } from "../kube/clock.ts";
import { NotServedError } from "../kube/errors.ts";
import { resourceName } from "../kube/kinds.ts";
import { describeError } from "../reconcilers/failure.ts";
import type { Runtime, Source, Sources } from "./sources.ts";

const RETRY_MS = 1_000;

/**
 * What a standby has seen may be older than what the last leader acted on: a watch lags, or is deaf and does not know it yet. So before its first pass a new leader
 * reads once more what decides over everything else. A child that is seen too late is safe by itself: what makes it only makes, and what writes it names its uid.
 */
export async function catchUp(runtime: Runtime, sources: Sources, signal: AbortSignal): Promise<void> {
  await Promise.all([sources.services, sources.tiers, sources.namespaces].map((source) => readAnew(runtime, source, signal)));
}

async function readAnew(
  { transport, clock, log }: Runtime,
  { store, reflector }: Source<unknown, string>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const { items, resourceVersion } = await transport.list(reflector.resource, { signal });
      store.catchUp(items, resourceVersion);
      return;
    } catch (error) {
      if (error instanceof NotServedError) return;
      log.warn(
        { resource: resourceName(reflector.resource), error: describeError(error) },
        "work cannot begin before this is read; tried again",
      );
      await pause(clock, RETRY_MS, signal);
    }
  }
}
