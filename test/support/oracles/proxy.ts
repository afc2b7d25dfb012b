import { inject } from "vitest";
import { z } from "zod";
import type { Platform } from "../platform.ts";
import { rbacRules, type RbacRules } from "./rbac.ts";
import { askOracle } from "./run.ts";

/** What istiod tells the sidecar of a service's pod, cut to what our objects decide. */

const retryPolicy = z.object({ retryOn: z.string(), numRetries: z.number(), perTryTimeout: z.string().optional() });
const route = z.object({
  name: z.string().optional(),
  match: z.record(z.string(), z.unknown()),
  route: z
    .object({
      cluster: z.string().optional(),
      weightedClusters: z.unknown().optional(),
      requestMirrorPolicies: z.unknown().optional(),
      timeout: z.string().optional(),
      retryPolicy: retryPolicy.optional(),
    })
    .optional(),
  directResponse: z.object({ status: z.number() }).optional(),
});
const routeConfiguration = z.object({
  name: z.string(),
  virtualHosts: z.array(z.object({ name: z.string(), domains: z.array(z.string()), routes: z.array(route).optional() })).optional(),
});
const cluster = z.object({
  name: z.string(),
  type: z.string().optional(),
  circuitBreakers: z.object({ thresholds: z.array(z.record(z.string(), z.unknown())) }).optional(),
  outlierDetection: z.record(z.string(), z.unknown()).optional(),
});
const typedConfig = z.looseObject({ "@type": z.string() });
const filter = z.object({ name: z.string(), typedConfig: typedConfig.optional() });
const filterChain = z.object({
  name: z.string().optional(),
  filterChainMatch: z.object({ destinationPort: z.number().optional(), transportProtocol: z.string().optional() }).optional(),
  filters: z.array(filter),
  transportSocket: z.object({ typedConfig: z.object({ requireClientCertificate: z.boolean().optional() }) }).optional(),
});
const listener = z.object({
  name: z.string(),
  filterChains: z.array(filterChain).optional(),
  defaultFilterChain: filterChain.optional(),
});
const answers = z.array(z.object({ listeners: z.array(listener), clusters: z.array(cluster), routes: z.array(routeConfiguration) }));

type FilterChain = z.output<typeof filterChain>;

export type Proxy = z.output<typeof answers>[number];

const pods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), namespace: z.string(), labels: z.record(z.string(), z.string()) }),
      spec: z.object({ serviceAccountName: z.string() }),
      status: z.object({ podIP: z.string() }),
    }),
  ),
});

/** Of a pod of `namespace/name`, as istiod has it now. */
export async function proxyOf(platform: Platform, service: string): Promise<Proxy> {
  const [namespace = "", name = ""] = service.split("/");
  const text = await platform.kubectl(["get", "pods", "-n", namespace, "-l", `platform-operator.dev/service=${name}`, "-o", "json"]);
  const [pod] = pods.parse(JSON.parse(text)).items;
  if (!pod) throw new Error(`${service} has no pod`);
  const proxy = {
    pod: pod.metadata.name,
    namespace,
    ip: pod.status.podIP,
    serviceAccount: pod.spec.serviceAccountName,
    labels: pod.metadata.labels,
  };
  const [answer] = await askOracle("ads", { address: inject("istiod"), proxies: [proxy] }, answers);
  if (!answer) throw new Error("istiod said nothing");
  return answer;
}

/** The routes to a host, in order; undefined where the proxy knows no such host. */
export function routesTo({ routes }: Proxy, host: string, port: number): readonly z.output<typeof route>[] | undefined {
  const hosts = routes.find(({ name }) => name === String(port))?.virtualHosts ?? [];
  return hosts.find(({ domains }) => domains.includes(host))?.routes;
}

/** Every route by which a request leaves the proxy for somewhere, whatever its host and port. */
export function leadingRoutes({ routes }: Proxy): readonly z.output<typeof route>[] {
  return routes
    .flatMap(({ virtualHosts = [] }) => virtualHosts)
    .flatMap((host) => host.routes ?? [])
    .filter((one) => one.route !== undefined);
}

/** What becomes of a request to a host that the proxy does not know, by the routes of a port. */
export function routesElsewhere(proxy: Proxy, port: number): readonly z.output<typeof route>[] | undefined {
  return routesTo(proxy, "*", port);
}

export function clusterOf({ clusters }: Proxy, name: string): z.output<typeof cluster> | undefined {
  return clusters.find((one) => one.name === name);
}

/** Of other services and hosts. */
export function outboundClusters({ clusters }: Proxy): readonly string[] {
  return clusters
    .map(({ name }) => name)
    .filter((name) => name.startsWith("outbound|"))
    .toSorted();
}

/** Where a connection to an address that no listener knows is sent. */
export function elsewhere({ listeners }: Proxy): readonly string[] {
  const outbound = listeners.find(({ name }) => name === "virtualOutbound");
  const chains = [...(outbound?.filterChains ?? []), ...(outbound?.defaultFilterChain ? [outbound.defaultFilterChain] : [])];
  return chains
    .flatMap(({ filters }) => filters)
    .flatMap(({ typedConfig: config }) => (typeof config?.["cluster"] === "string" ? [config["cluster"]] : []));
}

/** How connections to the pod are taken. */
export interface Entrance {
  /** Undefined: every port that has no entrance of its own. */
  readonly port: number | undefined;
  readonly tls: boolean;
  readonly requiresClientCertificate: boolean;
  /** Undefined: everybody is let in. */
  readonly rules: RbacRules | undefined;
}

/** Every way into the pod; what is taken only to be dropped is none. */
export function entrancesOf({ listeners }: Proxy): readonly Entrance[] {
  const inbound = listeners.find(({ name }) => name === "virtualInbound");
  if (!inbound) throw new Error("the proxy takes nothing that comes in");
  return [...(inbound.filterChains ?? []), ...(inbound.defaultFilterChain ? [inbound.defaultFilterChain] : [])]
    .filter(({ filters }) => !filters.some(({ typedConfig: config }) => config?.["cluster"] === "BlackHoleCluster"))
    .map((chain) => ({
      port: chain.filterChainMatch?.destinationPort,
      tls: chain.transportSocket !== undefined,
      requiresClientCertificate: chain.transportSocket?.typedConfig.requireClientCertificate === true,
      rules: rulesOf(chain),
    }));
}

/** By which a connection to the port may come in. */
export function entrancesTo(proxy: Proxy, port: number): readonly Entrance[] {
  const all = entrancesOf(proxy);
  const own = all.filter((one) => one.port === port);
  return own.length > 0 ? own : all.filter((one) => one.port === undefined);
}

const httpFilters = z.object({ httpFilters: z.array(filter) });
const rbac = z.object({ rules: rbacRules });

function rulesOf({ filters }: FilterChain): RbacRules | undefined {
  const all = filters.flatMap((one) => {
    const inner = httpFilters.safeParse(one.typedConfig);
    return [one, ...(inner.success ? inner.data.httpFilters : [])];
  });
  const [found, ...others] = all.filter(({ name }) => name === "envoy.filters.http.rbac" || name === "envoy.filters.network.rbac");
  if (others.length > 0) throw new Error("more than one RBAC filter in a chain");
  return found && rbac.parse(found.typedConfig).rules;
}
