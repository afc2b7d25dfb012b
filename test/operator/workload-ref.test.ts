import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { condition } from "../../src/cli/service-watch.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import { installRollouts, reportPhase } from "../support/argo-rollouts.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { list, messageOf, podsOf, verdict, type Listed } from "../support/service-view.ts";

/** A workload that the squad deploys itself: what is set in it and what is not, whose it is, and that it outlives the service. */

const NAMESPACE = "brought";
const MANAGED_BY = "platform-operator.dev/managed-by";
const SERVICE = "platform-operator.dev/service";

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
});

afterAll(async () => {
  await platform.close();
});

function key(name: string): ObjectKey {
  return { namespace: NAMESPACE, name };
}

function bringing(name: string, kind: "Deployment" | "Rollout" = "Deployment"): object {
  const apiVersion = kind === "Deployment" ? "apps/v1" : "argoproj.io/v1alpha1";
  return { image: {}, workloadRef: { apiVersion, kind, name } };
}

interface Workload extends Listed {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: Readonly<Record<string, unknown>> & { readonly containers: readonly { readonly image: string }[] };
    };
  };
}

/** As a squad writes it: its own labels, the well-known ones among them, and scaling of its own. */
function manifest(name: string, { kind = "Deployment", image = "example.com/legacy:1", annotations = {} } = {}): object {
  const labels = { app: name, "app.kubernetes.io/name": "old-monolith", "app.kubernetes.io/managed-by": "Helm" };
  return {
    apiVersion: kind === "Deployment" ? "apps/v1" : "argoproj.io/v1alpha1",
    kind,
    metadata: { name, namespace: NAMESPACE, annotations },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      ...(kind === "Rollout" && { strategy: { canary: {} } }),
      // What EKS's webhook adds, which does not run here.
      template: {
        metadata: { labels },
        spec: {
          containers: [
            { name: "web", image, ports: [{ containerPort: 8080 }], env: [{ name: "AWS_WEB_IDENTITY_TOKEN_FILE", value: "/token" }] },
          ],
        },
      },
    },
  };
}

async function read(what: string): Promise<Workload> {
  const live = await platform.get<Workload>(NAMESPACE, what);
  if (!live) throw new Error(`${what} is not there`);
  return live;
}

async function annotate(what: string, annotation: string): Promise<void> {
  await platform.kubectl(["annotate", what, "-n", NAMESPACE, "--overwrite", annotation]);
}

/** As the squad's pipeline does it: by server-side apply, so that kubectl has no earlier apply of another kind to convert. */
async function deploy(object: object): Promise<void> {
  await applyAs("pipeline", object);
}

/** A server-side apply of somebody's, who takes what he wants. */
async function applyAs(manager: string, object: object): Promise<void> {
  const args = ["apply", "--server-side", "--force-conflicts", `--field-manager=${manager}`, "-f", "-"];
  await platform.kubectl(args, { input: JSON.stringify(object) });
}

async function patch(what: string, operations: readonly object[]): Promise<void> {
  await platform.kubectl(["patch", what, "-n", NAMESPACE, "--type=json", "--field-manager=somebody", "-p", JSON.stringify(operations)]);
}

async function writes(): Promise<readonly string[]> {
  const { kubernetes, aws } = await operatorWrites(platform, NAMESPACE);
  return [...kubernetes.filter((write) => !/ (platformservices|events)(\/| )/.test(write)), ...aws];
}

