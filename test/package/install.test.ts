import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parse, stringify } from "yaml";
import { isReady } from "../../src/cli/service-watch.ts";
import { GROUP, type ObjectKey } from "../../src/crds/meta.ts";
import { CHART, CRDS_CHART, NAMESPACE, valuesFile } from "../support/helm.ts";
import { operatorWrites, type Writes } from "../support/operator-writes.ts";
import { PackagedPlatform } from "../support/packaged-platform.ts";
import { PATIENCE_MS, Platform } from "../support/platform.ts";

/** The life of an installation, in the order it happens: installed, at work, upgraded, uninstalled, installed again. */

const SQUAD_NAMESPACE = "tracking";
const WEB = { namespace: SQUAD_NAMESPACE, name: "web" };
const API = { namespace: SQUAD_NAMESPACE, name: "api" };
const KEYS: readonly ObjectKey[] = [WEB, API];
const SPEC = {
  tier: "tier-1",
  container: { metrics: { port: 9090 } },
  routes: [{ name: "all", timeout: "2s" }],
  resilience: { retryBudgetPercent: 20 },
  dependencies: { hosts: [{ host: "api.carrier.example.com", port: 443 }] },
  image: { tag: "1.0.0", deletionPolicy: "DeleteWithImages" },
};
const VALUES = ["-f", valuesFile("full"), "--set", "policies.validationActions={Deny}"];
const UPGRADED = [...VALUES, "--set", "logLevel=info,rbac.aggregate=true,config.aws.sweepInterval=7s"];
/** What an uninstall may leave none of. */
const LEFT =
  "pods,replicasets,deployments,networkpolicies,poddisruptionbudgets,configmaps,serviceaccounts,clusterroles,validatingadmissionpolicies";
const SQUAD = ["--as=alice", "--as-group=tracking-squad"];
/** Of the operator's pods. */
const SELECTOR = { matchLabels: { "app.kubernetes.io/name": "platform-operator" } };

let packaged: PackagedPlatform;
let platform: Platform;
let printed: { readonly crds: string; readonly operator: string };

beforeAll(async () => {
  packaged = await PackagedPlatform.start();
  const crds = await packaged.helm("install", "platform-operator-crds", CRDS_CHART, "-n", NAMESPACE, "--wait");
  printed = { crds, operator: await packaged.roll("install", ...VALUES) };
  platform = new Platform(packaged.info());
  await platform.namespace(SQUAD_NAMESPACE, { "platform-operator.dev/managed": "true" });
});

afterAll(async () => {
  await platform.close();
  await packaged.stop();
});

/** What the operator writes from now on. */
async function writesFrom(): Promise<() => Promise<Writes>> {
  const before = await operatorWrites(platform, SQUAD_NAMESPACE);
  return async () => {
    const after = await operatorWrites(platform, SQUAD_NAMESPACE);
    return { kubernetes: after.kubernetes.slice(before.kubernetes.length), aws: after.aws.slice(before.aws.length) };
  };
}

/** Of the children: neither the services' own status, nor events. */
function ofChildren({ kubernetes, aws }: Writes): readonly string[] {
  return [...kubernetes.filter((write) => !/ (platformservices|events)\b/.test(write)), ...aws];
}

