import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { podsOf } from "../support/service-view.ts";

/** What somebody changes behind the operator's back in the cluster is put back; what others rightly change is left alone. */

const NAMESPACE = "drift";
const WEB = { namespace: NAMESPACE, name: "web" };
const FIXED = { namespace: NAMESPACE, name: "fixed" };

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
  await Promise.all([
    platform.ready(WEB, {
      scaling: { minReplicas: 2, maxReplicas: 4 },
      resilience: { connectionPool: { maxConnections: 10 } },
      callers: { services: [{ name: "fixed" }] },
      dependencies: { hosts: [{ host: "api.example.com", port: 443 }] },
    }),
    platform.ready(FIXED, { scaling: { minReplicas: 2, maxReplicas: 2 } }),
  ]);
});

afterAll(async () => {
  await platform.close();
});

interface Live {
  readonly metadata: {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly object[];
  };
  readonly spec?: { readonly replicas?: number };
}

async function read(what: string): Promise<Live> {
  const live = await platform.get<Live>(NAMESPACE, what);
  if (!live) throw new Error(`${what} is not there`);
  return live;
}

/** All that is wanted of an object: without what the API server and the controllers keep of it. */
function wanted(live: Live): object {
  const { metadata, ...rest } = live;
  const { labels, annotations = {}, ownerReferences } = metadata;
  const ours = Object.fromEntries(Object.entries(annotations).filter(([key]) => !key.startsWith("deployment.kubernetes.io/")));
  return { ...rest, status: undefined, metadata: { labels, annotations: ours, ownerReferences } };
}

type Patch = readonly { readonly op: "add" | "remove" | "replace"; readonly path: string; readonly value?: unknown }[];

async function meddle(what: string, patch: Patch): Promise<Live> {
  const args = ["patch", what, "-n", NAMESPACE, "--type=json", "--field-manager=somebody", "-o", "json", "-p", JSON.stringify(patch)];
  const live: Live = JSON.parse(await platform.kubectl(args));
  return live;
}

const ROLE_ARN = "/metadata/annotations/eks.amazonaws.com~1role-arn";
const MANAGED_BY = "/metadata/labels/app.kubernetes.io~1managed-by";
const CONTAINERS = "/spec/template/spec/containers";

