import type { Kubectl } from "../../controlplane/kubectl.ts";
import { leaseName } from "../../src/controllers/shard-leases.ts";

/** Gives the operator the leases of so many shards, as the chart's Role does: that of config/rbac is for one. */
export async function allowShards(kubectl: Kubectl, shards: number): Promise<void> {
  const names = Array.from({ length: shards }, (_, shard) => leaseName(shard));
  const patch = [{ op: "replace", path: "/rules/0/resourceNames", value: names }];
  await kubectl(["patch", "role", "platform-operator", "-n", "platform-system", "--type=json", "-p", JSON.stringify(patch)]);
}
