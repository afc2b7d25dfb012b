import { DescribeImagesCommand, DescribeRepositoriesCommand, RepositoryNotFoundException } from "@aws-sdk/client-ecr";
import { GetRoleCommand, NoSuchEntityException } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyString, type ObjectKey } from "../../src/crds/meta.ts";
import { roleName } from "../../src/resources/iam/role.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { lastWords, messageOf, podsOf, verdict, type Listed } from "../support/service-view.ts";
import { tierOf } from "../support/tier.ts";

/** The end of a service: in which order it goes, what stays, and that nothing can hold it up for good. */

const NAMESPACE = "deletion";
const CHILD_KINDS =
  "serviceaccount,networkpolicy,poddisruptionbudget,deployment,replicaset,pod,service,horizontalpodautoscaler,virtualservice,destinationrule,serviceentry,sidecar,peerauthentication,authorizationpolicy";

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

async function remove(name: string, ...args: readonly string[]): Promise<void> {
  await platform.kubectl(["delete", "psvc", name, "-n", NAMESPACE, "--wait=false", ...args]);
}

/** Kind and name of everything in the cluster that carries the service's label. */
async function childrenOf({ namespace, name }: ObjectKey): Promise<readonly string[]> {
  const out = await platform.kubectl(["get", CHILD_KINDS, "-n", namespace, "-l", `platform-operator.dev/service=${name}`, "-o", "name"]);
  return out.split("\n").filter((line) => line !== "");
}

async function hasRole(of: ObjectKey): Promise<boolean> {
  try {
    await platform.iam.send(new GetRoleCommand({ RoleName: roleName(of, platform.config) }));
    return true;
  } catch (error) {
    if (error instanceof NoSuchEntityException) return false;
    throw error;
  }
}

async function hasRepository(of: ObjectKey): Promise<boolean> {
  try {
    await platform.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [keyString(of)] }));
    return true;
  } catch (error) {
    if (error instanceof RepositoryNotFoundException) return false;
    throw error;
  }
}

describe.each(["background", "foreground"])("with propagation %s", (propagation) => {
  test("everything goes but the repository, which is kept with its images", async () => {
    const service = key(`by-${propagation}`);
    await platform.ready(service, { callers: { services: [{ name: "other" }] } });
    await remove(service.name, `--cascade=${propagation}`);
    await platform.untilGone(service);

    await expect.poll(() => childrenOf(service), { timeout: PATIENCE_MS }).toEqual([]);
    expect({ role: await hasRole(service), repository: await hasRepository(service) }).toEqual({ role: false, repository: true });
    const { imageDetails } = await platform.ecr.send(new DescribeImagesCommand({ repositoryName: keyString(service) }));
    expect(imageDetails).toHaveLength(3);
    await expect
      .poll(() => lastWords(platform, service), { timeout: PATIENCE_MS })
      .toEqual([`kept, on purpose: Repository ${keyString(service)}; everything else is gone`]);
  });
});

describe("with propagation orphan", () => {
  const ORPHAN = key("by-orphan");

  test("everything is kept, in the cluster and in AWS, and is nobody's", async () => {
    await platform.ready(ORPHAN);
    const before = await childrenOf(ORPHAN);
    const pods = await podsOf(platform, ORPHAN);
    await remove(ORPHAN.name, "--cascade=orphan");
    await platform.untilGone(ORPHAN);

    const owners = async (): Promise<readonly string[]> => {
      const { items }: { items: Listed[] } = JSON.parse(
        await platform.kubectl([
          "get",
          "deployment,serviceaccount,networkpolicy",
          "-n",
          NAMESPACE,
          "-l",
          `platform-operator.dev/service=${ORPHAN.name}`,
          "-o",
          "json",
        ]),
      );
      return items.flatMap((i) => i.metadata.ownerReferences ?? []).map((o) => o.kind);
    };
    await expect.poll(owners, { timeout: PATIENCE_MS }).toEqual([]);
    expect(await childrenOf(ORPHAN)).toEqual(before);
    expect((await podsOf(platform, ORPHAN)).map((p) => p.metadata.uid)).toEqual(pods.map((p) => p.metadata.uid));
    expect({ role: await hasRole(ORPHAN), repository: await hasRepository(ORPHAN) }).toEqual({ role: true, repository: true });
    await expect
      .poll(() => lastWords(platform, ORPHAN), { timeout: PATIENCE_MS })
      .toEqual([expect.stringContaining("Role eu-west-1.demo.deletion.by-orphan")]);
  });

  test("applied again, the service takes up what it left, without a restart of its pods", async () => {
    const pods = await podsOf(platform, ORPHAN);
    await platform.applyService(ORPHAN);
    const service = await platform.untilReady(ORPHAN);
    expect((await podsOf(platform, ORPHAN)).map((p) => p.metadata.uid)).toEqual(pods.map((p) => p.metadata.uid));
    const deployment = await platform.get<Listed>(NAMESPACE, `deployment/${ORPHAN.name}`);
    expect(deployment?.metadata.ownerReferences?.map((o) => o.uid)).toEqual([service.metadata.uid]);
  });
});