describe("installed", () => {
  test("says what to do next", () => {
    expect(printed.crds).toContain("Next: helm upgrade --install platform-operator");
    expect(printed.operator).toContain("kubectl label namespace <name> platform-operator.dev/managed=true");
  });

  test("the operator's pods run where Pod Security is restricted, on nodes of different zones", async () => {
    const pods: {
      readonly items: readonly { readonly spec: { readonly nodeName: string }; readonly status: { readonly phase: string } }[];
    } = JSON.parse(
      await platform.kubectl(["get", "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=platform-operator", "-o", "json"]),
    );
    expect(pods.items.map(({ status }) => status.phase)).toEqual(["Running", "Running", "Running"]);
    expect(new Set(pods.items.map(({ spec }) => /eu-west-1[abc]/.exec(spec.nodeName)?.[0]))).toEqual(
      new Set(["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
    );
  });

  test("the operator's pods are kept from being evicted together, closed to the network but for their needs, and scraped", async () => {
    const specOf = async (kind: string): Promise<unknown> =>
      (await platform.get<{ spec: unknown }>(NAMESPACE, `${kind}/platform-operator`))?.spec;
    const namespaceSelector = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });
    expect(await specOf("pdb")).toEqual({ maxUnavailable: 1, unhealthyPodEvictionPolicy: "AlwaysAllow", selector: SELECTOR });
    expect(await specOf("netpol")).toEqual({
      podSelector: SELECTOR,
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [{ namespaceSelector: namespaceSelector("observability") }], ports: [{ protocol: "TCP", port: 8080 }] }],
      egress: [
        {
          to: [
            { namespaceSelector: namespaceSelector("kube-system"), podSelector: { matchLabels: { "k8s-app": "kube-dns" } } },
            { ipBlock: { cidr: "169.254.20.10/32" } },
          ],
          ports: [
            { protocol: "UDP", port: 53 },
            { protocol: "TCP", port: 53 },
          ],
        },
        {
          to: [{ ipBlock: { cidr: "10.1.0.0/24" } }, { ipBlock: { cidr: "10.1.1.0/24" } }],
          ports: [{ protocol: "TCP", port: 443 }],
        },
        { to: [{ ipBlock: { cidr: "10.0.0.0/16" } }], ports: [{ protocol: "TCP", port: 443 }] },
        { to: [{ namespaceSelector: namespaceSelector("observability") }], ports: [{ protocol: "TCP", port: 9091 }] },
      ],
    });
    expect(await specOf("podmonitor")).toEqual({
      selector: SELECTOR,
      podMetricsEndpoints: [{ port: "metrics", path: "/metrics", honorLabels: true }],
    });
    const monitor = await platform.get<{ metadata: { labels?: object } }>(NAMESPACE, "podmonitor/platform-operator");
    expect(monitor?.metadata.labels).toMatchObject({ release: "prometheus" });

    const selected = Object.entries(SELECTOR.matchLabels).map(([key, value]) => `${key}=${value}`);
    const pods: { readonly items: readonly { readonly spec: { readonly containers: readonly { readonly ports?: unknown }[] } }[] } =
      JSON.parse(await platform.kubectl(["get", "pods", "-n", NAMESPACE, "-l", selected.join(","), "-o", "json"]));
    const ports = [{ name: "metrics", containerPort: 8080, protocol: "TCP" }];
    expect(pods.items.map(({ spec }) => spec.containers.map((container) => container.ports))).toEqual([[ports], [ports], [ports]]);
    const budget = async (): Promise<unknown> =>
      (await platform.get<{ status?: { expectedPods?: number } }>(NAMESPACE, "pdb/platform-operator"))?.status?.expectedPods;
    await expect.poll(budget, { timeout: PATIENCE_MS }).toBe(3);
  });

  test("by default two replicas run, and reach DNS, the API server and AWS by every address but those of instance metadata", async () => {
    const text = await packaged.helm("template", "platform-operator", CHART, "-n", NAMESPACE, "-f", valuesFile("least"));
    const server = ["--dry-run=server", "--server-side", "--force-conflicts", "--field-manager=helm"];
    const { items }: { readonly items: readonly { readonly kind: string; readonly spec: unknown }[] } = JSON.parse(
      await platform.kubectl(["apply", ...server, "-f", "-", "-o", "json"], { input: text }),
    );
    const specOf = (kind: string): unknown => items.find((item) => item.kind === kind)?.spec;
    expect(specOf("Deployment")).toMatchObject({ replicas: 2, strategy: { rollingUpdate: { maxUnavailable: 0 } } });
    const everywhere = [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.0.0/16"] } }];
    expect(specOf("NetworkPolicy")).toMatchObject({
      policyTypes: ["Ingress", "Egress"],
      egress: [
        {},
        {
          to: everywhere,
          ports: [
            { protocol: "TCP", port: 443 },
            { protocol: "TCP", port: 6443 },
          ],
        },
        { to: everywhere, ports: [{ protocol: "TCP", port: 443 }] },
      ],
    });
    expect(items.filter(({ kind }) => kind === "PodMonitor")).toEqual([]);
  });

  test.each(["least", "full"] as const)(
    "every object of the %s values is accepted by the API server, without a warning",
    async (values) => {
      for (const [chart, args] of [
        [CHART, ["-f", valuesFile(values)]],
        [CRDS_CHART, []],
      ] as const) {
        const text = await packaged.helm("template", "platform-operator", chart, "-n", NAMESPACE, ...args);
        const server = ["--dry-run=server", "--server-side", "--force-conflicts", "--field-manager=helm", "--warnings-as-errors"];
        const accepted = (await platform.kubectl(["apply", ...server, "-f", "-"], { input: text })).trim().split("\n");
        expect(accepted.filter((line) => !line.endsWith("(server dry run)"))).toEqual([]);
        expect(accepted).toHaveLength(text.match(/^kind:/gm)?.length ?? 0);
      }
    },
  );

  test("a second release in the cluster is refused", async () => {
    await expect(packaged.helm("install", "second", CHART, "-n", "default", ...VALUES)).rejects.toThrow(
      /exists and cannot be imported into the current release/,
    );
  });
});

