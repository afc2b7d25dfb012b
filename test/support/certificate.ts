import type { Kubectl } from "../../controlplane/kubectl.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";

/** What cert-manager, which does not run here, says of a Certificate as it is now. */

/** It is issued, for the so-manieth time. */
export async function issue(kubectl: Kubectl, key: ObjectKey, revision = 1): Promise<void> {
  await report(kubectl, key, { revision, conditions: [{ type: "Ready", status: "True", reason: "Ready", message: "" }] });
}

/** Its last issue failed, with these words. */
export async function failToIssue(kubectl: Kubectl, key: ObjectKey, message: string): Promise<void> {
  const ready = { type: "Ready", status: "False", reason: "DoesNotExist", message: "" };
  await report(kubectl, key, { conditions: [ready, { type: "Issuing", status: "False", reason: "Failed", message }] });
}

interface Status {
  readonly revision?: number;
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
}

async function report(kubectl: Kubectl, { namespace, name }: ObjectKey, { conditions, ...status }: Status): Promise<void> {
  const what = `certificates.cert-manager.io/${name}`;
  const generation = Number(await kubectl(["get", what, "-n", namespace, "-o", "jsonpath={.metadata.generation}"]));
  const seen = { observedGeneration: generation, lastTransitionTime: "2026-01-01T00:00:00Z" };
  const patch = { status: { ...status, conditions: conditions.map((one) => ({ ...one, ...seen })) } };
  await kubectl(["patch", what, "-n", namespace, "--subresource=status", "--type=merge", "-p", JSON.stringify(patch)]);
}
