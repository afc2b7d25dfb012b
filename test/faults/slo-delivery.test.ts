import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AmpClient, DeleteRuleGroupsNamespaceCommand, PutRuleGroupsNamespaceCommand } from "@aws-sdk/client-amp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { adminClient, DEV_CONFIG, startEnvironment, type Environment } from "../../src/cli/environment.ts";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { startOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { readConfigFile } from "../../src/config.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import type { OperatorConfig } from "../../src/crds/operator-config.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { makeForeignRules, rulesIn, SLOS, WORKSPACE } from "../support/aws/managed-prometheus.ts";
import { operatorWrites } from "../support/operator-writes.ts";
import { PATIENCE_MS, platformOf, type Platform } from "../support/platform.ts";
import { eventsOf, lastWords, messageOf } from "../support/service-view.ts";

/** Where the rules of SLOs go, by the configuration: each change of it is another process, as a Deployment rolls it out. */

type Delivery = OperatorConfig["slos"]["delivery"];

const NAMESPACE = "slos";
const SERVICE = key("api");
const SPEC = { slos: SLOS.slos };
const OURS = "app.kubernetes.io/managed-by=platform-operator";

let environment: Environment;
let platform: Platform;
let amp: AmpClient;
let operator: OperatorProcess;
let config: OperatorConfig;
let folder: string;
let processes = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slo-delivery-"));
  const dev = readConfigFile(DEV_CONFIG);
  config = { ...dev, slos: { ...dev.slos, workspaceArn: WORKSPACE, ruleLabels: { load: "yes" } } };
  environment = await startEnvironment({ configFile: await fileFor("PrometheusRule"), audit: true, log: () => undefined });
  operator = environment.operator;
  platform = platformOf(environment);
  amp = new AmpClient(adminClient(config, environment.emulator.url));
  await platform.namespace(NAMESPACE);
  await platform.ready(SERVICE, SPEC);
});

afterAll(async () => {
  await platform.close();
  amp.destroy();
  await operator.stop();
  await environment.stop();
  await rm(folder, { recursive: true });
});

function key(name: string): ObjectKey {
  return { namespace: NAMESPACE, name };
}

async function fileFor(delivery: Delivery, workspaceArn: string | null = WORKSPACE): Promise<string> {
  const file = join(folder, `${delivery}-${workspaceArn === null ? "without" : "with"}.json`);
  await writeFile(file, JSON.stringify({ ...config, slos: { ...config.slos, delivery, workspaceArn } }));
  return file;
}

/** Another process under this configuration; resolves when it has been over the service. */
async function restart(delivery: Delivery, workspaceArn: string | null = WORKSPACE): Promise<void> {
  await operator.stop();
  const { plane, operatorKubeconfig: kubeconfig, emulator } = environment;
  operator = await startOperator({
    dir: plane.dir,
    configFile: await fileFor(delivery, workspaceArn),
    kubeconfig,
    awsEndpoint: emulator.url,
    name: `operator-${String(++processes)}`,
  });
  const passed = `platform_service_last_reconcile_timestamp_seconds{namespace="${NAMESPACE}",name="${SERVICE.name}"}`;
  await expect.poll(async () => (await fetch(`${operator.telemetryUrl}/metrics`)).text(), { timeout: PATIENCE_MS }).toContain(passed);
}

function nameInAmazon({ namespace, name }: ObjectKey): string {
  return `ws-demo/eu-west-1.demo.${namespace}.${name}`;
}

/** Every place where rules of the service are. */
async function everywhere(service = SERVICE): Promise<readonly string[]> {
  const names = await platform.kubectl(["get", "prometheusrules,configmaps", "-n", NAMESPACE, "-l", OURS, "-o", "name"]);
  const inCluster = names.split("\n").filter((name) => name.endsWith(`/${service.name}-slos`));
  const there = await rulesIn(amp, nameInAmazon(service));
  return [...inCluster, ...(there === undefined ? [] : [`rulegroupsnamespace ${there.status}`])];
}

const IN_CLUSTER = "prometheusrule.monitoring.coreos.com/api-slos";
const AS_FILE = "configmap/api-slos";
const IN_AMAZON = "rulegroupsnamespace ACTIVE";

function rulesListed({ status }: PlatformService): string {
  const listed = (status?.resources ?? []).filter(({ kind }) => /^(PrometheusRule|ConfigMap|RuleGroupsNamespace)$/.test(kind));
  return listed.map(({ kind, state }) => `${kind} ${state}`).join(", ");
}

/** Of the service itself neither its status nor events. */
async function writes(): Promise<readonly string[]> {
  const found = await operatorWrites(platform, NAMESPACE, SERVICE.name);
  return [...found.kubernetes.filter((write) => !/ (platformservices|events)(\/| )/.test(write)), ...found.aws];
}

test.each<[Delivery, string]>([
  ["PrometheusRule", IN_CLUSTER],
  ["ConfigMap", AS_FILE],
  ["AmazonManagedPrometheus", IN_AMAZON],
  ["ConfigMap", AS_FILE],
  ["AmazonManagedPrometheus", IN_AMAZON],
  ["PrometheusRule", IN_CLUSTER],
])("then by %s: the rules are there and nowhere else, and another process writes nothing", async (delivery, place) => {
  await restart(delivery);
  await expect.poll(() => everywhere(), { timeout: PATIENCE_MS }).toEqual([place]);
  const kind = { [IN_CLUSTER]: "PrometheusRule", [AS_FILE]: "ConfigMap", [IN_AMAZON]: "RuleGroupsNamespace" }[place];
  await platform.until(SERVICE, `lists ${kind ?? ""} alone`, (service) => rulesListed(service) === `${kind ?? ""} Ready`);
  await platform.untilCondition(SERVICE, "SLOsReady", "True", "RulesWritten");
  const before = await writes();
  await restart(delivery);
  expect(await writes()).toEqual(before);
});

