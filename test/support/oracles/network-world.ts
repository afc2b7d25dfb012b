import { z } from "zod";
import type { KubeObject, ServiceState } from "../../../src/crds/desired.ts";
import type { EffectiveService } from "../../../src/crds/effective.ts";
import { keyString, type ObjectKey } from "../../../src/crds/meta.ts";
import type { OperatorConfig } from "../../../src/crds/operator-config.ts";
import type { NetworkFacts } from "../../../src/resources/facts.ts";
import { meshOf } from "../../../src/resources/mesh/choose.ts";
import type { Mesh } from "../../../src/resources/mesh/mesh.ts";
import { allChildren } from "../children.ts";
import { testService } from "../effective-services.ts";
import { withChanges, type Changes } from "../json-path.ts";
import { OTHER_SERVICES, sampleServices } from "./every-service.ts";

/** A cluster's ends of connections: pods of services, pods of strangers, and addresses outside; each with the name that a table calls it by. */

export interface End {
  readonly name: string;
  readonly ip: string;
  /** None: outside the cluster. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface NetworkWorld {
  /** By key, as `dispatch/matching`. */
  readonly services: readonly End[];
  readonly policies: readonly KubeObject[];
}

const json = z.record(z.string(), z.unknown());

const REDIS: ServiceState = { selector: { app: "redis" }, ports: [{ port: 6379, targetPort: 6380 }] };

/** What an isolated tier refuses, and cuts where a service had it before it was isolated. */
const GREEDY = {
  callers: { services: [{ name: "checkout", namespace: "checkout" }], serviceAccounts: [{ name: "probe", namespace: "ops" }] },
  dependencies: {
    services: [{ name: "settlement" }, { name: "tracking", namespace: "tracking" }],
    kubernetesServices: [{ name: "redis", namespace: "cache", port: 6379 }],
    hosts: [{ host: "api.carrier.example.com", port: 443 }],
    cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }],
  },
};

export interface WorldOptions {
  /** What is written otherwise, by the service's name. */
  readonly changes?: Readonly<Record<string, Changes>>;
  /** Meshes that pods of every service are in; default: the one of the configuration. */
  readonly meshes?: readonly Mesh[];
}

/** The samples and the others, and the policies that they have once all of them are there; those that the mesh cannot do are left out. */
export function networkWorld(config: OperatorConfig, { changes = {}, meshes }: WorldOptions = {}): NetworkWorld {
  const all = [...sampleServices(), ...OTHER_SERVICES].map(({ metadata, spec: file }) => {
    const spec = json.parse(withChanges(z.json().parse(file), changes[metadata.name] ?? {}));
    return testService({ ...metadata, spec: metadata.name === "ledger" ? { ...spec, ...GREEDY } : spec, config });
  });
  const services = all.filter((service) => meshOf(service).limits(service).length === 0);
  const facts = { ...factsOf(services, config), ...(meshes && { meshes }) };
  const made = services.map((service) => ({ service, children: allChildren(service, config, facts) }));
  return {
    services: made.map(({ service, children }, index) => ({
      name: keyString(service.key),
      ip: `10.244.1.${String(index + 1)}`,
      namespace: service.key.namespace,
      labels: templateLabels(children),
    })),
    policies: made.flatMap(({ children }) => children.filter(({ kind }) => kind === "NetworkPolicy")),
  };
}

function factsOf(services: readonly EffectiveService[], config: OperatorConfig): NetworkFacts {
  const byKey = new Map(services.map((service) => [keyString(service.key), service]));
  return {
    neighbour(key: ObjectKey) {
      const found = byKey.get(keyString(key));
      return (
        found && {
          key,
          tierName: found.spec.tier,
          port: found.spec.port,
          protocol: found.spec.protocol,
          longestTimeoutMs: null,
          callers: [],
        }
      );
    },
    kubernetesService(key) {
      if (keyString(key) === "cache/redis") return REDIS;
      const found = byKey.get(keyString(key));
      const { port } = found?.spec ?? {};
      if (found === undefined || port === undefined) return undefined;
      const waypoint = meshOf(found).waypoint(found, config);
      return { selector: { app: key.name }, ports: [{ port, targetPort: port }], ...(waypoint && { waypoint }) };
    },
  };
}

const deployment = z.object({
  spec: z.object({ template: z.object({ metadata: z.object({ labels: z.record(z.string(), z.string()) }) }) }),
});

function templateLabels(children: readonly KubeObject[]): Readonly<Record<string, string>> {
  return deployment.parse(children.find(({ kind }) => kind === "Deployment")).spec.template.metadata.labels;
}
