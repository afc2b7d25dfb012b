import type { Holds } from "../../src/reconcilers/ports.ts";

function unasked(): never {
  throw new Error("no workload is brought here");
}

/** Of a service that brings no workload, and never did. */
export const NO_HOLDS: Holds = { hold: unasked, look: unasked, release: unasked, held: () => [], forget: () => undefined };
