import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments, parse } from "yaml";
import { z } from "zod";
import manifest from "../../package.json" with { type: "json" };
import { ROOT } from "../../src/cli/keys.ts";
import { parseConfig, readConfigFile, readSettings } from "../../src/config.ts";
import { LEASE_NAMES } from "../../src/controllers/shard-leases.ts";
import { chartAlerts, type ChartAlerts } from "../support/chart-alerts.ts";
import { DASHBOARDS } from "../support/dashboards.ts";
import { CHART, CRDS_CHART, helmFolder, helmIn, NAMESPACE, valuesFile, type Helm } from "../support/helm.ts";

/** The charts as Helm reads them, without a cluster. */

const rendered = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({}).optional(),
});
type Rendered = z.output<typeof rendered>;

let dir: string;
let helm: Helm;

beforeAll(async () => {
  dir = await helmFolder();
  helm = await helmIn(dir);
});

afterAll(async () => {
  await rm(dir, { recursive: true });
});

async function template(...args: readonly string[]): Promise<readonly Rendered[]> {
  const text = await helm("template", "platform-operator", CHART, "-n", NAMESPACE, ...args);
  return z.array(rendered).parse(documents(text));
}

/** Of a text with several YAML documents; empty ones left out. */
function documents(text: string): readonly unknown[] {
  return parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter((value) => value !== null);
}

function named(objects: readonly Rendered[], kind: string, name = "platform-operator"): Rendered {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`no ${kind} ${name} among ${objects.map((object) => object.kind).join(", ")}`);
  return found;
}

const roleOfLeases = z.looseObject({ rules: z.array(z.looseObject({ resourceNames: z.array(z.string()).optional() })) });
const configMap = z.object({ data: z.object({ "operator-config.yaml": z.string() }) });
const deployment = z.object({
  spec: z.object({
    template: z.object({
      metadata: z.object({ annotations: z.record(z.string(), z.string()) }),
      spec: z.object({ containers: z.array(z.object({ image: z.string(), args: z.array(z.string()) })) }),
    }),
  }),
});

describe.each(["least", "full"] as const)("with the %s values", (values) => {
  test("both charts pass helm lint", async () => {
    await helm("lint", "--strict", CRDS_CHART);
    expect(await helm("lint", "--strict", CHART, "-f", valuesFile(values))).toContain("1 chart(s) linted, 0 chart(s) failed");
  });

  test("the operator gets the configuration as it is written, by flags that it takes", async () => {
    const objects = await template("-f", valuesFile(values));
    const text = configMap.parse(named(objects, "ConfigMap")).data["operator-config.yaml"];
    const written = parse(await readFile(valuesFile(values), "utf8"));
    expect(parseConfig(text, "the ConfigMap")).toEqual(parseConfig(JSON.stringify(written.config), "the values"));

    await mkdir(join(dir, values), { recursive: true });
    await writeFile(join(dir, values, "operator-config.yaml"), text);
    const args = deployment.parse(named(objects, "Deployment")).spec.template.spec.containers[0]?.args ?? [];
    const here = args.map((arg) => arg.replace("/etc/platform-operator", join(dir, values)));
    expect(readSettings(here, {})).toMatchObject({
      config: readConfigFile(join(dir, values, "operator-config.yaml")),
      logLevel: values === "full" ? "debug" : "info",
      perServiceMetrics: values === "full" ? "Aggregate" : "Full",
      telemetryAddress: ":8080",
      workers: values === "full" ? 8 : 16,
      leaderElection: { shards: values === "full" ? 4 : 1 },
    });
  });
});

test("the leases that it may write are those of as many shards as there may be", async () => {
  const role = roleOfLeases.parse(named(await template("-f", valuesFile("least")), "Role"));
  expect(role.rules[0]?.resourceNames).toEqual(LEASE_NAMES);
});

