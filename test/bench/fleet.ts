import { GROUP, type ObjectKey } from "../../src/crds/meta.ts";

/** The services of a benchmark: what a platform of many squads has, in fixed proportions, so that a service costs the same whatever their number. */

/** Of one squad. */
const SERVICES_PER_NAMESPACE = 10;
/** Every fifth namespace is still in App Mesh. */
const APP_MESH_EVERY = 5;
/** Of ten services: what they are of, in order. */
const TIERS = ["tier-1", "tier-2", "tier-2", "tier-2", "tier-3", "tier-3", "tier-3", "tier-3", "tier-1", "tier-2"] as const;

export const TAG = "1.0.0";

export interface Fleet {
  readonly namespaces: readonly object[];
  readonly services: readonly FleetService[];
}

export interface FleetService {
  readonly metadata: ObjectKey;
  readonly tier: string;
  readonly spec: object;
}

export function fleetOf(count: number): Fleet {
  const services = Array.from({ length: count }, (_, index) => serviceAt(index));
  const names = [...new Set(services.map(({ metadata }) => metadata.namespace))];
  return { namespaces: names.map((name, index) => namespaceOf(name, index)), services };
}

function namespaceOf(name: string, index: number): object {
  const mesh = isInAppMesh(index) ? { mesh: "appmesh" } : {};
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { [`${GROUP}/managed`]: "true", ...mesh } } };
}

function isInAppMesh(squad: number): boolean {
  return squad % APP_MESH_EVERY === APP_MESH_EVERY - 1;
}

/** Half have rights in AWS, all routes and callers; each asks the one before it. */
function serviceAt(index: number): FleetService {
  const squad = Math.floor(index / SERVICES_PER_NAMESPACE);
  const place = index % SERVICES_PER_NAMESPACE;
  const tier = TIERS[place] ?? "tier-3";
  const namespace = `squad-${String(squad).padStart(4, "0")}`;
  const name = (at: number): string => `service-${String(at)}`;
  return {
    metadata: { namespace, name: name(place) },
    tier,
    spec: {
      owner: namespace,
      tier,
      image: { tag: TAG },
      port: 8080,
      container: {
        env: [{ name: "LOG_LEVEL", value: "info" }],
        resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
        // At a port beside the mesh, which mutual TLS keeps the kubelet out of.
        probes: { readiness: { path: "/ready", port: 8081 }, liveness: { path: "/live", port: 8081 } },
      },
      ...(place % 2 === 0 && { aws: { policy: { statements: [tableOf(namespace, place)] } } }),
      routes: [{ name: "all", timeout: "2s", retries: { attempts: 1, perTryTimeout: "900ms", retryOn: ["connect-failure"] } }],
      ...(place < SERVICES_PER_NAMESPACE - 1 && { callers: { services: [{ name: name(place + 1) }] } }),
      ...(place > 0 && { dependencies: { services: [{ name: name(place - 1) }] } }),
    },
  };
}

function tableOf(namespace: string, place: number): object {
  return {
    sid: "Table",
    actions: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
    resources: [`arn:aws:dynamodb:eu-west-1:111122223333:table/${namespace}-${String(place)}`],
  };
}
