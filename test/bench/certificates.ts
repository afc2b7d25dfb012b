import { systemClock } from "../../src/kube/clock.ts";
import { KINDS } from "../../src/kube/kinds.ts";
import { isJsonObject, type LiveObject } from "../../src/kube/objects.ts";
import { Reflector } from "../../src/kube/reflector.ts";
import { Store } from "../../src/kube/store.ts";
import type { Transport } from "../../src/kube/transport.ts";
import { silentLog } from "../support/kube-runtime.ts";

/** Stands in for cert-manager, which does not run here: issues every Certificate as soon as it is there. Resolves when the signal has aborted. */
export async function issueCertificates(transport: Transport, signal: AbortSignal): Promise<void> {
  const store = new Store<LiveObject>({ reduce: (object) => object });
  const issuing = new Set<Promise<void>>();
  store.subscribe(({ new: certificate }) => {
    if (certificate === undefined || isIssued(certificate)) return;
    const issued = issue(transport, certificate).finally(() => issuing.delete(issued));
    issuing.add(issued);
  });
  const reflector = new Reflector({
    transport,
    resource: KINDS.Certificate,
    store,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
  });
  await reflector.run(signal);
  await Promise.allSettled(issuing);
}

function isIssued({ status }: LiveObject): boolean {
  return isJsonObject(status) && Array.isArray(status["conditions"]);
}

async function issue(transport: Transport, { metadata }: LiveObject): Promise<void> {
  const { namespace = "", name, generation } = metadata;
  const lastTransitionTime = new Date().toISOString();
  const ready = { type: "Ready", status: "True", reason: "Ready", message: "", observedGeneration: generation, lastTransitionTime };
  const target = { resource: KINDS.Certificate, namespace, name, subresource: "status" } as const;
  await transport.mergePatch(target, { status: { revision: 1, conditions: [ready] } });
}