describe("at work, under its own admission policies", () => {
  test("the API server has the operator's requests at the priority levels that the chart says", async () => {
    const dispatched = async (): Promise<readonly string[]> => {
      const found = (await platform.kubectl(["get", "--raw", "/metrics"])).matchAll(
        /^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="(platform-operator[^"]*)",priority_level="([^"]*)"\}/gm,
      );
      return Array.from(found, ([, schema = "", level = ""]) => `${schema} ${level}`).toSorted();
    };
    await expect
      .poll(dispatched, { timeout: PATIENCE_MS })
      .toEqual(["platform-operator workload-high", "platform-operator-leases leader-election"]);
  });

  test("services become Ready", async () => {
    await Promise.all(KEYS.map((key) => platform.ready(key, SPEC)));
    await platform.applyService(API, { ...SPEC, callers: { services: [{ name: "web" }] } });
    expect(isReady(await platform.untilReady(API))).toBe(true);
  });

  test("what is deleted or changed is put back", async () => {
    await platform.kubectl(["create", "clusterrolebinding", "platform-team", "--clusterrole=cluster-admin", "--group=platform-team"]);
    await platform.kubectl([
      "patch",
      "netpol",
      "web-default-deny",
      "-n",
      SQUAD_NAMESPACE,
      "--as=pat",
      "--as-group=platform-team",
      "--type=merge",
      "-p",
      JSON.stringify({ spec: { ingress: [{}] } }),
    ]);
    await platform.kubectl(["delete", "service,pdb", "web", "-n", SQUAD_NAMESPACE]);
    const ingress = async (): Promise<unknown> =>
      (await platform.get<{ spec: { ingress?: unknown } }>(SQUAD_NAMESPACE, "netpol/web-default-deny"))?.spec.ingress;
    await expect.poll(ingress, { timeout: PATIENCE_MS }).toBeUndefined();
    for (const kind of ["service", "pdb"])
      await expect.poll(() => platform.get(SQUAD_NAMESPACE, `${kind}/web`), { timeout: PATIENCE_MS }).toBeDefined();
    await platform.untilReady(WEB);
  });

  test("nothing that the operator or the cluster's controllers wrote was refused by a policy", async () => {
    const log = await readFile(packaged.plane.auditLogFile ?? "", "utf8");
    const refused = log
      .split("\n")
      .filter((line) => line.includes("ValidatingAdmissionPolicy") && line.includes('"code":4') && line.includes("system:serviceaccount:"));
    expect(refused).toEqual([]);
  });
});

