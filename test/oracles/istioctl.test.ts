import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { KubeObject } from "../../src/crds/desired.ts";
import { meshOf } from "../../src/resources/mesh/choose.ts";
import { allChildren } from "../support/children.ts";
import { testConfig } from "../support/effective-services.ts";
import { REMOVED } from "../support/json-path.ts";
import { everyService } from "../support/oracles/every-service.ts";
import { runOracle } from "../support/oracles/run.ts";

/** What Istio's own checks say of every set of objects that we make, without a cluster. */

const DATA_PLANES = ["Sidecar", "Ambient"] as const;

/** What of the full service the ambient data plane cannot do. */
const WITHOUT = {
  Sidecar: {},
  Ambient: { "spec.dependencies.hosts": REMOVED, "spec.routes[0].retries.retryOn": ["server-error", "connect-failure"] },
} as const;

/** Every child of every service, but for those that the data plane cannot do: of them nothing is written. */
function everySet(dataPlane: (typeof DATA_PLANES)[number]): readonly KubeObject[] {
  const config = testConfig({ mesh: { istio: { dataPlane } } });
  return everyService(config, WITHOUT[dataPlane])
    .filter((service) => meshOf(service).limits(service).length === 0)
    .flatMap((service) => allChildren(service, config));
}

function asFile(objects: readonly object[]): string {
  return objects.map((object) => JSON.stringify(object)).join("\n---\n");
}

const ANALYZE = ["analyze", "--use-kube=false", "-A", "-o", "json", "-"];
const messages = z.array(z.object({ code: z.string(), level: z.string(), origin: z.string().optional(), message: z.string() }));

describe.each(DATA_PLANES)("of the data plane %s, every object", (dataPlane) => {
  const objects = everySet(dataPlane);

  test("of every kind that the data plane has is among them", () => {
    const [service] = everyService(testConfig({ mesh: { istio: { dataPlane } } }));
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
  const [broken] = everySet("Sidecar").filter(({ kind }) => kind === "VirtualService");

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
