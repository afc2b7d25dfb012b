import type { MeshDuration, RequestTimeout } from "../../crds/mesh-objects.ts";

/** App Mesh's durations: whole seconds where that says it, else milliseconds. */

/** Of milliseconds; undefined is no limit, which App Mesh is told as 0: left out, it is 15 s. */
export function meshDuration(ms: number | undefined): MeshDuration {
  if (ms === undefined) return { unit: "s", value: 0 };
  return ms % 1000 === 0 ? { unit: "s", value: ms / 1000 } : { unit: "ms", value: ms };
}

/** Envoy ends a request of which nothing was heard for this long, whatever it may take in all (aws-app-mesh-roadmap issue 302). */
const IDLE_MS = 300_000;

/** How long a request may take, also when nothing is heard of it meanwhile. */
export function requestTimeout(ms: number | undefined): RequestTimeout {
  const perRequest = meshDuration(ms);
  return ms === undefined || ms > IDLE_MS ? { perRequest, idle: perRequest } : { perRequest };
}
