import { partitionOf } from "../../crds/aws-names.ts";
import type { KubeObject } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import { sha256Hex } from "../../crds/hash.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { dependenciesOf } from "../agreement.ts";
import { childObject } from "../child-object.ts";
import { selectorLabels } from "../labels.ts";
import { usesAws } from "../network/aws.ts";
import { platformAddresses, platformNamespaces } from "../network/platform.ts";
import { sortedUnique } from "../order.ts";
import { serviceHost } from "./host.ts";

/**
 * Ways out: a Sidecar that knows exactly the service's dependencies and the platform's, and a ServiceEntry for each that is outside the cluster. The proxy
 * enforces names; the NetworkPolicy enforces ports and addresses.
 */

export const NETWORKING_API = "networking.istio.io/v1";

/** The Sidecar, and the ServiceEntries that it names. */
export function buildEgress(service: EffectiveService, config: OperatorConfig): readonly KubeObject[] {
  const entries = entriesOf(service, config);
  return [sidecar(service, config, entries), ...entries.map((entry) => serviceEntry(service, entry))];
}

interface Entry {
  /** Suffix of the object's name; after a dot, so that no two services' objects collide. */
  readonly suffix: string;
  readonly host: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

function entriesOf(service: EffectiveService, config: OperatorConfig): readonly Entry[] {
  const { hosts, cidrs: written } = dependenciesOf(service);
  const cidrs = [...written, ...platformAddresses(config)];
  return [
    ...sortedUnique(hosts.map(({ host }) => host)).map((host) => hostEntry(host, portsOf(hosts.filter((one) => one.host === host)))),
    ...sortedUnique(cidrs.map(({ cidr }) => cidr)).map((cidr) =>
      rangeEntry(service, cidr, portsOf(cidrs.filter((one) => one.cidr === cidr))),
    ),
    ...(usesAws(service) ? [awsEntry(config)] : []),
  ];
}

function portsOf(items: readonly { readonly port: number }[]): readonly number[] {
  return [...new Set(items.map(({ port }) => port))].toSorted((a, b) => a - b);
}

/** The proxy knows the name from TLS (SNI), or on port 80 from the Host header. */
function hostEntry(host: string, ports: readonly number[]): Entry {
  const portEntry = (number: number) => (number === 80 ? entryPort(number, "HTTP") : entryPort(number, "TLS"));
  return { suffix: host, host, spec: { resolution: "DNS", ports: ports.map(portEntry) } };
}

/** The host is no real name: nobody asks for it, the addresses alone count. */
function rangeEntry(service: EffectiveService, cidr: string, ports: readonly number[]): Entry {
  const suffix = `cidr-${cidr.toLowerCase().replaceAll(/[./:]/g, "-")}`;
  const host = `${suffix}.${service.key.name}.${service.key.namespace}.internal`;
  return { suffix, host, spec: { addresses: [cidr], resolution: "NONE", ports: ports.map((number) => entryPort(number, "TCP")) } };
}

/** Every regional endpoint: which of them answer is the role's policy to say, and the NetworkPolicy's. */
function awsEntry(config: OperatorConfig): Entry {
  const { region } = config.cluster;
  return { suffix: "aws", host: `*.${region}.${partitionOf(region).domain}`, spec: { resolution: "NONE", ports: [entryPort(443, "TLS")] } };
}

function entryPort(number: number, protocol: "HTTP" | "TLS" | "TCP"): Readonly<Record<string, unknown>> {
  return { number, name: `${protocol.toLowerCase()}-${number}`, protocol };
}

/** Seen from the service's own namespace only. */
function serviceEntry(service: EffectiveService, { suffix, host, spec }: Entry): KubeObject {
  return childObject(service, {
    apiVersion: NETWORKING_API,
    kind: "ServiceEntry",
    name: objectName(`${service.key.name}.${suffix}`),
    body: { spec: { hosts: [host], exportTo: ["."], location: "MESH_EXTERNAL", ...spec } },
  });
}

/** Most characters of an object's name; a service's name and a host's together can be more. */
const MAX_NAME = 253;

/** Cut and ended by a hash where it is too long. */
function objectName(whole: string): string {
  return whole.length <= MAX_NAME ? whole : `${whole.slice(0, MAX_NAME - 18).replace(/[-.]+$/, "")}.h${sha256Hex(whole).slice(0, 16)}`;
}

function sidecar(service: EffectiveService, config: OperatorConfig, entries: readonly Entry[]): KubeObject {
  const { services, kubernetesServices } = dependenciesOf(service);
  const inCluster = [...services, ...kubernetesServices].map((key) => `${key.namespace}/${serviceHost(key, config)}`);
  const whole = [config.mesh.istio.namespace, ...platformNamespaces(config)].map((namespace) => `${namespace}/*`);
  const hosts = sortedUnique([...whole, ...inCluster, ...entries.map(({ host }) => `./${host}`)]);
  return childObject(service, {
    apiVersion: NETWORKING_API,
    kind: "Sidecar",
    body: {
      spec: {
        workloadSelector: { labels: selectorLabels(service) },
        egress: [{ hosts }],
        outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
      },
    },
  });
}
