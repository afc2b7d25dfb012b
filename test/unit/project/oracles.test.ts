import { describe, expect, test } from "vitest";
import { whyNoOracles } from "../../support/oracles/programs.ts";
import { entrancesOf, entrancesTo, type Proxy } from "../../support/oracles/proxy.ts";
import { admits, rbacRules } from "../../support/oracles/rbac.ts";

test("where there is no Go, it is said what cannot run and what to install", async () => {
  expect(await whyNoOracles({ PATH: "/nowhere", XDG_CACHE_HOME: "/nowhere" })).toBe(
    "there is no `go` on the PATH, and istiod, istioctl, Karpenter and cyclonus are built by it: install Go 1.26 (https://go.dev/dl)",
  );
});

describe("Envoy's RBAC", () => {
  const named = (exact: string) => ({ authenticated: { principalName: { exact } } });
  const rules = rbacRules.parse({
    policies: {
      callers: {
        permissions: [
          {
            andRules: {
              rules: [{ orRules: { rules: [{ destinationPort: 80 }, { destinationPort: 81 }] } }, { notRule: { destinationPort: 81 } }],
            },
          },
        ],
        principals: [{ andIds: { ids: [{ orIds: { ids: [named("a"), named("b")] } }, { notId: named("b") }] } }],
      },
      anonymous: {
        permissions: [{ destinationPort: 90 }],
        principals: [{ notId: { authenticated: { principalName: { safeRegex: { regex: ".*" } } } } }],
      },
    },
  });

  test.each([
    ["a", 80, true],
    ["a", 81, false],
    ["b", 80, false],
    ["c", 80, false],
    [undefined, 80, false],
    ["a", 90, false],
    [undefined, 90, true],
  ])("lets %s at port %i through: %s", (identity, port, admitted) => {
    expect(admits(rules, { identity, port })).toBe(admitted);
  });

  test("without a policy lets nobody through", () => {
    expect(admits(rbacRules.parse({}), { identity: "a", port: 80 })).toBe(false);
  });

  test("of a kind that is not known here is no answer", () => {
    expect(() => rbacRules.parse({ action: "DENY", policies: {} })).toThrow("ALLOW");
    expect(() => rbacRules.parse({ policies: { p: { permissions: [{ metadata: {} }], principals: [{ any: true }] } } })).toThrow(
      "metadata",
    );
  });
});

describe("the ways into a pod", () => {
  const mutual = { typedConfig: { requireClientCertificate: true } };
  const tcp = (cluster: string) => [{ name: "envoy.filters.network.tcp_proxy", typedConfig: { "@type": "TcpProxy", cluster } }];
  const proxy: Proxy = {
    clusters: [],
    routes: [],
    listeners: [
      {
        name: "virtualInbound",
        filterChains: [
          { filterChainMatch: { destinationPort: 15006 }, filters: tcp("BlackHoleCluster") },
          { filterChainMatch: { destinationPort: 8080 }, filters: tcp("inbound|8080||"), transportSocket: mutual },
          { filterChainMatch: { transportProtocol: "tls" }, filters: tcp("InboundPassthroughCluster"), transportSocket: mutual },
          { filterChainMatch: { transportProtocol: "raw_buffer" }, filters: tcp("InboundPassthroughCluster") },
        ],
        defaultFilterChain: { filters: tcp("InboundPassthroughCluster") },
      },
    ],
  };
  const ways = (found: readonly { readonly port: number | undefined; readonly tls: boolean }[]) =>
    found.map(({ port, tls }) => [port, tls]);

  test("are those of no port too, in plain text or not, but not what is dropped", () => {
    expect(ways(entrancesOf(proxy))).toEqual([
      [8080, true],
      [undefined, true],
      [undefined, false],
      [undefined, false],
    ]);
  });

  test("to a port are its own, and those of no port where it has none", () => {
    expect(ways(entrancesTo(proxy, 8080))).toEqual([[8080, true]]);
    expect(entrancesTo(proxy, 9090)).toHaveLength(3);
  });
});
