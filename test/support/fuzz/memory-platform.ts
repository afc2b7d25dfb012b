import { join } from "node:path";
import { readConfigFile } from "../../../src/config.ts";
import type { Identified } from "../../../src/crds/desired.ts";
import type { MeshObjectDesired } from "../../../src/crds/mesh-objects.ts";
import { API_VERSION, SERVICE_FINALIZER } from "../../../src/crds/meta.ts";
import type { PlatformService } from "../../../src/crds/platform-service.ts";
import type { DeploymentState, ExternalResource, MeshObjectObserved, MeshResources } from "../../../src/reconcilers/ports.ts";
import { judge } from "../../../src/reconcilers/platform-service/spec-valid.ts";
import { shippedTier } from "../effective-services.ts";
import { servicePass, type ServicePass } from "../service-pass.ts";
import { broughtState, deploymentState } from "../workload-states.ts";

/** A platform in memory for one service that may be anything: whoever it names is there, its image is pushed, and its workload rolls out at once. */

const CONFIG = readConfigFile(join(import.meta.dirname, "../operator-config.yaml"));
const TIERS = new Map(["tier-1", "tier-2", "tier-3", "pci"].map((name) => [name, shippedTier(name)]));

/** By namespace the labels that the configuration tells meshes by. */
export const NAMESPACES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "in-sidecars": {},
  "in-ambient": { mesh: "ambient" },
  "in-app-mesh": { mesh: "appmesh" },
};

/** Where the schema has taken it, it is one. */
export function asStored(object: unknown): Pick<PlatformService, "metadata" | "spec"> {
  const { metadata, spec }: Pick<PlatformService, "metadata" | "spec"> = JSON.parse(JSON.stringify(object));
  return { metadata: { ...metadata, uid: "service-uid", resourceVersion: "1", generation: 1 }, spec };
}

/** What the operator refuses of a service that the API server takes: the fields, as its messages name them. */
export function refusedFields(service: unknown): readonly string[] {
  const stored = asStored(service);
  const labelsOf = (of: string): Readonly<Record<string, string>> => ({ "kubernetes.io/metadata.name": of, ...NAMESPACES[of] });
  const whole = { apiVersion: API_VERSION, kind: "PlatformService" as const, ...stored };
  const verdict = judge(whole, { tier: (wanted) => TIERS.get(wanted), namespaceLabels: labelsOf }, CONFIG);
  if (verdict.state !== "refused" || !("message" in verdict.report)) return [];
  return [...(verdict.report.message ?? "").matchAll(/(?:^|; )(spec\.[^ ]+?): /g)].map(([, field = ""]) => field);
}

export interface MemoryPlatform extends Pick<ServicePass, "pass" | "status" | "calls"> {
  /** All that was asked for, in Kubernetes and in AWS, since the last call. */
  asked(): readonly unknown[];
  /** What was asked for is there from now on. */
  settle(): void;
}

/** `stored` as the API server has stored it, whatever that is. */
export function memoryPlatform(stored: Pick<PlatformService, "metadata" | "spec">): MemoryPlatform {
  let asked: unknown[] = [];
  let deployment: DeploymentState | undefined;
  const { spec } = stored;
  const { name, namespace } = stored.metadata;
  const tier = TIERS.get(spec.tier);
  const replicas = spec.scaling?.minReplicas ?? tier?.spec.availability.minReplicas ?? 1;
  const appMesh = meshInMemory((object) => void asked.push(object));
  const service = servicePass(
    {
      namespaceLabels: (of) => ({ "kubernetes.io/metadata.name": of, ...NAMESPACES[of] }),
      tier: (wanted) => TIERS.get(wanted),
      deployment: () => deployment,
      templates: () => (deployment === undefined ? [] : [deployment]),
      workload: () => broughtState(name, { readyReplicas: 1000 }),
      neighbour: (key) => ({
        key,
        tierName: spec.tier,
        port: 8080,
        protocol: "http",
        longestTimeoutMs: 1000,
        callers: [{ kind: "service", namespace, name }],
      }),
      kubernetesService: () => ({ selector: { app: "redis" }, ports: [{ port: 6379, targetPort: 6379 }] }),
      gateway: () => ({ programmed: true }),
      certificate: () => ({ ready: true, issuing: false, revision: 1, trouble: undefined }),
    },
    undefined,
    CONFIG,
    {
      appMesh: appMesh.resources,
      asked: (object) => void asked.push(object),
      stored: { metadata: { ...stored.metadata, finalizers: [SERVICE_FINALIZER] }, spec },
    },
  );
  return {
    pass: () => service.pass(),
    status: () => service.status(),
    calls: () => [...service.calls(), ...appMesh.calls()],
    asked() {
      const since = asked;
      asked = [];
      return since;
    },
    settle() {
      service.holds.children = "desired";
      const { running, desired } = service.status().image ?? {};
      const image = running ?? desired;
      deployment = deploymentState({
        image,
        replicas,
        readyReplicas: replicas,
        mesh: MESHES[namespace] ?? "Istio",
      });
    },
  };
}

const MESHES: Readonly<Record<string, "Istio" | "AppMesh">> = { "in-app-mesh": "AppMesh" };

interface MeshInMemory {
  readonly resources: MeshResources;
  /** Writes since the last call. */
  calls(): readonly string[];
}

function observedOf({ name, spec, tags }: MeshObjectDesired<object>): MeshObjectObserved {
  return { arn: `arn:aws:appmesh:eu-west-1:111122223333:mesh/platform/${name}`, revision: "1", spec, tags };
}

function meshInMemory(asked: (object: unknown) => void): MeshInMemory {
  let calls: string[] = [];
  const there = new Map<string, MeshObjectDesired<object>>();
  function kind<D extends MeshObjectDesired<object>>(name: string): ExternalResource<D, MeshObjectObserved> {
    const id = (target: Identified): string => `${name} ${target.name}`;
    const write = async (desired: D): Promise<MeshObjectObserved> => {
      asked(desired);
      calls.push(`write ${name}`);
      there.set(id(desired), desired);
      return observedOf(desired);
    };
    return {
      group: "appmesh.aws",
      kind: name,
      async observe(target) {
        const found = there.get(id(target));
        return found === undefined ? { state: "absent" } : { state: "present", observed: observedOf(found) };
      },
      differences: () => [],
      create: write,
      update: write,
      async delete(target) {
        there.delete(id(target));
        return { state: "gone" };
      },
    };
  }
  return {
    resources: {
      virtualNodes: kind("VirtualNode"),
      virtualRouters: kind("VirtualRouter"),
      routes: kind("Route"),
      virtualServices: kind("VirtualService"),
      routesOfRouter: {
        read: async () => ({ names: [...there.keys()].filter((id) => id.startsWith("Route ")).map((id) => id.slice("Route ".length)) }),
      },
    },
    calls() {
      const since = calls;
      calls = [];
      return since;
    },
  };
}