describe("a Deployment", () => {
  const OLD = key("old");
  let uid: string;

  test("that is not there, or does not say whose it is, is asked for in words and left as it is", async () => {
    await platform.applyService(OLD, bringing("legacy"));
    const missing = await platform.untilCondition(OLD, "WorkloadReady", "False", "WorkloadMissing");
    expect(messageOf(missing, "WorkloadReady")).toBe(
      `Deployment legacy does not exist in namespace ${NAMESPACE}: deploy it, annotated ${MANAGED_BY}: old, or correct spec.workloadRef`,
    );
    await deploy(manifest("legacy"));
    const silent = await platform.untilCondition(OLD, "WorkloadReady", "False", "NotHandedOver");
    expect(messageOf(silent, "WorkloadReady")).toContain(`annotate it with ${MANAGED_BY}: old`);
    expect(verdict(silent, "Stalled")).toBe("True NotHandedOver");
    const untouched = await read("deployment/legacy");
    expect(untouched.metadata.generation).toBe(1);
    ({ uid } = untouched.metadata);
  });

  test("is given identity, placement and the labels that policies select, and nothing else of it changes", async () => {
    await annotate("deployment/legacy", `${MANAGED_BY}=old`);
    const service = await platform.untilReady(OLD);
    expect(verdict(service, "ImageResolved")).toBe("True NamedByWorkload");
    expect(service.status?.resources).toContainEqual({ group: "apps", kind: "Deployment", name: "legacy", state: "Ready" });
    const { metadata, spec } = await read("deployment/legacy");
    expect(metadata.ownerReferences, "deleting the service must not delete it").toBeUndefined();
    expect(metadata.labels).toBeUndefined();
    expect(spec.template.metadata.labels).toMatchObject({
      app: "legacy",
      "app.kubernetes.io/name": "old-monolith",
      "app.kubernetes.io/managed-by": "Helm",
      [SERVICE]: "old",
      "platform-operator.dev/owner": "test-squad",
      "platform-operator.dev/tier": "tier-3",
      "sidecar.istio.io/inject": "true",
    });
    expect(spec.template.metadata.annotations).toHaveProperty(["platform-operator.dev/identity"]);
    expect(spec.template.spec).toMatchObject({ serviceAccountName: "old", affinity: { nodeAffinity: {} } });
    expect(spec.template.spec.topologySpreadConstraints).toContainEqual(
      expect.objectContaining({ labelSelector: { matchLabels: { [SERVICE]: "old" } } }),
    );
    expect({ replicas: spec.replicas, images: spec.template.spec.containers.map(({ image }) => image) }).toEqual({
      replicas: 2,
      images: ["example.com/legacy:1"],
    });
  });

  test("has its pods behind the Service, the policies and the budget, without an autoscaler or another Deployment", async () => {
    const selector = { [SERVICE]: "old" };
    expect(await platform.get(NAMESPACE, "service/old")).toMatchObject({ spec: { selector } });
    expect(await platform.get(NAMESPACE, "networkpolicy/old-default-deny")).toMatchObject({
      spec: { podSelector: { matchLabels: selector } },
    });
    expect(await platform.get(NAMESPACE, "pdb/old")).toMatchObject({ spec: { selector: { matchLabels: selector } } });
    expect(await platform.get(NAMESPACE, "authorizationpolicy/old")).toMatchObject({ spec: { selector: { matchLabels: selector } } });
    expect(await platform.get(NAMESPACE, "hpa/old")).toBeUndefined();
    expect((await list(platform, NAMESPACE, "deployments")).map(({ metadata }) => metadata.name)).toEqual(["legacy"]);
    await expect.poll(() => podsOf(platform, OLD), { timeout: PATIENCE_MS }).toHaveLength(2);
    const slice = async () =>
      platform.kubectl([
        "get",
        "endpointslices",
        "-n",
        NAMESPACE,
        "-l",
        "kubernetes.io/service-name=old",
        "-o",
        "jsonpath={.items[*].endpoints[*].targetRef.name}",
      ]);
    await expect.poll(async () => (await slice()).split(" ").length, { timeout: PATIENCE_MS }).toBe(2);
  });

  test("is not written by a pass that has nothing to change", async () => {
    const before = await writes();
    const { metadata } = await read("deployment/legacy");
    await provokePass(platform, OLD);
    await provokePass(platform, OLD);
    expect(await writes()).toEqual(before);
    expect((await read("deployment/legacy")).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  test("stays its squad's to deploy and to scale", async () => {
    await deploy(manifest("legacy", { image: "example.com/legacy:2", annotations: { [MANAGED_BY]: "old" } }));
    await platform.kubectl(["scale", "deployment/legacy", "-n", NAMESPACE, "--replicas=3"]);
    await platform.kubectl(["rollout", "status", "deployment/legacy", "-n", NAMESPACE, "--timeout=60s"]);
    await platform.untilReady(OLD);
    const { spec } = await read("deployment/legacy");
    expect({
      replicas: spec.replicas,
      image: spec.template.spec.containers[0]?.image,
      service: spec.template.metadata.labels[SERVICE],
    }).toEqual({
      replicas: 3,
      image: "example.com/legacy:2",
      service: "old",
    });
  });

  test("has what somebody takes away put back", async () => {
    await patch("deployment/legacy", [
      { op: "remove", path: "/spec/template/metadata/labels/platform-operator.dev~1service" },
      { op: "remove", path: "/spec/template/spec/affinity" },
    ]);
    const labels = async () => (await read("deployment/legacy")).spec.template;
    await expect
      .poll(labels, { timeout: PATIENCE_MS })
      .toMatchObject({ metadata: { labels: { [SERVICE]: "old" } }, spec: { affinity: {} } });
    await platform.untilReady(OLD);
    expect(await platform.metric('platform_service_drift_corrected_total{kind="Deployment"}')).toBeGreaterThan(0);
  });

  test("is never written over: who owns a field is named with it, until he lets go", async () => {
    const taken = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "legacy", namespace: NAMESPACE } };
    await applyAs("bob", { ...taken, spec: { template: { spec: { serviceAccountName: "default" } } } });
    const service = await platform.untilCondition(OLD, "WorkloadReady", "False", "FieldConflict");
    expect(messageOf(service, "WorkloadReady")).toBe(
      "Deployment legacy: bob owns spec.template.spec.serviceAccountName, and nothing is taken by force: take these fields out of what it applies, and the operator sets them",
    );
    await provokePass(platform, OLD);
    expect((await read("deployment/legacy")).spec.template.spec.serviceAccountName).toBe("default");
    await applyAs("bob", taken);
    await platform.untilReady(OLD);
    expect((await read("deployment/legacy")).spec.template.spec.serviceAccountName).toBe("old");
  });

  test("of a suspended service is looked at, and not written", async () => {
    await platform.applyService(OLD, { ...bringing("legacy"), suspend: true });
    await platform.untilCondition(OLD, "Ready", "True", "Suspended");
    await patch("deployment/legacy", [{ op: "remove", path: "/spec/template/spec/affinity" }]);
    const service = await platform.untilCondition(OLD, "WorkloadReady", "False", "Suspended");
    expect(messageOf(service, "WorkloadReady")).toContain("Deployment legacy differs");
    expect((await read("deployment/legacy")).spec.template.spec).not.toHaveProperty("affinity");
    await platform.applyService(OLD, bringing("legacy"));
    await platform.untilReady(OLD);
  });

  describe("of another", () => {
    const THIEF = key("thief");

    test("service is refused to whom its annotation does not name", async () => {
      const before = await read("deployment/legacy");
      await platform.applyService(THIEF, bringing("legacy"));
      const service = await platform.untilCondition(THIEF, "WorkloadReady", "False", "HandedToAnother");
      expect(messageOf(service, "WorkloadReady")).toContain(`Deployment legacy is annotated ${MANAGED_BY}: old`);
      expect((await read("deployment/legacy")).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    });

    test("squad is handed over by its annotation: the one lets go, the other takes up", async () => {
      await platform.applyService(THIEF, bringing("legacy"));
      await annotate("deployment/legacy", `${MANAGED_BY}=thief`);
      await platform.untilReady(THIEF);
      expect((await read("deployment/legacy")).spec.template).toMatchObject({
        metadata: { labels: { [SERVICE]: "thief" } },
        spec: { serviceAccountName: "thief" },
      });
      await platform.untilCondition(OLD, "WorkloadReady", "False", "HandedToAnother");
      await annotate("deployment/legacy", `${MANAGED_BY}=old`);
      await platform.untilReady(OLD);
      await platform.kubectl(["delete", "psvc", "thief", "-n", NAMESPACE, "--timeout=60s"]);
    });
  });

  test("is left for a Deployment of the service's own, which runs before it is let go, and taken up again", async () => {
    await platform.applyService(OLD, { image: { tag: "1.0.0" } });
    await platform.untilCondition(OLD, "ImageResolved", "False", "ImageNotFound");
    expect((await read("deployment/legacy")).spec.template.metadata.labels[SERVICE], "nothing runs in its place yet").toBe("old");
    await platform.push(OLD);
    await platform.untilReady(OLD);
    await expect
      .poll(async () => (await read("deployment/legacy")).spec.template.metadata.labels[SERVICE], { timeout: PATIENCE_MS })
      .toBeUndefined();
    // Policies select as they do of any service once no pod of the other is left.
    await expect
      .poll(() => platform.get(NAMESPACE, "service/old"), { timeout: PATIENCE_MS })
      .toMatchObject({ spec: { selector: { [SERVICE]: "old", "app.kubernetes.io/name": "old" } } });
    await platform.applyService(OLD, bringing("legacy"));
    await platform.untilReady(OLD);
    await expect.poll(() => platform.get(NAMESPACE, "deployment/old"), { timeout: PATIENCE_MS }).toBeUndefined();
  });

  test("outlives the service, with all that is its squad's and nothing that was ours", async () => {
    await platform.kubectl(["delete", "psvc", "old", "-n", NAMESPACE, "--wait=false"]);
    await platform.untilGone(OLD);
    const { metadata, spec } = await read("deployment/legacy");
    expect(metadata.uid).toBe(uid);
    expect(metadata.annotations).toMatchObject({ [MANAGED_BY]: "old" });
    expect(Object.keys(metadata.annotations ?? {}).filter((name) => name.startsWith("platform-operator.dev/"))).toEqual([MANAGED_BY]);
    expect(spec.template.metadata).toEqual({
      labels: { app: "legacy", "app.kubernetes.io/name": "old-monolith", "app.kubernetes.io/managed-by": "Helm" },
    });
    for (const field of ["serviceAccountName", "serviceAccount", "affinity", "tolerations", "topologySpreadConstraints"])
      expect(spec.template.spec).not.toHaveProperty(field);
    expect(spec.replicas).toBe(3);
    await platform.kubectl(["rollout", "status", "deployment/legacy", "-n", NAMESPACE, "--timeout=60s"]);
    expect(await platform.get(NAMESPACE, "serviceaccount/old")).toBeUndefined();
  });
});

describe("a Rollout", () => {
  const CANARY = key("canary");

  test("is asked for in words where the API server serves none", async () => {
    await platform.applyService(CANARY, bringing("canary", "Rollout"));
    const service = await platform.untilCondition(CANARY, "WorkloadReady", "False", "ApiMissing");
    expect(messageOf(service, "WorkloadReady")).toContain("does not serve Rollout (argoproj.io/v1alpha1)");
  });

  test("is taken up once there is one, and fares as its own controller says", async () => {
    await installRollouts(platform.kubectl);
    await platform.untilCondition(CANARY, "WorkloadReady", "False", "WorkloadMissing");
    await deploy(manifest("canary", { kind: "Rollout", annotations: { [MANAGED_BY]: "canary" } }));
    await platform.untilCondition(CANARY, "WorkloadReady", "Unknown", "RollingOut");
    const { spec } = await read("rollout/canary");
    expect(spec.template).toMatchObject({ metadata: { labels: { [SERVICE]: "canary" } }, spec: { serviceAccountName: "canary" } });
    expect(spec.template.spec).not.toHaveProperty("serviceAccount");
    await reportPhase(platform.kubectl, CANARY, "Paused", "CanaryPauseStep");
    await platform.untilCondition(CANARY, "WorkloadReady", "Unknown", "Paused");
    await reportPhase(platform.kubectl, CANARY, "Degraded", "RolloutAborted: metric of success is too low");
    const degraded = await platform.untilCondition(CANARY, "WorkloadReady", "False", "Degraded");
    expect(messageOf(degraded, "WorkloadReady")).toContain("RolloutAborted: metric of success is too low");
    await reportPhase(platform.kubectl, CANARY, "Healthy");
    const ready = await platform.untilReady(CANARY);
    expect(ready.status?.resources).toContainEqual({ group: "argoproj.io", kind: "Rollout", name: "canary", state: "Ready" });
    expect(condition(ready, "Stalled")).toBeUndefined();
  });

  test("outlives the service, too", async () => {
    await platform.kubectl(["delete", "psvc", "canary", "-n", NAMESPACE, "--wait=false"]);
    await platform.untilGone(CANARY);
    const { spec } = await read("rollout/canary");
    expect(spec.template.metadata.labels).not.toHaveProperty(SERVICE);
    expect(spec.template.spec).not.toHaveProperty("serviceAccountName");
  });
});
