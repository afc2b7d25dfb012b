import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  CreateMeshCommand,
  DeleteMeshCommand,
  ListVirtualNodesCommand,
  ListVirtualRoutersCommand,
  ListVirtualServicesCommand,
} from "@aws-sdk/client-app-mesh";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { startEnvironment, type Environment } from "../../src/cli/environment.ts";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { startOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { ANNOTATIONS, SERVICE_FINALIZER, type ObjectKey } from "../../src/crds/meta.ts";
import { virtualNodeName } from "../../src/resources/app-mesh/names.ts";
import { roleName } from "../../src/resources/iam/role.ts";
import { issue } from "../support/certificate.ts";
import { provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, platformOf, type Platform } from "../support/platform.ts";
import { lastWords, messageOf, verdict } from "../support/service-view.ts";

/** App Mesh before it is there, and when it is gone for good, with its endpoint: an outage looks the same, so that a deletion ends only by somebody's word. */

const NAMESPACE = "meshend";
const meshName = "platform";
const CONFIG = join(import.meta.dirname, "../support/operator-config.yaml");
const SPEC = { container: { probes: { readiness: { path: "/ready", port: 8081 } } } };

let environment: Environment;
let platform: Platform;
let aws: EmulatorAdmin;
let successor: OperatorProcess | undefined;

beforeAll(async () => {
  environment = await startEnvironment({ configFile: CONFIG, audit: true, log: () => undefined });
  platform = platformOf(environment);
  aws = new EmulatorAdmin(environment.emulator.url);
  await platform.namespace(NAMESPACE, { mesh: "appmesh" });
});

afterAll(async () => {
  await platform.close();
  await successor?.stop();
  await environment.stop();
});

function key(name: string): ObjectKey {
  return { namespace: NAMESPACE, name };
}

/** With a certificate, so that nothing but App Mesh is missing. */
async function start(service: ObjectKey, spec: object = SPEC): Promise<void> {
  await platform.applyService(service, spec);
  await platform.push(service);
  await platform.untilCondition(service, "MeshSecurityReady", "Unknown", "WaitingForCertificate");
  await issue(platform.kubectl, { namespace: NAMESPACE, name: `${service.name}-mesh-tls` });
}

async function remove({ name }: ObjectKey): Promise<void> {
  await platform.kubectl(["delete", "psvc", name, "-n", NAMESPACE, "--wait=false"]);
}

/** What of the service's is in the mesh, as somebody sees it whom App Mesh still answers. */
async function inMesh(service: ObjectKey): Promise<readonly string[]> {
  const name = virtualNodeName(service, platform.config);
  const { virtualNodes = [] } = await platform.appMesh.send(new ListVirtualNodesCommand({ meshName }));
  const { virtualRouters = [] } = await platform.appMesh.send(new ListVirtualRoutersCommand({ meshName }));
  const { virtualServices = [] } = await platform.appMesh.send(new ListVirtualServicesCommand({ meshName }));
  return [
    ...virtualNodes.filter((node) => node.virtualNodeName === name).map(() => "VirtualNode"),
    ...virtualRouters.filter((router) => router.virtualRouterName === name).map(() => "VirtualRouter"),
    ...virtualServices
      .filter(({ virtualServiceName = "" }) => virtualServiceName.startsWith(`${service.name}.`))
      .map(() => "VirtualService"),
  ];
}

const WHOLE = ["VirtualNode", "VirtualRouter", "VirtualService"];

function allLeft({ name }: ObjectKey): string {
  const node = `demo_${NAMESPACE}_${name}`;
  const mesh = `VirtualService ${name}.${NAMESPACE}.svc.cluster.local, VirtualRouter ${node}, VirtualNode ${node}`;
  return `kept, on purpose: ${mesh}, Repository ${NAMESPACE}/${name}; everything else is gone`;
}

test("a mesh that is not there is asked for in words, with account and region, and nothing starts until it is", async () => {
  const service = key("early");
  await platform.appMesh.send(new DeleteMeshCommand({ meshName }));
  await start(service);
  const missing = await platform.untilCondition(service, "MeshSecurityReady", "False", "MeshNotFound");
  expect(messageOf(missing, "MeshSecurityReady")).toContain("mesh platform does not exist in account 111122223333 and region eu-west-1");
  expect(await platform.get(NAMESPACE, "deployment/early")).toBeUndefined();
  await platform.appMesh.send(new CreateMeshCommand({ meshName, spec: { egressFilter: { type: "ALLOW_ALL" } } }));
  await provokePass(platform, service);
  await platform.untilReady(service);
});

test("without App Mesh a service stays as long as nobody says that it is gone, and says so; then it goes, and names what it leaves", async () => {
  const [service, other] = [key("named"), key("refused")];
  await start(service);
  await platform.untilReady(service);
  await platform.applyService(other, { tier: "no-such-tier" });
  await platform.untilCondition(other, "SpecValid", "False", "UnknownTier");
  await aws.clearActions();
  await aws.addFaults({ match: { service: "appmesh", accessKeyId: OPERATOR_KEY }, fault: { kind: "drop" } });

  await remove(service);
  const held = await platform.until(service, "is held", (s) => verdict(s, "Ready") === "False AWSUnreachable");
  expect(messageOf(held, "Ready")).toMatch(
    /^being deleted; traffic: appmesh:\w+: \w+: no answer; check the operator's network and DNS towards AWS; it is retried$/,
  );
  await provokePass(platform, service);
  expect(held.metadata.finalizers).toContain(SERVICE_FINALIZER);
  expect(await inMesh(service)).toEqual(WHOLE);
  const done = (await aws.actions()).filter(({ committed, resource }) => committed && resource.includes("named"));
  expect(done.map(({ operation }) => operation)).toEqual([]);
  for (const what of ["serviceaccount/named", "networkpolicy/named-default-deny", "certificates.cert-manager.io/named-mesh-tls"])
    expect(await platform.get(NAMESPACE, what)).toMatchObject({ metadata: { namespace: NAMESPACE } });
  await platform.iam.send(new GetRoleCommand({ RoleName: roleName(service, platform.config) }));

  for (const { name } of [service, other])
    await platform.kubectl(["annotate", "psvc", name, "-n", NAMESPACE, `${ANNOTATIONS.abandon}=appmesh.aws`]);
  await platform.untilGone(service);
  await expect.poll(() => lastWords(platform, service), { timeout: PATIENCE_MS }).toEqual([allLeft(service)]);
  expect(await inMesh(service)).toEqual(WHOLE);
  expect(await platform.get(NAMESPACE, "serviceaccount/named")).toBeUndefined();

  await remove(other);
  await platform.untilGone(other);
  await expect
    .poll(() => lastWords(platform, other), { timeout: PATIENCE_MS })
    .toEqual([`kept, on purpose: Repository ${NAMESPACE}/refused; everything else is gone`]);
});

test("where the configuration says that it is retired, no service waits for it, nor asks it anything", async () => {
  const service = key("early");
  const { mesh, ...config } = platform.config;
  const configFile = join(environment.plane.dir, "retired.json");
  await writeFile(configFile, JSON.stringify({ ...config, mesh: { ...mesh, appMesh: { ...mesh.appMesh, retired: true } } }));
  await environment.operator.stop();
  await aws.clearActions();
  const { plane, operatorKubeconfig: kubeconfig, emulator } = environment;
  successor = await startOperator({ dir: plane.dir, configFile, kubeconfig, awsEndpoint: emulator.url, name: "retired" });
  const closed = await platform.untilCondition(service, "MeshSecurityReady", "False", "MeshRetired");
  expect(closed.status?.resources?.flatMap(({ group, kind }) => (group === "appmesh.aws" ? [kind] : []))).toEqual(WHOLE);

  await remove(service);
  await platform.untilGone(service);
  await expect.poll(() => lastWords(platform, service), { timeout: PATIENCE_MS }).toEqual([allLeft(service)]);
  expect(await inMesh(service)).toEqual(WHOLE);
  const asked = (await aws.actions()).filter((action) => action.accessKeyId === OPERATOR_KEY && action.operation.startsWith("appmesh:"));
  expect(asked.map(({ operation }) => operation)).toEqual([]);
});