const DRIFTS: readonly (readonly [what: string, object: string, patch: Patch])[] = [
  [
    "another role on the ServiceAccount",
    "serviceaccount/web",
    [{ op: "replace", path: ROLE_ARN, value: "arn:aws:iam::111122223333:role/admin" }],
  ],
  ["the role taken off the ServiceAccount", "serviceaccount/web", [{ op: "remove", path: ROLE_ARN }]],
  ["a token that is mounted", "serviceaccount/web", [{ op: "replace", path: "/automountServiceAccountToken", value: true }]],
  [
    "an audience added to the ServiceAccount",
    "serviceaccount/web",
    [{ op: "add", path: "/metadata/annotations/eks.amazonaws.com~1audience", value: "x" }],
  ],
  ["the label that the watch selects on", "serviceaccount/web", [{ op: "remove", path: MANAGED_BY }]],
  ["the ownerReference", "serviceaccount/web", [{ op: "remove", path: "/metadata/ownerReferences" }]],
  ["the ownerReference of the Deployment", "deployment/web", [{ op: "remove", path: "/metadata/ownerReferences" }]],
  ["default deny opened", "networkpolicy/web-default-deny", [{ op: "add", path: "/spec/ingress", value: [{}] }]],
  [
    "default deny for other pods",
    "networkpolicy/web-default-deny",
    [{ op: "replace", path: "/spec/podSelector", value: { matchLabels: { none: "x" } } }],
  ],
  ["a caller added to the NetworkPolicy", "networkpolicy/web-callers", [{ op: "add", path: "/spec/ingress/-", value: {} }]],
  ["a drain that may take more pods", "poddisruptionbudget/web", [{ op: "replace", path: "/spec/maxUnavailable", value: 9 }]],
  ["an autoscaler that may grow further", "hpa/web", [{ op: "replace", path: "/spec/maxReplicas", value: 40 }]],
  ["a Service port added", "service/web", [{ op: "add", path: "/spec/ports/-", value: { name: "ssh", port: 22, protocol: "TCP" } }]],
  ["a Service for other pods", "service/web", [{ op: "replace", path: "/spec/selector", value: { app: "other" } }]],
  ["a container added", "deployment/web", [{ op: "add", path: `${CONTAINERS}/-`, value: { name: "miner", image: "example.com/miner:1" } }]],
  ["another image", "deployment/web", [{ op: "replace", path: `${CONTAINERS}/0/image`, value: "example.com/other:1" }]],
  ["a variable added", "deployment/web", [{ op: "add", path: `${CONTAINERS}/0/env`, value: [{ name: "DEBUG", value: "1" }] }]],
  ["hostNetwork", "deployment/web", [{ op: "add", path: "/spec/template/spec/hostNetwork", value: true }]],
  [
    "another ServiceAccount for the pods",
    "deployment/web",
    [{ op: "replace", path: "/spec/template/spec/serviceAccountName", value: "default" }],
  ],
  ["a timeout on a route", "virtualservice/web", [{ op: "add", path: "/spec/http/0/timeout", value: "99s" }]],
  ["TLS turned off", "destinationrule/web", [{ op: "add", path: "/spec/trafficPolicy/tls", value: { mode: "DISABLE" } }]],
  ["everyone let in by the mesh", "authorizationpolicy/web", [{ op: "replace", path: "/spec/rules", value: [{}] }]],
  ["plain text let in by the mesh", "peerauthentication/web", [{ op: "replace", path: "/spec/mtls/mode", value: "PERMISSIVE" }]],
  ["a way out of the mesh", "sidecar/web", [{ op: "replace", path: "/spec/outboundTrafficPolicy/mode", value: "ALLOW_ANY" }]],
];

describe("is put back", () => {
  test.each(DRIFTS)("%s", async (_what, object, patch) => {
    const before = await read(object);
    const changed = await meddle(object, patch);
    expect(changed.metadata.resourceVersion, "the change is a change").not.toBe(before.metadata.resourceVersion);
    await expect.poll(async () => wanted(await read(object)), { timeout: PATIENCE_MS }).toEqual(wanted(before));
    const after = await read(object);
    expect(after.metadata.uid, "the object is the same").toBe(before.metadata.uid);
  });

  test("and counted by kind, and told in an event", async () => {
    expect(await platform.metric('platform_service_drift_corrected_total{kind="NetworkPolicy"}')).toBeGreaterThanOrEqual(3);
    const events = await platform.kubectl([
      "get",
      "events.events.k8s.io",
      "-n",
      NAMESPACE,
      "-o",
      "jsonpath={range .items[*]}{.reason} {.note}{'\\n'}{end}",
    ]);
    expect(events).toContain("DriftCorrected put back what someone else changed: NetworkPolicy web-default-deny");
    expect(events).toContain("DriftCorrected put back what someone else changed: Deployment web");
  });
});

describe("comes back when it is deleted", () => {
  test.each([
    "serviceaccount/web",
    "networkpolicy/web-default-deny",
    "networkpolicy/web-callers",
    "poddisruptionbudget/web",
    "hpa/web",
    "service/web",
    "virtualservice/web",
    "destinationrule/web",
    "authorizationpolicy/web",
    "peerauthentication/web",
    "sidecar/web",
    "serviceentry/web.api.example.com",
    "deployment/web",
  ])("%s", async (object) => {
    const before = await read(object);
    await platform.kubectl(["delete", object, "-n", NAMESPACE, "--wait=false"]);
    const reborn = async (): Promise<boolean> => {
      const { uid = before.metadata.uid } = (await platform.get<Live>(NAMESPACE, object))?.metadata ?? {};
      return uid !== before.metadata.uid;
    };
    await expect.poll(reborn, { timeout: PATIENCE_MS }).toBe(true);
    expect((await read(object)).metadata.labels).toEqual(before.metadata.labels);
  });

  test("and the service is Ready again, with its minimum of pods", async () => {
    await platform.untilReady(WEB);
    expect(await podsOf(platform, WEB)).toHaveLength(2);
  });
});

