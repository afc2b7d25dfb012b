import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { SERVICE_FINALIZER } from "../../src/crds/meta.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { messageOf, podsOf, verdict } from "../support/service-view.ts";

/** Admission policies of others that rewrite or refuse what the operator writes: said, without a loop of writes. And the chart's own that writes for it. */

const NAMESPACE = "admission";
const GROUP = "admissionregistration.k8s.io/v1";

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
});

afterAll(async () => {
  await platform.close();
});

/** Where a policy looks: at one kind in the namespace of this file. */
function constraints(apiGroup: string, resource: string): object {
  return {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": NAMESPACE } },
    resourceRules: [{ apiGroups: [apiGroup], apiVersions: ["*"], operations: ["CREATE", "UPDATE"], resources: [resource] }],
  };
}

const REWRITES_PDB = [
  {
    apiVersion: GROUP,
    kind: "MutatingAdmissionPolicy",
    metadata: { name: "admission-rewrites" },
    spec: {
      failurePolicy: "Fail",
      reinvocationPolicy: "Never",
      matchConstraints: constraints("policy", "poddisruptionbudgets"),
      mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{spec: Object.spec{maxUnavailable: 7}}" } }],
    },
  },
  {
    apiVersion: GROUP,
    kind: "MutatingAdmissionPolicyBinding",
    metadata: { name: "admission-rewrites" },
    spec: { policyName: "admission-rewrites" },
  },
];

const REFUSES_SERVICES = [
  {
    apiVersion: GROUP,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: "admission-refuses" },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: constraints("", "services"),
      validations: [{ expression: "object.metadata.name != 'refused'", message: "no Service of that name" }],
    },
  },
  {
    apiVersion: GROUP,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name: "admission-refuses" },
    spec: { policyName: "admission-refuses", validationActions: ["Deny"] },
  },
];

/** Policies act a moment after they are stored: asked by creations that store nothing. */
async function dryRun(object: object): Promise<string> {
  const args = ["create", "-f", "-", "--dry-run=server", "-o", "json", "-n", NAMESPACE];
  try {
    return await platform.kubectl(args, { input: JSON.stringify(object) });
  } catch (error) {
    return String(error);
  }
}

describe("a policy that rewrites our value", () => {
  const KEY = { namespace: NAMESPACE, name: "rewritten" };

  test("is named with the path, while everything else is done", async () => {
    await platform.apply(...REWRITES_PDB);
    const probe = {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "probe" },
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: "probe" } } },
    };
    await expect.poll(() => dryRun(probe), { timeout: PATIENCE_MS }).toMatch(/"maxUnavailable": ?7/);
    await platform.applyService(KEY);
    await platform.push(KEY);
    const service = await platform.untilCondition(KEY, "WorkloadReady", "True");
    expect(verdict(service, "DisruptionBudgetReady")).toBe("False MutatedByAdmission");
    expect(messageOf(service, "DisruptionBudgetReady")).toBe(
      "admission rewrites PodDisruptionBudget rewritten at spec.maxUnavailable: exempt objects of platform-operator from that policy; it is written again when either side changes, or when the service's annotation platform-operator.dev/reconcile-at has a new value",
    );
    expect(await podsOf(platform, KEY)).toHaveLength(1);
  });

  test("makes no loop: further passes write nothing", async () => {
    const before = await operatorWrites(platform, NAMESPACE);
    expect(before.kubernetes.filter((w) => w === "patch poddisruptionbudgets rewritten")).toHaveLength(1);
    for (let i = 0; i < 3; i++) await provokePass(platform, KEY);
    expect(await operatorWrites(platform, NAMESPACE)).toEqual(before);
  });

  test("is over when the policy is gone and the object is made anew", async () => {
    await platform.kubectl(["delete", "mutatingadmissionpolicybinding,mutatingadmissionpolicy", "admission-rewrites"]);
    const budget = (): Promise<unknown> => platform.get(NAMESPACE, "poddisruptionbudget/rewritten");
    const rewritten = async (): Promise<boolean> => JSON.stringify(await budget()).includes('"maxUnavailable":7');
    await expect
      .poll(
        async () => {
          await platform.kubectl(["delete", "poddisruptionbudget/rewritten", "-n", NAMESPACE]);
          await expect.poll(budget, { timeout: PATIENCE_MS }).toBeDefined();
          return rewritten();
        },
        { timeout: PATIENCE_MS, interval: 500 },
      )
      .toBe(false);
    expect(verdict(await platform.untilReady(KEY), "DisruptionBudgetReady")).toBe("True AsWritten");
  });
});

describe("a policy that refuses our object", () => {
  const KEY = { namespace: NAMESPACE, name: "refused" };

  test("is quoted in the step's condition, and the service heals by itself when it goes", async () => {
    await platform.apply(...REFUSES_SERVICES);
    const probe = { apiVersion: "v1", kind: "Service", metadata: { name: "refused" }, spec: { ports: [{ port: 80 }] } };
    await expect.poll(() => dryRun(probe), { timeout: PATIENCE_MS }).toContain("no Service of that name");
    await platform.applyService(KEY);
    await platform.push(KEY);
    await platform.untilCondition(KEY, "ImageResolved", "True");
    const service = await platform.untilCondition(KEY, "WorkloadReady", "False");
    expect(messageOf(service, "WorkloadReady")).toContain("no Service of that name");
    expect(verdict(service, "NetworkPolicyReady")).toBe("True AsWritten");

    await platform.kubectl(["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "admission-refuses"]);
    expect(verdict(await platform.untilReady(KEY), "WorkloadReady")).toBe("True Running");
  });
});

// Without it, as in an older cluster, are the tests of faults.
describe("the chart's policy that puts the finalizer on a service", () => {
  const KEY = { namespace: NAMESPACE, name: "held" };
  const service = (finalizers: readonly string[] = []): object => ({
    apiVersion: "platform-operator.dev/v1alpha1",
    kind: "PlatformService",
    metadata: { name: "probe", finalizers },
    spec: { owner: "squad", tier: "tier-3", image: {} },
  });

  test("has it there from the first, beside what else is", async () => {
    const stored = async (finalizers?: readonly string[]): Promise<unknown> => {
      const answer: unknown = JSON.parse(await dryRun(service(finalizers)));
      return z.object({ metadata: z.object({ finalizers: z.array(z.string()).optional() }) }).parse(answer).metadata.finalizers;
    };
    expect(await stored()).toEqual([SERVICE_FINALIZER]);
    expect(await stored(["example.com/other"])).toEqual(["example.com/other", SERVICE_FINALIZER]);
    expect(await stored([SERVICE_FINALIZER])).toEqual([SERVICE_FINALIZER]);
  });

  test("spares the operator the write of it, and the service goes as any other", async () => {
    await platform.applyService(KEY);
    await platform.push(KEY);
    await platform.untilReady(KEY);
    const own = async (): Promise<readonly string[]> =>
      (await operatorWrites(platform, NAMESPACE)).kubernetes.filter((write) => write === "patch platformservices held");
    expect(await own()).toEqual([]);
    await platform.kubectl(["delete", "psvc", "held", "-n", NAMESPACE]);
    expect(await platform.get(NAMESPACE, "deployment/held")).toBeUndefined();
    expect(await own()).toHaveLength(1);
  });
});
