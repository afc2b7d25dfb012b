import type { Transport } from "../../src/kube/transport.ts";

function unasked(): never {
  throw new Error("nothing is asked of the API server by this method here");
}

/** Answers nothing; a test puts over it what it does answer. */
export const UNASKED_TRANSPORT: Transport = {
  get: unasked,
  list: unasked,
  create: unasked,
  apply: unasked,
  mergePatch: unasked,
  jsonPatch: unasked,
  delete: unasked,
  watch: unasked,
  resetWatches: unasked,
  raw: unasked,
  close: unasked,
};