describe("is left alone", () => {
  test("kubectl rollout restart", async () => {
    await platform.kubectl(["rollout", "restart", "deployment/web", "-n", NAMESPACE]);
    await platform.kubectl(["rollout", "status", "deployment/web", "-n", NAMESPACE, "--timeout=60s"]);
    await platform.untilReady(WEB);
    await provokePass(platform, WEB);
    const { spec } = (await platform.get<{ spec: { template: { metadata: { annotations: object } } } }>(NAMESPACE, "deployment/web")) ?? {};
    expect(spec?.template.metadata.annotations).toHaveProperty(["kubectl.kubernetes.io/restartedAt"]);
  });

  test("replicas above the minimum, that an autoscaler has asked for; also when the template changes", async () => {
    await platform.kubectl(["scale", "deployment/web", "-n", NAMESPACE, "--replicas=3"]);
    await expect.poll(() => podsOf(platform, WEB), { timeout: PATIENCE_MS }).toHaveLength(3);
    await provokePass(platform, WEB);
    await platform.kubectl([
      "patch",
      "psvc",
      "web",
      "-n",
      NAMESPACE,
      "--type=merge",
      "-p",
      JSON.stringify({ spec: { container: { args: ["serve"] } } }),
    ]);
    await platform.untilReady(WEB);
    expect((await read("deployment/web")).spec?.replicas).toBe(3);
    expect((await operatorWrites(platform, NAMESPACE)).kubernetes.filter((w) => w === "patch deployments/scale web")).toHaveLength(2);
  });

  test("labels and annotations of others on what is ours", async () => {
    await platform.kubectl(["label", "service/web", "-n", NAMESPACE, "team=blue"]);
    await platform.kubectl(["annotate", "serviceaccount/web", "-n", NAMESPACE, "example.com/note=hello"]);
    await provokePass(platform, WEB);
    expect((await read("service/web")).metadata.labels).toMatchObject({ team: "blue" });
    expect((await read("serviceaccount/web")).metadata.annotations).toMatchObject({ "example.com/note": "hello" });
  });
});

describe("replicas", () => {
  test("below the minimum are raised", async () => {
    await platform.kubectl(["scale", "deployment/web", "-n", NAMESPACE, "--replicas=1"]);
    await expect.poll(async () => (await read("deployment/web")).spec?.replicas, { timeout: PATIENCE_MS }).toBe(2);
  });

  test("without an autoscaler are what the spec says, whichever way they are changed", async () => {
    for (const replicas of ["5", "1"]) {
      await platform.kubectl(["scale", "deployment/fixed", "-n", NAMESPACE, `--replicas=${replicas}`]);
      await expect.poll(async () => (await read("deployment/fixed")).spec?.replicas, { timeout: PATIENCE_MS }).toBe(2);
    }
    expect(await platform.get(NAMESPACE, "hpa/fixed")).toBeUndefined();
  });
});

describe("while a new pod template waits for its image", () => {
  const WAITING = { namespace: NAMESPACE, name: "waiting" };

  interface Template {
    readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { readonly name: string }[] } } };
  }

  test("a container that somebody adds to the running one is removed all the same, and the rest of it stays", async () => {
    await platform.ready(WAITING);
    await platform.applyService(WAITING, { image: { tag: "not-pushed" } });
    await platform.untilCondition(WAITING, "ImageResolved", "False", "ImageNotFound");
    const template = async (): Promise<unknown> => (await platform.get<Template>(NAMESPACE, "deployment/waiting"))?.spec.template;
    const before = await template();
    await meddle("deployment/waiting", [{ op: "add", path: `${CONTAINERS}/-`, value: { name: "miner", image: "example.com/miner:1" } }]);
    await expect.poll(template, { timeout: PATIENCE_MS }).toEqual(before);
  });
});
