import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { EffectiveService } from "../../../../src/crds/effective.ts";
import { buildDeployment, podTemplateOf } from "../../../../src/resources/deployment.ts";
import { meshOf } from "../../../../src/resources/mesh/choose.ts";
import { buildNetworkPolicies } from "../../../../src/resources/network-policy.ts";
import { appMeshConfig } from "../../../support/app-mesh-config.ts";
import { networkFacts, WORKLOAD_FACTS } from "../../../support/children.ts";
import { shippedTier, testConfig, testService } from "../../../support/effective-services.ts";
import { SLOS, OWN_SLO } from "../../project/slo-leaves.ts";

/** What an SLO that the mesh measures needs of the service's objects, and one of its squad's own queries does not. */

const AMBIENT = testConfig({ mesh: { istio: { dataPlane: "Ambient" } } });
const SIDECAR = testConfig();
const APP_MESH = appMeshConfig();
const { network } = shippedTier("tier-2").spec;
const ISOLATED = shippedTier("tier-2", { network: { ...network, isolation: "Strict" } });

const NEEDS: Readonly<Record<string, (slos: object) => boolean>> = {
  "a waypoint in the ambient data plane": (slos) => {
    const service = serviceWith(slos, { config: AMBIENT });
    return meshOf(service).waypoint(service, AMBIENT) !== undefined;
  },
  "Envoy's metrics open to whoever scrapes, under strict isolation": (slos) => {
    const service = serviceWith(slos, { config: SIDECAR, tier: ISOLATED });
    return JSON.stringify(buildNetworkPolicies(service, networkFacts(), SIDECAR).objects).includes("15090");
  },
  "the VirtualNode as a label of Envoy's metrics": (slos) => {
    const service = serviceWith(slos, { config: APP_MESH });
    return JSON.stringify(podTemplateOf(buildDeployment(service, WORKLOAD_FACTS, APP_MESH))).includes("ENABLE_ENVOY_STATS_TAGS");
  },
};

function serviceWith(slos: object, input: Parameters<typeof testService>[0]): EffectiveService {
  return testService({ ...input, spec: { port: 8080, ...slos } });
}

describe.for(Object.entries(NEEDS))("%s", ([, isThere]) => {
  test.for([
    { slos: "no SLO", spec: {}, expected: false },
    { slos: "SLOs by queries of the squad's own", spec: OWN_SLO, expected: false },
    { slos: "SLOs by indicator", spec: SLOS, expected: true },
  ])("with $slos: $expected", ({ spec, expected }) => {
    expect(isThere(spec)).toBe(expected);
  });
});

test("a sidecar is asked for a bound that its histogram has not, in order among those that it has", () => {
  const template = (threshold: string) => {
    const slos = [{ name: "latency", objective: "99", indicator: "latency", threshold }];
    const annotations = z.object({ metadata: z.object({ annotations: z.record(z.string(), z.string()) }) });
    const service = serviceWith({ slos }, { config: SIDECAR });
    return annotations.parse(podTemplateOf(buildDeployment(service, WORKLOAD_FACTS, SIDECAR))).metadata.annotations[
      "sidecar.istio.io/statsHistogramBuckets"
    ];
  };
  expect(template("250ms")).toBeUndefined();
  expect(JSON.parse(template("1500ms") ?? "")).toEqual({
    istiocustom: [
      0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 1_500, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000,
    ],
  });
});
