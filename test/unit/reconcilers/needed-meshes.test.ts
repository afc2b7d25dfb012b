import { describe, expect, test } from "vitest";
import { ANNOTATIONS, API_VERSION } from "../../../src/crds/meta.ts";
import { isNeeded, neededMeshes, type Seen } from "../../../src/reconcilers/platform-service/needed-meshes.ts";
import type { ChildState } from "../../../src/reconcilers/ports.ts";
import { appMeshConfig } from "../../support/app-mesh-config.ts";
import { testService } from "../../support/effective-services.ts";
import { childState, deploymentState, ownDeployment, podState } from "../../support/workload-states.ts";

const ENVOY = podState({ containers: ["proxyinit", "envoy", "app"] });
const SIDECAR = podState({ containers: ["istio-proxy", "app"] });
const REDIRECTED = podState({ redirected: true });
const PLAIN = podState();

interface Cluster {
  readonly wished: "Istio" | "AppMesh" | "None";
  /** Of the pod template, rolled out or not; absent: there is no Deployment. */
  readonly template?: "Istio" | "AppMesh" | "None";
  readonly rolledOut?: boolean;
  readonly pods?: Seen["world"]["pods"] extends (...of: never) => infer Pods ? Pods : never;
  /** Kinds of Istio's that the service owns. */
  readonly istio?: readonly string[];
  /** As the ServiceAccount says. */
  readonly noted?: "true" | "leaving";
}

function seen({ wished, template, rolledOut = true, pods = [], istio = [], noted }: Cluster): Seen {
  const service = testService({ config: appMeshConfig({ default: wished }) });
  const child = (apiVersion: string, kind: string, annotations: ChildState["annotations"] = {}): ChildState =>
    childState({ apiVersion, kind, ...service.key }, { uid: kind, annotations });
  const account = child("v1", "ServiceAccount", noted === undefined ? {} : { [ANNOTATIONS.appMesh]: noted });
  return {
    service,
    owner: { apiVersion: API_VERSION, kind: "PlatformService", key: service.key, uid: service.uid },
    world: {
      pods: () => pods,
      ...ownDeployment(template === undefined ? undefined : deploymentState({ mesh: template, rolledOut })),
    },
    children: {
      get: () => account,
      owned: (_, kinds) => kinds.filter(({ kind }) => istio.includes(kind)).map(({ apiVersion, kind }) => child(apiVersion, kind)),
    },
  };
}

function providers(cluster: Cluster): string {
  return neededMeshes(seen(cluster))
    .map(({ provider }) => provider)
    .join(", ");
}

const IN_ISTIO = { istio: ["PeerAuthentication", "Sidecar"] } as const;

describe("a service needs the mesh of its namespace, and", () => {
  test.each<[string, Cluster, string]>([
    ["that alone where it never had another", { wished: "AppMesh", template: "AppMesh", pods: [ENVOY], noted: "true" }, "AppMesh"],
    ["none where it is in none", { wished: "None", template: "None", pods: [PLAIN] }, "None"],
    [
      "the one before, before its template is of the new one",
      { wished: "AppMesh", template: "Istio", pods: [SIDECAR], ...IN_ISTIO },
      "AppMesh, Istio",
    ],
    ["the one before, though none of its pods runs yet", { wished: "AppMesh", template: "Istio", pods: [], ...IN_ISTIO }, "AppMesh, Istio"],
    [
      "the one before, while it is rolled out",
      { wished: "AppMesh", template: "AppMesh", rolledOut: false, pods: [ENVOY], ...IN_ISTIO, noted: "true" },
      "AppMesh, Istio",
    ],
    [
      "the one before, while a pod of it is still there",
      { wished: "AppMesh", template: "AppMesh", pods: [ENVOY, SIDECAR], ...IN_ISTIO, noted: "true" },
      "AppMesh, Istio",
    ],
    [
      "not the one before, once it is rolled out and no pod is in it",
      { wished: "AppMesh", template: "AppMesh", pods: [ENVOY], ...IN_ISTIO, noted: "true" },
      "AppMesh",
    ],
    [
      "App Mesh, as long as the way back goes",
      { wished: "Istio", template: "Istio", rolledOut: false, pods: [SIDECAR, ENVOY], ...IN_ISTIO, noted: "true" },
      "Istio, AppMesh",
    ],
    [
      "not App Mesh, once no pod is in it, whatever the note says",
      { wished: "Istio", template: "Istio", pods: [SIDECAR], ...IN_ISTIO, noted: "true" },
      "Istio",
    ],
    ["not App Mesh where nothing runs", { wished: "Istio", noted: "true" }, "Istio"],
    [
      "App Mesh while its template is still of it, though the note was lost with the ServiceAccount",
      { wished: "Istio", template: "AppMesh", pods: [], ...IN_ISTIO },
      "Istio, AppMesh",
    ],
    [
      "App Mesh while a pod has Envoy, though the note was lost",
      { wished: "Istio", template: "Istio", pods: [SIDECAR, ENVOY], ...IN_ISTIO },
      "Istio, AppMesh",
    ],
    [
      "not App Mesh for what a squad brings and calls envoy",
      { wished: "None", template: "None", pods: [podState({ brought: true, containers: ["envoy"] })] },
      "None",
    ],
    [
      "not App Mesh at a later rollout, once it is leaving, however long that takes",
      { wished: "Istio", template: "Istio", rolledOut: false, pods: [SIDECAR], ...IN_ISTIO, noted: "leaving" },
      "Istio",
    ],
    [
      "App Mesh again when a pod of it is there again, though it was leaving",
      { wished: "Istio", template: "Istio", rolledOut: false, pods: [SIDECAR, ENVOY], ...IN_ISTIO, noted: "leaving" },
      "Istio, AppMesh",
    ],
    ["the one that it leaves for none", { wished: "None", template: "None", pods: [PLAIN, SIDECAR], ...IN_ISTIO }, "None, Istio"],
  ])("%s", (_, cluster, expected) => {
    expect(providers(cluster)).toBe(expected);
  });

  test("what Istio has is told apart by its data plane", () => {
    const leaving = { wished: "AppMesh", template: "Istio" } as const;
    const [, sidecar] = neededMeshes(seen({ ...leaving, pods: [SIDECAR], ...IN_ISTIO }));
    const [, ambient] = neededMeshes(seen({ ...leaving, pods: [REDIRECTED], istio: ["PeerAuthentication"] }));
    expect(sidecar?.apis).toContainEqual({ apiVersion: "networking.istio.io/v1", kind: "Sidecar" });
    expect(ambient?.apis).toContainEqual({ apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute" });
  });

  test("one that is needed is told by name", () => {
    const moving = seen({ wished: "AppMesh", template: "Istio", pods: [SIDECAR], ...IN_ISTIO });
    expect([isNeeded("AppMesh", moving), isNeeded("Istio", moving), isNeeded("None", moving)]).toEqual([true, true, false]);
  });
});
