import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import { sharedCluster } from "../support/cluster.ts";

const cluster = sharedCluster();

test("the shared cluster has Ready nodes of both pools in three zones, with payments kept for those that tolerate it", async () => {
  const list = await cluster.kubectl(["get", "nodes", "-L=karpenter.sh/nodepool,topology.kubernetes.io/zone", "--no-headers"]);
  const rows = list
    .trim()
    .split("\n")
    .map((line) => line.split(/\s+/));
  expect(new Set(rows.map((row) => row[1]))).toEqual(new Set(["Ready"]));
  expect(new Set(rows.map((row) => row.slice(-2).join(" ")))).toEqual(
    new Set(["general", "payments"].flatMap((pool) => ["a", "b", "c"].map((zone) => `${pool} eu-west-1${zone}`))),
  );
  const taints = await cluster.kubectl(["get", "nodes", "-l", "karpenter.sh/nodepool=payments", "-o", "jsonpath={.items[*].spec.taints}"]);
  expect(new Set(taints.split(" "))).toEqual(new Set(['[{"effect":"NoSchedule","key":"dedicated","value":"payments"}]']));
});

test("the shared cluster serves NodePools, Istio and policies that mutate on admission", async () => {
  expect(await cluster.kubectl(["get", "nodepools", "-o", "name"])).toBe("nodepool.karpenter.sh/general\nnodepool.karpenter.sh/payments\n");
  const served = await cluster.kubectl(["api-resources", "-o", "name"]);
  expect(served.split("\n")).toEqual(
    expect.arrayContaining([
      "virtualservices.networking.istio.io",
      "peerauthentications.security.istio.io",
      "mutatingadmissionpolicies.admissionregistration.k8s.io",
    ]),
  );
});

test("the shared cluster's audit log names the user agent of a request that was just made", async () => {
  await expect(cluster.kubectl(["get", "--raw", "/api/v1/namespaces/audited"])).rejects.toThrow("not found");
  const events = (await readFile(cluster.auditLogFile, "utf8")).trimEnd().split("\n");
  const event: unknown = JSON.parse(events.findLast((line) => line.includes("/api/v1/namespaces/audited")) ?? "{}");
  expect(event).toMatchObject({
    verb: "get",
    user: { username: "admin" },
    userAgent: expect.stringMatching(/^kubectl\//),
    responseStatus: { code: 404 },
  });
});
