import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { OPERATOR_KEY, ROOT } from "../../src/cli/keys.ts";
import { condition, isReady, watchServices } from "../../src/cli/service-watch.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import { EARLIER, extractRelease } from "../support/earlier-release.ts";
import { NAMESPACE, valuesFile } from "../support/helm.ts";
import { lastPass, operatorWrites } from "../support/operator-writes.ts";
import { PackagedPlatform } from "../support/packaged-platform.ts";
import { PATIENCE_MS, Platform } from "../support/platform.ts";

/** From the first release to this one, with services at work: the first's own samples, made by the first's own operator. */

const KEYS: readonly ObjectKey[] = [
  { namespace: "tracking", name: "tracking" },
  { namespace: "dispatch", name: "matching" },
  { namespace: "pricing", name: "pricing" },
  { namespace: "checkout", name: "checkout" },
  { namespace: "payments", name: "settlement" },
];
const VALUES = ["-f", valuesFile("upgrade")];
/** What kubectl applied becomes the release's, and what of it did not change then stays kubectl's beside it until it does. */
const FORCE = "--force-conflicts";
const TAKE = ["--take-ownership", FORCE];

let packaged: PackagedPlatform;
let platform: Platform;

beforeAll(async () => {
  packaged = await PackagedPlatform.start();
  const first = extractRelease(packaged.plane.dir, EARLIER.first);
  for (const folder of ["crd", "tiers", "rbac"]) await packaged.plane.kubectl(["apply", "-f", join(first, "config", folder)]);
  const { config } = parse(await readFile(valuesFile("upgrade"), "utf8"));
  await packaged.startOperatorWith(first, stringify(config));
  platform = new Platform(packaged.info());
  await platform.kubectl(["apply", "-f", join(first, "config/samples")]);
  for (const { namespace } of KEYS) await platform.kubectl(["label", "namespace", namespace, "platform-operator.dev/managed=true"]);
  for (const key of KEYS) await platform.push(key);
  await Promise.all(KEYS.map((key) => platform.untilReady(key)));
});

afterAll(async () => {
  await platform.close();
  await packaged.stop();
});

/** Every write of the operator's to a child, in Kubernetes or in AWS, from when `roll` runs until the new release has passed over every service and swept AWS twice. All the while each of them is Ready. */
async function writesOf(roll: () => Promise<unknown>): Promise<readonly string[]> {
  const before = await Promise.all(KEYS.map(({ namespace }) => operatorWrites(platform, namespace)));
  const started = Date.now() / 1000;
  const observer = watchServices(packaged.plane.adminKubeconfig);
  await observer.until("every service is seen", () => KEYS.every((key) => isReady(observer.get(key))), PATIENCE_MS);
  const fallen = new Set<string>();
  observer.subscribe((_, after) => {
    if (condition(after, "Ready")?.status !== "True")
      fallen.add(`${after?.metadata.name ?? "a service that is gone"}: ${JSON.stringify(after?.status?.conditions)}`);
  });
  await roll();
  await platform.close();
  platform = new Platform(packaged.info());
  for (const key of KEYS) {
    await expect.poll(async () => (await lastPass(platform, key)) ?? 0, { timeout: PATIENCE_MS }).toBeGreaterThanOrEqual(started);
  }
  const seen = (await sweeps()) + 2;
  await expect.poll(sweeps, { timeout: PATIENCE_MS }).toBeGreaterThanOrEqual(seen);
  await observer.close();
  expect([...fallen]).toEqual([]);
  const after = await Promise.all(KEYS.map(({ namespace }) => operatorWrites(platform, namespace)));
  return after.flatMap(({ kubernetes, aws }, i) => [
    ...kubernetes.slice(before[i]?.kubernetes.length).filter((write) => !/ (platformservices|events)\b/.test(write)),
    ...aws.slice(before[i]?.aws.length),
  ]);
}

/** How often the operator has read all of its roles in AWS. */
async function sweeps(): Promise<number> {
  const actions = await new EmulatorAdmin(platform.info.awsEndpoint).actions();
  return actions.filter(({ accessKeyId, action }) => accessKeyId === OPERATOR_KEY && action === "iam:GetAccountAuthorizationDetails")
    .length;
}

test("the first charts take over what kubectl installed, and no child is rewritten", async () => {
  const release = extractRelease(packaged.plane.dir, EARLIER.firstCharts);
  const writes = await writesOf(async () => {
    await packaged.stopOperator();
    const crds = join(release, "charts/platform-operator-crds");
    await packaged.helm("install", "platform-operator-crds", crds, "-n", NAMESPACE, "--wait", ...TAKE);
    await packaged.rollTo(release, "install", ...VALUES, ...TAKE);
  });
  // What that release brought: the image that runs is kept from its repository's own lifecycle policy (ADR 8).
  expect(writes.toSorted()).toEqual([...KEYS.map(() => "ecr:PutImage"), ...KEYS.map(() => "ecr:PutLifecyclePolicy")]);
});

test("this release's charts upgrade it, and no child is rewritten", async () => {
  const writes = await writesOf(async () => {
    await packaged.helm("upgrade", "platform-operator-crds", join(ROOT, "charts/platform-operator-crds"), "-n", NAMESPACE, "--wait", FORCE);
    await packaged.roll("upgrade", ...VALUES, FORCE);
  });
  expect(writes).toEqual([]);
});
