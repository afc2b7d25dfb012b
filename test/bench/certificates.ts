import { KINDS } from "../../src/kube/kinds.ts";
import { isJsonObject, type LiveObject } from "../../src/kube/objects.ts";
import type { Transport } from "../../src/kube/transport.ts";
import { follow } from "./follow.ts";

/** Stands in for cert-manager, which does not run here: issues every Certificate as soon as it is there. Resolves, once told to stop, when none is under way. */
export function issueCertificates(transport: Transport): { stop(): Promise<void> } {
  const issuing = new Set<Promise<void>>();
  const following = follow(transport, KINDS.Certificate, (certificate) => {
    if (isIssued(certificate)) return;
    const issued = issue(transport, certificate).finally(() => issuing.delete(issued));
    issuing.add(issued);
  });
  return {
    async stop() {
      await following.stop();
      await Promise.allSettled(issuing);
    },
  };
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
