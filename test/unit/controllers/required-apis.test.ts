import { describe, expect, test } from "vitest";
import type { DefinitionFacts } from "../../../src/controllers/facts.ts";
import { MissingApiError, requireApis } from "../../../src/controllers/required-apis.ts";
import { testConfig } from "../../support/effective-services.ts";

const AMBIENT = testConfig({ mesh: { istio: { dataPlane: "Ambient" } } });

function definition(kind: string, more: Partial<DefinitionFacts> = {}): DefinitionFacts {
  return { group: "gateway.networking.k8s.io", kind, established: true, canForbidRetries: kind === "HTTPRoute", ...more };
}

const GATEWAY_API = [definition("Gateway"), definition("HTTPRoute")];

describe("what the ambient data plane needs of the API server", () => {
  test("is asked for only where a namespace may be in it", () => {
    const override = { namespaceSelector: {}, provider: "Istio", dataPlane: "Ambient" };
    for (const mesh of [{}, { default: "None", istio: { dataPlane: "Ambient" } }, { overrides: [{ ...override, dataPlane: "Sidecar" }] }])
      expect(() => requireApis(testConfig({ mesh }), [])).not.toThrow();
    for (const mesh of [{ istio: { dataPlane: "Ambient" } }, { default: "None", overrides: [override] }])
      expect(() => requireApis(testConfig({ mesh }), [])).toThrow(MissingApiError);
  });

  test("is Gateway and HTTPRoute, served", () => {
    expect(() => requireApis(AMBIENT, GATEWAY_API)).not.toThrow();
    expect(() => requireApis(AMBIENT, [definition("Gateway"), definition("HTTPRoute", { established: false })])).toThrow(
      "the API server does not serve HTTPRoute (gateway.networking.k8s.io/v1): install Gateway API's CustomResourceDefinitions",
    );
    expect(() => requireApis(AMBIENT, [definition("HTTPRoute"), definition("Gateway", { group: "networking.istio.io" })])).toThrow(
      "does not serve Gateway (",
    );
  });

  test("is an HTTPRoute that can say that nothing is tried again", () => {
    expect(() => requireApis(AMBIENT, [definition("Gateway"), definition("HTTPRoute", { canForbidRetries: false })])).toThrow(
      "install Gateway API 1.7 or later, or the experimental channel of 1.5",
    );
  });
});