describe("upgraded", () => {
  test("the CRDs get a new field, and every service stays Ready with no child rewritten", async () => {
    const writes = await writesFrom();
    const chart = join(await mkdtemp(join(packaged.plane.dir, "next-")), "platform-operator-crds");
    await cp(CRDS_CHART, chart, { recursive: true });
    const file = join(chart, "templates/platformservices.yaml");
    const crd = parse(await readFile(file, "utf8"));
    crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.note = { type: "string", description: "New." };
    await writeFile(file, stringify(crd));
    await packaged.helm("upgrade", "platform-operator-crds", chart, "-n", NAMESPACE, "--wait");
    await vi.waitFor(async () => expect(await platform.kubectl(["explain", "psvc.spec.note"])).toContain("New."), {
      timeout: PATIENCE_MS,
      interval: 200,
    });
    for (const key of KEYS) expect(isReady(await platform.untilReady(key))).toBe(true);
    expect(ofChildren(await writes())).toEqual([]);
  });

  test("the operator gets changed values, and every service stays Ready with no child rewritten", async () => {
    const hashes = (): readonly unknown[] => KEYS.map((key) => platform.watch.get(key)?.status?.inputs?.configHash);
    const before = hashes();
    const writes = await writesFrom();
    await packaged.roll("upgrade", ...UPGRADED);
    await Promise.all(
      KEYS.map((key, i) =>
        platform.until(key, "is Ready about the new configuration", (s) => isReady(s) && s.status?.inputs?.configHash !== before[i]),
      ),
    );
    expect(ofChildren(await writes())).toEqual([]);
  });

  test("whoever may edit a namespace writes its PlatformServices, and nobody's tiers", async () => {
    for (const role of ["view", "edit"])
      await platform.kubectl(["create", "rolebinding", role, `--clusterrole=${role}`, `--user=${role}er`, "-n", SQUAD_NAMESPACE]);
    const may = async (user: string, verb: string, resource: string, subresource = ""): Promise<boolean> => {
      const resourceAttributes = { namespace: SQUAD_NAMESPACE, verb, group: GROUP, resource, subresource };
      const review = {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: { user, groups: ["system:authenticated"], resourceAttributes },
      };
      // Not `kubectl auth can-i`: it fails for a no as for anything else.
      const answer = await platform.kubectl(["create", "-f", "-", "-o", "jsonpath={.status.allowed}"], { input: JSON.stringify(review) });
      return answer === "true";
    };
    await vi.waitFor(async () => expect(await may("editer", "create", "platformservices")).toBe(true), {
      timeout: PATIENCE_MS,
      interval: 200,
    });
    await vi.waitFor(async () => expect(await may("viewer", "get", "platformservices")).toBe(true), {
      timeout: PATIENCE_MS,
      interval: 200,
    });
    expect({
      deletes: await may("editer", "delete", "platformservices"),
      writesStatus: await may("editer", "patch", "platformservices", "status"),
      writesTiers: await may("editer", "create", "platformtiers"),
      viewerWrites: await may("viewer", "create", "platformservices"),
    }).toEqual({ deletes: true, writesStatus: false, writesTiers: false, viewerWrites: false });
  });

  test("a squad under the policies writes its service, and nothing that would open it", async () => {
    await platform.kubectl(["create", "rolebinding", "squad", "--clusterrole=admin", "--group=tracking-squad", "-n", SQUAD_NAMESPACE]);
    await platform.kubectl(["label", "psvc", "web", "-n", SQUAD_NAMESPACE, ...SQUAD, "cost=1"]);
    await expect(platform.kubectl(["delete", "netpol", "web-default-deny", "-n", SQUAD_NAMESPACE, ...SQUAD])).rejects.toThrow(
      "are written by the operator and the platform team alone",
    );
    await platform.kubectl(["rollout", "restart", "deployment/web", "-n", SQUAD_NAMESPACE, ...SQUAD]);
    await platform.kubectl(["rollout", "status", "deployment/web", "-n", SQUAD_NAMESPACE, "--timeout=60s"]);
    await platform.untilReady(WEB);
  });
});

describe("uninstalled", () => {
  test("Helm says what stays; services go on", async () => {
    await packaged.stopOperator();
    const operator = await packaged.helm("uninstall", "platform-operator", "-n", NAMESPACE, "--wait");
    expect(operator).toMatch(/kept due to the resource policy[^]*PlatformTier[^]*tier-1/);
    expect(operator).toMatch(/\[PriorityClass\] platform-critical/);
    const crds = await packaged.helm("uninstall", "platform-operator-crds", "-n", NAMESPACE, "--wait");
    expect(crds).toMatch(/kept due to the resource policy[^]*\[CustomResourceDefinition\] platformservices\.platform-operator\.dev/);
    for (const key of KEYS) expect(await platform.get(key.namespace, `psvc/${key.name}`)).toBeDefined();
    await platform.kubectl(["wait", "--for=condition=Available", "deployment/web", "-n", SQUAD_NAMESPACE, "--timeout=10s"]);
    const left = (): Promise<string> =>
      platform.kubectl([
        "get",
        LEFT,
        "-n",
        NAMESPACE,
        "-l",
        "app.kubernetes.io/name=platform-operator",
        "-o",
        "name",
        "--ignore-not-found",
      ]);
    await expect.poll(left, { timeout: PATIENCE_MS }).toBe("");
    await expect(platform.kubectl(["get", "clusterrole", "platform-operator"])).rejects.toThrow("not found");
  });

  test("and installed again, it goes on where it was, and writes what changed alone", async () => {
    const writes = await writesFrom();
    await packaged.helm("install", "platform-operator-crds", CRDS_CHART, "-n", NAMESPACE, "--wait");
    await packaged.roll("install", ...UPGRADED);
    await platform.applyService(WEB, { ...SPEC, image: { ...SPEC.image, retain: { untaggedDays: 3 } } });
    await platform.untilReady(WEB);
    // The first is the record, beside the pod template, of the spec that it was made from.
    expect(ofChildren(await writes())).toEqual(["patch deployments web", "ecr:PutLifecyclePolicy"]);
  });

  test("a namespace goes with everything in it, while the policies hold", async () => {
    await platform.kubectl(["delete", "namespace", SQUAD_NAMESPACE, "--timeout=120s"]);
    await platform.untilGone(WEB);
    expect(platform.watch.get(API)).toBeUndefined();
  });
});