test("the operator's rights are those of config/rbac", async () => {
  const objects = await template("-f", valuesFile("least"));
  const wanted = z.array(rendered).parse(documents(await readFile(join(ROOT, "config/rbac/operator.yaml"), "utf8")));
  for (const object of wanted.filter(({ kind }) => kind !== "Namespace")) {
    expect(named(objects, object.kind, object.metadata.name)).toMatchObject(object);
  }
  const ofOperator = objects.filter(
    ({ kind, metadata: { name } }) => /Role|RoleBinding/.test(kind) && !/-(view|edit|tier-admin)$/.test(name),
  );
  const names = (list: readonly Rendered[]): readonly string[] => list.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();
  expect(names(ofOperator)).toEqual(names(wanted.filter(({ kind }) => kind.includes("Role"))));
});

test("the CRDs are those of config/crd, and stay when the release goes", async () => {
  const objects = z.array(rendered).parse(documents(await helm("template", "crds", CRDS_CHART)));
  expect(objects).toHaveLength(2);
  for (const object of objects) {
    const file = join(ROOT, `config/crd/platform-operator.dev_${object.metadata.name.split(".")[0] ?? ""}.yaml`);
    const { metadata, ...others } = rendered.parse(parse(await readFile(file, "utf8")));
    expect(object).toEqual({ ...others, metadata: { ...metadata, annotations: { "helm.sh/resource-policy": "keep" } } });
  }
});

test("the tiers shipped are those of config/tiers, but for the boundary, which is the installer's", async () => {
  const least = await template("-f", valuesFile("least"));
  for (const name of ["tier-1", "tier-2", "tier-3"]) expect(named(least, "PlatformTier", name).spec).toEqual(await tierOnDisk(name));
  expect(least.filter(({ kind }) => kind === "PlatformTier")).toHaveLength(3);

  const full = await template("-f", valuesFile("full"));
  const pci = await tierOnDisk("pci");
  expect(named(full, "PlatformTier", "pci").spec).toEqual({
    ...pci,
    allowedNamespaces: { matchLabels: { "kubernetes.io/metadata.name": "cards" } },
  });
  const tier2 = await tierOnDisk("tier-2");
  expect(named(full, "PlatformTier", "tier-2").spec).toMatchObject({
    placement: tier2?.["placement"],
    availability: { minReplicas: 4, zoneSpread: "Preferred" },
  });
  expect(full.filter(({ kind }) => kind === "PlatformTier").map(({ metadata }) => metadata.name)).toEqual([
    "pci",
    "tier-0",
    "tier-1",
    "tier-2",
  ]);
});

async function tierOnDisk(name: string): Promise<Rendered["spec"]> {
  return rendered.parse(parse(await readFile(join(ROOT, `config/tiers/${name}.yaml`), "utf8"))).spec;
}

describe("what people see it by", () => {
  test("is not made unless it is asked for", async () => {
    const kinds = (await template("-f", valuesFile("least"))).map(({ kind, metadata: { name } }) => `${kind} ${name}`);
    for (const one of ["PrometheusRule platform-operator", "ConfigMap platform-operator-dashboards", "PodMonitor platform-operator"]) {
      expect(kinds).not.toContain(one);
    }
  });

  test("alerts are those of the file that promtool tests, for the release's namespace, each with its runbook", async () => {
    const { metadata, spec } = named(await template("-f", valuesFile("full"), "-n", "ops"), "PrometheusRule");
    expect(metadata["labels"]).toMatchObject({ release: "prometheus", "app.kubernetes.io/name": "platform-operator" });
    const rules = (groups: ChartAlerts): unknown => JSON.parse(JSON.stringify(groups).replaceAll("platform-system", "ops"));
    const linked = chartAlerts().map(({ rules: written, ...group }) => ({
      ...group,
      rules: written.map((rule) => ({
        ...rule,
        annotations: { ...rule.annotations, runbook_url: `https://runbooks.example.com/${rule.alert}` },
      })),
    }));
    expect(spec).toEqual({ groups: rules(linked) });
    const unlinked = await template("-f", valuesFile("full"), "-n", "ops", "--set", "prometheusRule.runbookUrl=");
    expect(named(unlinked, "PrometheusRule").spec).toEqual({ groups: rules(chartAlerts()) });
  });

  test("dashboards are the files, where Grafana's sidecar looks and under the label that it looks for", async () => {
    const dashboards = z.looseObject({
      metadata: z.object({
        namespace: z.string(),
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()).optional(),
      }),
      data: z.record(z.string(), z.string()),
    });
    const files = Object.fromEntries(
      await Promise.all(
        ["fleet.json", "service.json"].map(async (file) => [file, await readFile(join(DASHBOARDS, file), "utf8")] as const),
      ),
    );
    const full = dashboards.parse(named(await template("-f", valuesFile("full")), "ConfigMap", "platform-operator-dashboards"));
    expect(full.data).toEqual(files);
    expect(full.metadata).toMatchObject({
      namespace: "default",
      annotations: { grafana_folder: "Platform" },
      labels: { "team-dashboard": "yes" },
    });
    expect(full.metadata.labels).not.toHaveProperty("grafana_dashboard");
    const least = dashboards.parse(
      named(await template("-f", valuesFile("least"), "--set", "dashboards.enabled=true"), "ConfigMap", "platform-operator-dashboards"),
    );
    expect(least.metadata).toMatchObject({ namespace: NAMESPACE, labels: { grafana_dashboard: "1" } });
    expect(least.metadata.annotations).toBeUndefined();
  });

  test("the scrape leaves a service's namespace what it is", async () => {
    const { spec } = named(await template("-f", valuesFile("full")), "PodMonitor");
    expect(spec?.["podMetricsEndpoints"]).toEqual([{ port: "metrics", path: "/metrics", honorLabels: true }]);
  });
});

