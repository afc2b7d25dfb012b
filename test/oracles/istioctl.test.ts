import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { KubeObject } from "../../src/crds/desired.ts";
import { meshOf } from "../../src/resources/mesh/choose.ts";
import { allChildren } from "../support/children.ts";
import type { OperatorConfig } from "../../src/crds/operator-config.ts";
import { appMeshConfig } from "../support/app-mesh-config.ts";
import { testConfig } from "../support/effective-services.ts";
import { REMOVED, type Changes } from "../support/json-path.ts";
import { everyService } from "../support/oracles/every-service.ts";
import { runOracle } from "../support/oracles/run.ts";

/** What Istio's own checks say of every set of objects that we make, without a cluster. */

interface Setting {
  readonly config: OperatorConfig;
  /** What of the full service the mesh cannot do. */
  readonly without: Changes;
}

const SETTINGS = {
  "in Istio with sidecars": { config: testConfig(), without: {} },
  "in Istio's ambient data plane": {
    config: testConfig({ mesh: { istio: { dataPlane: "Ambient" } } }),
    without: { "spec.dependencies.hosts": REMOVED, "spec.routes[0].retries.retryOn": ["server-error", "connect-failure"] },
  },
  // Istio may be in the cluster all the same.
  "in App Mesh": {
    config: appMeshConfig(),
    without: {
      "spec.dependencies.hosts": REMOVED,
      "spec.resilience.retryBudgetPercent": REMOVED,
      "spec.resilience.connectionPool.maxRequests": REMOVED,
    },
  },
  "in no mesh": { config: testConfig({ mesh: { default: "None" } }), without: {} },
} as const satisfies Readonly<Record<string, Setting>>;

/** Every child of every service, but for those that the mesh cannot do: of them nothing is written. */
function everySet({ config, without }: Setting): readonly KubeObject[] {
  return everyService(config, without)
    .filter((service) => meshOf(service).limits(service).length === 0)
    .flatMap((service) => allChildren(service, config));
}

function asFile(objects: readonly object[]): string {
  return objects.map((object) => JSON.stringify(object)).join("\n---\n");
}

const ANALYZE = ["analyze", "--use-kube=false", "-A", "-o", "json", "-"];
const messages = z.array(z.object({ code: z.string(), level: z.string(), origin: z.string().optional(), message: z.string() }));

describe.each(Object.entries<Setting>(SETTINGS))("%s, every object", (_, setting) => {
  const objects = everySet(setting);

  test("of every kind that the mesh has is among them", () => {
    const [service] = everyService(setting.config);
    const kinds = new Set(objects.map(({ kind }) => kind));
    expect(
      service &&
        meshOf(service)
          .apis.map(({ kind }) => kind)
          .filter((kind) => !kinds.has(kind)),
    ).toEqual([]);
  });

  test("is valid to istioctl validate", async () => {
    const { code, stdout, stderr } = await runOracle("istioctl", ["validate", "-f", "-"], asFile(objects));
    // What else it says is that no version is among a pod's labels; metrics then have the revision `latest`.
    const said = `${stdout}${stderr}`.split("\n").filter((line) => !line.includes("may not provide Istio metrics and telemetry labels"));
    expect({ code, said }).toEqual({ code: 0, said: ["validation succeed", ""] });
  });

  test("is taken by istioctl analyze without an error or a warning", async () => {
    const { stdout } = await runOracle("istioctl", ANALYZE, asFile(objects));
    expect(messages.parse(JSON.parse(stdout)).filter(({ level }) => level !== "Info")).toEqual([]);
  });
});

describe("istioctl", () => {
  const [broken] = everySet(SETTINGS["in Istio with sidecars"]).filter(({ kind }) => kind === "VirtualService");

  test("validate refuses what is wrong, so that its silence says something", async () => {
    const wrong = { ...broken, spec: { hosts: ["a.example.com"], http: [{ timeout: "0.1ms", retries: { attempts: -1 } }] } };
    const { code, stderr } = await runOracle("istioctl", ["validate", "-f", "-"], asFile([wrong]));
    expect(code).not.toBe(0);
    expect(stderr).toContain("attempts cannot be negative");
  });

  test("analyze finds what is wrong", async () => {
    const wrong = {
      ...broken,
      spec: { hosts: ["a.example.com"], gateways: ["nowhere"], http: [{ route: [{ destination: { host: "a" } }] }] },
    };
    const { stdout } = await runOracle("istioctl", ANALYZE, asFile([wrong]));
    expect(messages.parse(JSON.parse(stdout))).toContainEqual(expect.objectContaining({ code: "IST0101", level: "Error" }));
  });
});
