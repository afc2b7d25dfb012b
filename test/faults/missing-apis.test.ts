import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installOurs, installThirdParties, operatorAccess } from "../../src/cli/environment.ts";
import { launchOperator } from "../../src/cli/operator-process.ts";
import { condition } from "../../src/cli/service-watch.ts";
import { apply, push, untilFalse, untilReady } from "../support/bench-services.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";

/** The APIs of Istio, Karpenter, the Prometheus operator and Gateway API are not there when the operator starts, and come while it runs. */

const KEY = { namespace: "missing", name: "api" };

let bench: FaultBench;

beforeAll(async () => {
  bench = await startFaultBench({ install: installOurs });
});

afterAll(() => bench.stop());

test("an operator whose configuration has the ambient data plane does not start without Gateway API, and says what to do", async () => {
  const { plane, config } = bench;
  const mesh = { ...config.mesh, istio: { ...config.mesh.istio, dataPlane: "Ambient" } };
  const configFile = join(plane.dir, "ambient.json");
  await writeFile(configFile, JSON.stringify({ ...config, mesh }));
  const kubeconfig = await operatorAccess(plane);
  const refused = await launchOperator({ dir: plane.dir, name: "ambient", configFile, kubeconfig, awsEndpoint: bench.awsEndpoint });
  expect(await refused.ended).toBe("code 2");
  expect(await readFile(refused.logFile, "utf8")).toContain(
    "platform-operator: the configuration has dataPlane: Ambient under mesh, and the API server does not serve Gateway and HTTPRoute",
  );
});

test("a service says which API is missing, does what needs none, and gets Ready when they appear, without a restart", async () => {
  const { pid } = bench.operator;
  await apply(bench, KEY, { container: { metrics: { port: 9090 } } });
  await push(bench, KEY);
  const install = "install its CustomResourceDefinition";
  expect(await untilFalse(bench, KEY, "MeshSecurityReady", "ApiMissing")).toBe(
    `the API server does not serve AuthorizationPolicy (security.istio.io/v1): ${install}`,
  );
  expect(await untilFalse(bench, KEY, "TrafficReady", "ApiMissing")).toBe(
    `the API server does not serve Sidecar (networking.istio.io/v1): ${install}`,
  );
  expect(await untilFalse(bench, KEY, "PlacementReady", "ApiMissing")).toBe(
    "the API server does not serve NodePool (karpenter.sh/v1): install Karpenter's CustomResourceDefinitions",
  );
  const held = ["IdentityReady", "RepositoryReady", "ServiceAccountReady", "NetworkPolicyReady", "DisruptionBudgetReady"];
  expect(held.map((type) => condition(bench.watch.get(KEY), type)?.status)).toEqual(held.map(() => "True"));

  await installThirdParties(bench.plane);
  await untilReady(bench, KEY);
  // It is made where its API is there, and not missed where it is not.
  expect(await bench.plane.kubectl(["get", "podmonitor", "-n", KEY.namespace, "-o", "name"])).toContain(KEY.name);
  expect(bench.operator.pid).toBe(pid);
});