test("a change of the configuration is a rollout, and another value is none", async () => {
  const checksum = async (...args: readonly string[]): Promise<string | undefined> =>
    deployment.parse(named(await template("-f", valuesFile("least"), ...args), "Deployment")).spec.template.metadata.annotations[
      "checksum/config"
    ];
  const before = await checksum();
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  expect(await checksum("--set", "config.rollout.maxConcurrent=10%")).not.toBe(before);
  expect(await checksum("--set", "rbac.aggregate=false")).toBe(before);
});

test.each([
  ["the chart's version", [], `:${manifest.version}`],
  ["a tag", ["--set", "image.tag=2.0.0"], ":2.0.0"],
  ["a digest, whatever the tag", ["--set", `image.tag=2.0.0,image.digest=sha256:${"a".repeat(64)}`], `@sha256:${"a".repeat(64)}`],
])("the image is named by %s", async (_, args, ends) => {
  const object = named(await template("-f", valuesFile("least"), ...args), "Deployment");
  expect(deployment.parse(object).spec.template.spec.containers[0]?.image).toBe(`registry.example.com/platform/platform-operator${ends}`);
});

test.each([
  ["0.0.0.0/0", ["169.254.0.0/16"]],
  ["128.0.0.0/1", ["169.254.0.0/16"]],
  ["169.254.0.0/15", ["169.254.0.0/16"]],
  ["0.0.0.0/1", undefined],
  ["10.0.0.0/8", undefined],
  ["169.0.0.0/9", undefined],
  ["10.1.0.0/24", undefined],
  ["::/0", ["fe80::/10", "fd00:ec2::/32"]],
  ["2600:1f00::/24", undefined],
  ["fd00:1234::/108", undefined],
])("the operator reaches %s, and no instance metadata by it", async (cidr, except) => {
  const objects = await template(
    "-f",
    valuesFile("least"),
    "--set",
    `networkPolicy.aws.cidrs={${cidr}},networkPolicy.apiServer.cidrs={${cidr}},config.network.dns.nodeLocal=fd00::10`,
  );
  const ipBlock = except ? { cidr, except } : { cidr };
  const dns = [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
    { ipBlock: { cidr: "fd00::10/128" } },
  ];
  const { egress } = z.looseObject({ egress: z.array(z.object({ to: z.unknown() })) }).parse(named(objects, "NetworkPolicy").spec);
  expect(egress.map(({ to }) => to)).toEqual([dns, [{ ipBlock }], [{ ipBlock }]]);
});

