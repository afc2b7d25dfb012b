import { describe, expect, test } from "vitest";
import { meshOf } from "../../../../src/resources/mesh/choose.ts";
import type { NetworkFacts } from "../../../../src/resources/facts.ts";
import { networkFacts } from "../../../support/children.ts";
import { type ServiceInput, shippedTier, testConfig, testService } from "../../../support/effective-services.ts";

const SELECTOR = { matchLabels: { "app.kubernetes.io/name": "matching", "platform-operator.dev/service": "matching" } };
const NO_FACTS = networkFacts();

/** The specs of PeerAuthentication and AuthorizationPolicy. */
function security(input: ServiceInput, facts: NetworkFacts = NO_FACTS) {
  const service = testService(input);
  const objects = meshOf(service).security(service, input.config ?? testConfig(), facts);
  return Object.fromEntries(objects.map(({ kind, spec }) => [kind, spec]));
}

const tiers = {
  permissive: shippedTier("tier-2", { network: { mtls: "Permissive" } }),
  isolated: shippedTier("pci", { network: { isolation: "Strict" } }),
};
const callers = {
  services: [{ name: "dispatch" }, { name: "booking", namespace: "booking" }],
  serviceAccounts: [{ name: "probe", namespace: "ops" }],
};

describe("mutual TLS", () => {
  test("is strict on every port, but for a scraper outside the mesh", () => {
    expect(security({ spec: { port: 8080, container: { metrics: { port: 9090 } } } })["PeerAuthentication"]).toEqual({
      selector: SELECTOR,
      mtls: { mode: "STRICT" },
      portLevelMtls: { "9090": { mode: "PERMISSIVE" } },
    });
  });

  test("is strict also where there is no port", () => {
    expect(security({})["PeerAuthentication"]).toEqual({ selector: SELECTOR, mtls: { mode: "STRICT" } });
  });

  test("is permissive where the tier says so", () => {
    expect(
      security({ tier: tiers.permissive, spec: { port: 8080, container: { metrics: { port: 9090 } } } })["PeerAuthentication"],
    ).toEqual({
      selector: SELECTOR,
      mtls: { mode: "PERMISSIVE" },
    });
  });
});

describe("who may call, by identity", () => {
  test("is the callers on the service's port, and anybody on the metrics port, where the network keeps all but the scraper out", () => {
    expect(security({ spec: { port: 8080, container: { metrics: { port: 9090 } }, callers } })["AuthorizationPolicy"]).toEqual({
      selector: SELECTOR,
      action: "ALLOW",
      rules: [
        {
          from: [
            {
              source: {
                principals: [
                  "cluster.local/ns/booking/sa/booking",
                  "cluster.local/ns/dispatch/sa/dispatch",
                  "cluster.local/ns/ops/sa/probe",
                ],
              },
            },
          ],
          to: [{ operation: { ports: ["8080"] } }],
        },
        { to: [{ operation: { ports: ["9090"] } }] },
      ],
    });
  });

  test("is nobody without callers: an ALLOW policy without rules refuses everything", () => {
    expect(security({ spec: { port: 8080 } })["AuthorizationPolicy"]).toEqual({ selector: SELECTOR, action: "ALLOW" });
    expect(security({})["AuthorizationPolicy"]).toEqual({ selector: SELECTOR, action: "ALLOW" });
  });

  test("is by the trust domain that the configuration names", () => {
    const config = testConfig({ mesh: { istio: { trustDomain: "prod.example.com" } } });
    expect(security({ config, spec: { port: 8080, callers: { services: [{ name: "a" }] } } })["AuthorizationPolicy"]).toMatchObject({
      rules: [{ from: [{ source: { principals: ["prod.example.com/ns/dispatch/sa/a"] } }] }],
    });
  });

  test("is, while the namespace moves into the mesh, also those who have no identity yet", () => {
    expect(
      security({ tier: tiers.permissive, spec: { port: 8080, callers: { services: [{ name: "a" }] } } })["AuthorizationPolicy"],
    ).toMatchObject({
      rules: [{ from: [{ source: { principals: ["cluster.local/ns/dispatch/sa/a"] } }, { source: { notPrincipals: ["*"] } }] }],
    });
    expect(security({ tier: tiers.permissive, spec: { port: 8080 } })["AuthorizationPolicy"]).not.toHaveProperty("rules");
  });

  test("is, under strict isolation, the callers that are services of the tier now", () => {
    const facts = networkFacts({ "dispatch/dispatch": { tier: "pci" }, "booking/booking": { tier: "tier-1" } });
    expect(security({ tier: tiers.isolated, spec: { port: 8080, callers } }, facts)["AuthorizationPolicy"]).toMatchObject({
      rules: [{ from: [{ source: { principals: ["cluster.local/ns/dispatch/sa/dispatch"] } }] }],
    });
    expect(security({ tier: tiers.isolated, spec: { port: 8080, callers } })["AuthorizationPolicy"]).not.toHaveProperty("rules");
  });
});

test("without a mesh there is nothing of it", () => {
  const config = testConfig({ mesh: { default: "None" } });
  const service = testService({ config, spec: { port: 8080, callers } });
  const mesh = meshOf(service);
  expect([mesh.security(service, config, NO_FACTS), mesh.traffic(service, config), mesh.apis]).toEqual([[], [], []]);
  expect([mesh.provider, mesh.tunnel(config), mesh.host(service, config)]).toEqual([
    "None",
    undefined,
    "matching.dispatch.svc.cluster.local",
  ]);
});