test("the workload goes first: while a pod is left its policies, its ServiceAccount and its role stay", async () => {
  const service = key("order");
  await platform.ready(service);
  const [pod] = await podsOf(platform, service);
  const podName = `pod/${pod?.metadata.name ?? ""}`;
  const finalizers = (value: readonly string[]): readonly string[] => [
    "patch",
    podName,
    "-n",
    NAMESPACE,
    "--type=merge",
    "-p",
    JSON.stringify({ metadata: { finalizers: value } }),
  ];
  await platform.kubectl(finalizers(["example.com/hold"]));
  await remove(service.name);

  const going = await platform.until(service, "waits for its pods", (s) =>
    messageOf(s, "Ready").startsWith("workload: waits for its pods to be gone; "),
  );
  expect([verdict(going, "Ready"), verdict(going, "Reconciling")]).toEqual(["False Deleting", "True Deleting"]);
  const kinds = new Set((await childrenOf(service)).map((line) => line.split("/")[0]));
  expect(kinds).toEqual(
    new Set([
      "serviceaccount",
      "networkpolicy.networking.k8s.io",
      "poddisruptionbudget.policy",
      "pod",
      "virtualservice.networking.istio.io",
      "sidecar.networking.istio.io",
      "peerauthentication.security.istio.io",
      "authorizationpolicy.security.istio.io",
    ]),
  );
  expect(await hasRole(service)).toBe(true);

  await platform.kubectl(finalizers([]));
  await platform.untilGone(service);
  await expect.poll(() => childrenOf(service), { timeout: PATIENCE_MS }).toEqual([]);
  expect(await hasRole(service)).toBe(false);
});

describe("the repository", () => {
  test("with deletionPolicy Delete goes when it is empty", async () => {
    const service = key("empty");
    await platform.applyService(service, { image: { deletionPolicy: "Delete" } });
    await platform.untilCondition(service, "ImageResolved", "False", "NoImage");
    await remove(service.name);
    await platform.untilGone(service);
    expect(await hasRepository(service)).toBe(false);
    await expect.poll(() => lastWords(platform, service), { timeout: PATIENCE_MS }).toEqual(["everything that it owned is gone"]);
  });

  test("with deletionPolicy Delete and images holds the service up, with their number, until the policy says otherwise", async () => {
    const service = key("full");
    await platform.ready(service, { image: { tag: "1.0.0", deletionPolicy: "Delete" } });
    await remove(service.name);
    const held = await platform.until(service, "is held", (s) => verdict(s, "Ready") === "False RepositoryNotEmpty");
    expect(verdict(held, "Stalled")).toBe("True RepositoryNotEmpty");
    expect(messageOf(held, "Ready")).toBe(
      "being deleted; repository: ECR repository deletion/full holds 3 images; delete them, or set spec.image.deletionPolicy to DeleteWithImages, or to Retain to keep the repository",
    );

    await platform.applyService(service, { image: { tag: "1.0.0", deletionPolicy: "DeleteWithImages" } });
    await platform.untilGone(service);
    expect(await hasRepository(service)).toBe(false);
  });

  test("that was kept is found again by a service of the same name, with its images", async () => {
    const service = key("again");
    await platform.ready(service);
    await remove(service.name);
    await platform.untilGone(service);
    expect(await hasRepository(service)).toBe(true);
    await platform.applyService(service);
    await platform.untilReady(service);
  });
});

test("a role with deletionPolicy Retain stays, and serves a service of the same name again", async () => {
  const service = key("kept-role");
  await platform.ready(service, { aws: { deletionPolicy: "Retain" } });
  await remove(service.name);
  await platform.untilGone(service);
  expect(await hasRole(service)).toBe(true);
  await expect
    .poll(() => lastWords(platform, service), { timeout: PATIENCE_MS })
    .toEqual(["kept, on purpose: Repository deletion/kept-role, Role eu-west-1.demo.deletion.kept-role; everything else is gone"]);
  await platform.applyService(service);
  await platform.untilReady(service);
});

describe("needs nothing of what creation needs", () => {
  test("a service whose spec is refused goes with all that its last good spec made", async () => {
    const service = key("refused");
    await platform.ready(service);
    await platform.applyService(service, {
      aws: { policy: { statements: [{ sid: "All", actions: ["s3:*"], resources: ["arn:aws:s3:::everything/*"] }] } },
    });
    await platform.untilCondition(service, "SpecValid", "False");
    await remove(service.name);
    await platform.untilGone(service);
    await expect.poll(() => childrenOf(service), { timeout: PATIENCE_MS }).toEqual([]);
    expect(await hasRole(service)).toBe(false);
  });

  test("a service that never was valid goes too", async () => {
    const service = key("never");
    await platform.applyService(service, { tier: "no-such-tier" });
    await platform.untilCondition(service, "SpecValid", "False", "UnknownTier");
    await remove(service.name);
    await platform.untilGone(service);
    expect({ role: await hasRole(service), repository: await hasRepository(service) }).toEqual({ role: false, repository: false });
  });

  test("a service whose tier is gone, its finalizer stripped by hand, says so, runs on, and goes", async () => {
    const service = key("tierless");
    const tier = "deletion-tier";
    await platform.apply(tierOf(tier));
    await platform.ready(service, { tier });
    const pods = await podsOf(platform, service);
    await platform.kubectl(["delete", "ptier", tier, "--wait=false"]);
    await platform.kubectl(["patch", "ptier", tier, "--type=merge", "-p", JSON.stringify({ metadata: { finalizers: [] } })]);
    await platform.untilCondition(service, "SpecValid", "False", "UnknownTier");
    expect((await podsOf(platform, service)).map((p) => p.metadata.uid)).toEqual(pods.map((p) => p.metadata.uid));

    await remove(service.name);
    await platform.untilGone(service);
    await expect.poll(() => childrenOf(service), { timeout: PATIENCE_MS }).toEqual([]);
    expect(await hasRole(service)).toBe(false);
  });

  test("a service whose whole namespace is deleted does not hold it up", async () => {
    const service = { namespace: await platform.namespace("deletion-whole"), name: "web" };
    await platform.ready(service);
    await platform.kubectl(["delete", "namespace", service.namespace, "--timeout=60s"]);
    expect({ role: await hasRole(service), repository: await hasRepository(service) }).toEqual({ role: false, repository: true });
  });
});