describe("the way to the Prometheus that is asked for error budgets", () => {
  const opened = async (...args: readonly string[]): Promise<unknown> => {
    const { spec } = named(await template(...args), "NetworkPolicy");
    return z
      .looseObject({ egress: z.array(z.unknown()) })
      .parse(spec)
      .egress.slice(3);
  };
  const asking = "config.slos.prometheus.url=http://prometheus:9090";
  const pods = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } };

  test("is open where one is, to the pods of the monitoring namespace or to the addresses that are written", async () => {
    expect(await opened("-f", valuesFile("least"))).toEqual([]);
    expect(await opened("-f", valuesFile("least"), "--set", asking)).toEqual([{ to: [pods], ports: [{ protocol: "TCP", port: 9090 }] }]);
    expect(await opened("-f", valuesFile("least"), "--set", `${asking},networkPolicy.prometheus.cidrs={10.9.0.0/16}`)).toEqual([
      { to: [{ ipBlock: { cidr: "10.9.0.0/16" } }], ports: [{ protocol: "TCP", port: 9090 }] },
    ]);
  });

  test("is AWS's own where it is a workspace there", async () => {
    const workspace = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-0123";
    const set = `config.slos.prometheus.url=${workspace},config.slos.prometheus.authorization.mode=SigV4`;
    expect(await opened("-f", valuesFile("least"), "--set", set)).toEqual([]);
  });

  test("leads to files of the installer's, where it needs them", async () => {
    const { spec } = z
      .object({
        spec: z.object({
          template: z.object({
            spec: z.looseObject({ volumes: z.unknown(), containers: z.array(z.looseObject({ volumeMounts: z.unknown() })) }),
          }),
        }),
      })
      .parse(named(await template("-f", valuesFile("full")), "Deployment"));
    expect(spec.template.spec.volumes).toContainEqual({ name: "prometheus", secret: { secretName: "prometheus" } });
    expect(spec.template.spec.containers[0]?.volumeMounts).toContainEqual({
      name: "prometheus",
      mountPath: "/etc/prometheus",
      readOnly: true,
    });
  });
});