test("a ConfigMap that others change is put back", async () => {
  await restart("ConfigMap");
  await expect.poll(() => everywhere(), { timeout: PATIENCE_MS }).toEqual([AS_FILE]);
  const file = async () => (await platform.get<{ data: object }>(NAMESPACE, AS_FILE))?.data;
  const written = await file();
  expect(Object.keys(written ?? {})).toEqual(["slos.api.rules.yaml"]);
  const data = JSON.stringify({ data: { "slos.api.rules.yaml": "groups: []" } });
  await platform.kubectl(["patch", AS_FILE, "-n", NAMESPACE, "--type=merge", "-p", data]);
  await expect.poll(file, { timeout: PATIENCE_MS }).toEqual(written);
  await platform.kubectl(["delete", AS_FILE, "-n", NAMESPACE]);
  await expect.poll(file, { timeout: PATIENCE_MS }).toEqual(written);
});

test("rules in Amazon Managed Service for Prometheus that others change are put back by the sweep", async () => {
  await restart("AmazonManagedPrometheus");
  await platform.untilCondition(SERVICE, "SLOsReady", "True", "RulesWritten");
  await expect.poll(() => everywhere(), { timeout: PATIENCE_MS }).toEqual([IN_AMAZON]);
  const name = nameInAmazon(SERVICE);
  const rules = async () => (await rulesIn(amp, name))?.data;
  const written = await rules();
  const [workspaceId = "", namespace = ""] = name.split("/");
  const names = { workspaceId, name: namespace };
  await amp.send(new PutRuleGroupsNamespaceCommand({ ...names, data: new TextEncoder().encode("groups: []\n") }));
  await expect.poll(rules, { timeout: PATIENCE_MS }).toEqual(written);
  await expect.poll(() => everywhere(), { timeout: PATIENCE_MS }).toEqual([IN_AMAZON]);
  await amp.send(new DeleteRuleGroupsNamespaceCommand(names));
  await expect.poll(rules, { timeout: PATIENCE_MS }).toBeUndefined();
  await expect.poll(rules, { timeout: PATIENCE_MS }).toEqual(written);
});

test("a ConfigMap and rules of somebody else's are left as they are, and said to be in the way", async () => {
  const foreign = key("foreign");
  const theirs = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "foreign-slos", namespace: NAMESPACE }, data: { a: "b" } };
  await platform.apply(theirs);
  await makeForeignRules(amp, nameInAmazon(foreign));
  await platform.applyService(foreign, SPEC);
  const inAmazon = await platform.untilCondition(foreign, "SLOsReady", "False", "NotOwned");
  expect(messageOf(inAmazon, "SLOsReady")).toContain(`rule groups namespace ${nameInAmazon(foreign)} exists and is not ours`);
  await restart("ConfigMap");
  await platform.until(foreign, "says that a ConfigMap is in the way", (service) =>
    messageOf(service, "SLOsReady").startsWith("ConfigMap foreign-slos exists and is not ours"),
  );
  await platform.kubectl(["delete", "psvc", "foreign", "-n", NAMESPACE]);
  expect(await platform.get(NAMESPACE, "configmap/foreign-slos")).toMatchObject({ data: { a: "b" } });
  expect(await rulesIn(amp, nameInAmazon(foreign))).toMatchObject({ data: "groups: []\n" });
});

test("without its workspace in the configuration rules that are there stay, are named, and nothing is asked", async () => {
  await restart("AmazonManagedPrometheus");
  await expect.poll(() => everywhere(), { timeout: PATIENCE_MS }).toEqual([IN_AMAZON]);
  const emulator = new EmulatorAdmin(environment.emulator.url);
  await operator.stop();
  await emulator.clearActions();
  await restart("PrometheusRule", null);
  await expect.poll(() => everywhere(), { timeout: PATIENCE_MS }).toEqual([IN_CLUSTER, IN_AMAZON]);
  await expect
    .poll(async () => (await eventsOf(platform, SERVICE)).map(({ note }) => note), { timeout: PATIENCE_MS })
    .toContainEqual(expect.stringContaining(`RuleGroupsNamespace ${nameInAmazon(SERVICE)}`));
  const asked = (await emulator.actions()).filter((action) => action.accessKeyId === OPERATOR_KEY && action.operation.startsWith("aps:"));
  expect(asked.map(({ operation }) => operation)).toEqual([]);
});

test("a service that is deleted leaves no rules", async () => {
  await restart("AmazonManagedPrometheus");
  await expect.poll(() => everywhere(), { timeout: PATIENCE_MS }).toEqual([IN_AMAZON]);
  await platform.kubectl(["delete", "psvc", SERVICE.name, "-n", NAMESPACE, "--wait=false"]);
  await platform.untilGone(SERVICE);
  expect(await everywhere()).toEqual([]);
  await expect
    .poll(() => lastWords(platform, SERVICE), { timeout: PATIENCE_MS })
    .toEqual([`kept, on purpose: Repository ${NAMESPACE}/api; everything else is gone`]);
});