describe("a value that is wrong or missing is refused, and named", () => {
  test.each([
    ["no configuration", ["--set", "image.repository=example"], /missing property 'config'/],
    [
      "half a configuration",
      ["--set", "image.repository=example,config.cluster.name=prod"],
      /'\/config\/cluster': missing properties 'region', 'accountId', 'oidcIssuer'/,
    ],
    ["no image", ["--set", "image=null"], /repository|image/],
    ["no cluster name", ["--set", "config.cluster.name=null"], /'\/config\/cluster\/name': got null, want string/],
    ["a value that does not exist", ["--set", "replicaCount=2"], /additional properties 'replicaCount' not allowed/],
    [
      "a configuration field that does not exist",
      ["--set", "config.cluster.zone=a"],
      /'\/config\/cluster': additional properties 'zone' not allowed/,
    ],
    ["a wrong account", ["--set-string", "config.cluster.accountId=12"], /'\/config\/cluster\/accountId'/],
    ["a wrong boundary", ["--set", "config.identity.permissionsBoundaryArn=boundary"], /'\/config\/identity\/permissionsBoundaryArn'/],
    ["a wrong digest", ["--set", "image.digest=latest"], /'\/image\/digest'/],
    [
      "a tier's field that does not exist",
      ["--set", "tiers.tier-1.replicas=3"],
      /'\/tiers\/tier-1': additional properties 'replicas' not allowed/,
    ],
    ["a tier's wrong value", ["--set", "tiers.tier-1.network.mtls=Off"], /'\/tiers\/tier-1\/network\/mtls'/],
    // Of these an empty list would be every address or port.
    ["no address of AWS", ["--set-json", "networkPolicy.aws.cidrs=[]"], /'\/networkPolicy\/aws\/cidrs': minItems: got 0, want 1/],
    ["no address of the API server", ["--set-json", "networkPolicy.apiServer.cidrs=[]"], /'\/networkPolicy\/apiServer\/cidrs': minItems/],
    ["no port of the API server", ["--set-json", "networkPolicy.apiServer.ports=[]"], /'\/networkPolicy\/apiServer\/ports': minItems/],
    ["addresses of AWS that are null", ["--set", "networkPolicy.aws.cidrs=null"], /'\/networkPolicy\/aws/],
    ["an API server that is null", ["--set", "networkPolicy.apiServer=null"], /'\/networkPolicy/],
    ["a range that is none", ["--set", "networkPolicy.aws.cidrs={10.0.0.0}"], /'\/networkPolicy\/aws\/cidrs\/0'/],
    ["an IPv6 range that holds instance metadata", ["--set", "networkPolicy.aws.cidrs={fd00::/8}"], /'\/networkPolicy\/aws\/cidrs\/0'/],
    ["a runbook's URL that is none", ["--set", "prometheusRule.runbookUrl=runbooks/{alert}"], /'\/prometheusRule\/runbookUrl'/],
    ["no action of the policies", ["--set-json", "policies.validationActions=[]"], /'\/policies\/validationActions': minItems/],
  ])("%s", async (what, args, message) => {
    const base = what.endsWith(" configuration") ? [] : ["-f", valuesFile("least")];
    await expect(helm("template", "platform-operator", CHART, ...base, ...args)).rejects.toThrow(message);
    await expect(helm("lint", CHART, ...base, ...args)).rejects.toThrow(message);
  });
});

describe("a tier whose boundary the configuration does not know is refused", () => {
  test.each([
    [
      "pci without its boundary",
      ["--set", "tiers.pci.description=cards"],
      /tiers\.pci\.identity\.permissionsBoundaryArn: write the boundary/,
    ],
    [
      "a boundary that the configuration does not list",
      ["--set", "tiers.tier-1.identity.permissionsBoundaryArn=arn:aws:iam::111122223333:policy/other"],
      /tiers\.tier-1\.identity\.permissionsBoundaryArn: .*policy\/other is not in config\.identity\.allowedBoundaryArns/,
    ],
  ])("%s", async (_, args, message) => {
    await expect(helm("template", "platform-operator", CHART, "-f", valuesFile("least"), ...args)).rejects.toThrow(message);
  });
});

test.each([
  ["1.36.0", ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]],
  ["1.35.9", []],
])("the policy that puts the finalizer on services is there where Kubernetes serves its kind: %s", async (version, kinds) => {
  const objects = await template("-f", valuesFile("least"), "--kube-version", version);
  expect(objects.filter(({ metadata }) => metadata.name === "platform-operator-finalizer").map(({ kind }) => kind)).toEqual(kinds);
});

test("every kind of child that the operator may make is guarded by the ownership policy, and by the one that holds the operator itself", async () => {
  const resourceRules = z.array(z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()) }));
  const objects = await template("-f", valuesFile("least"));
  const role = z.object({
    rules: z.array(z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) })),
  });
  const pairs = (rules: z.output<typeof resourceRules>): readonly string[] =>
    rules.flatMap(({ apiGroups, resources }) => apiGroups.flatMap((group) => resources.map((resource) => `${resource}.${group}`)));
  const policy = z.object({ spec: z.object({ matchConstraints: z.object({ resourceRules }) }) });
  const guardedBy = (name: string): readonly string[] =>
    pairs(policy.parse(named(objects, "ValidatingAdmissionPolicy", name)).spec.matchConstraints.resourceRules);
  const { rules } = role.parse(named(objects, "ClusterRole"));
  const made = pairs(rules.filter(({ verbs }) => verbs.includes("create") && verbs.includes("delete")));
  expect(made.length).toBeGreaterThan(10);
  expect(guardedBy("platform-operator-ownership")).toEqual(expect.arrayContaining([...made, "pods.", "replicasets.apps"]));

  const writes = ["create", "patch", "delete"];
  const elsewhere = ["platform-operator.dev", "events.k8s.io"];
  const written = pairs(
    rules.filter(
      ({ apiGroups, verbs }) => verbs.some((verb) => writes.includes(verb)) && !apiGroups.some((one) => elsewhere.includes(one)),
    ),
  );
  const held = guardedBy("platform-operator-itself");
  expect(written.filter((one) => !held.includes(one) && !held.includes(`*.${one.slice(one.indexOf(".") + 1)}`))).toEqual([]);
});

test("the charts are of the operator's version", async () => {
  for (const chart of [CHART, CRDS_CHART]) {
    expect(parse(await readFile(join(chart, "Chart.yaml"), "utf8"))).toMatchObject({
      version: manifest.version,
      appVersion: manifest.version,
    });
  }
});
