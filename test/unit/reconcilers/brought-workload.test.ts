import { beforeEach, describe, expect, test } from "vitest";
import type { KubeObject } from "../../../src/crds/desired.ts";
import { effectiveService, type IdentityMode } from "../../../src/crds/effective.ts";
import { ANNOTATIONS, API_VERSION } from "../../../src/crds/meta.ts";
import { platformServiceSpec, type WorkloadRef } from "../../../src/crds/platform-service.ts";
import { bring, giveUpHandedOver, letGo, type BringScope } from "../../../src/reconcilers/platform-service/brought-workload.ts";
import type { Correction, OwnedResource } from "../../../src/reconcilers/platform-service/scope.ts";
import type { BroughtState, ChildState, HoldResult, Holds, PodState, World } from "../../../src/reconcilers/ports.ts";
import { RolloutBudget } from "../../../src/reconcilers/rollout-budget.ts";
import { shippedTier, testConfig } from "../../support/effective-services.ts";
import { watchedWorld } from "../../support/watched-world.ts";
import { childState, broughtState, podState } from "../../support/workload-states.ts";

/** What is said of a workload that a squad brings, for each way in which it can be. */

const KEY = { namespace: "dispatch", name: "matching" };
const REF: WorkloadRef = { apiVersion: "apps/v1", kind: "Deployment", name: "legacy" };
const OWNER = { apiVersion: API_VERSION, kind: "PlatformService", key: KEY, uid: "service-uid" };
const CONFIG = testConfig();

const HANDED_OVER = broughtState("matching");

interface Cluster {
  readonly workload?: BroughtState | undefined;
  readonly pods?: readonly PodState[];
  readonly served?: boolean;
  readonly result?: HoldResult;
  readonly held?: readonly string[];
  /** Of what is held. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly waiting?: readonly "IdentityReady"[];
  /** Default: IRSA alone. */
  readonly modes?: readonly IdentityMode[];
}

let calls: string[];
let sent: KubeObject | undefined;
let resources: OwnedResource[];
let corrections: Correction[];

beforeEach(() => {
  calls = [];
  sent = undefined;
  resources = [];
  corrections = [];
});

function scopeOf({
  workload = HANDED_OVER,
  pods = [],
  served = true,
  result = { state: "held" },
  held = [],
  annotations = {},
  modes = ["IRSA"],
}: Cluster): BringScope {
  const spec = platformServiceSpec.parse({ owner: "dispatch-squad", tier: "tier-3", image: {}, port: 8080, workloadRef: REF });
  const stored = {
    apiVersion: API_VERSION,
    kind: "PlatformService" as const,
    metadata: { ...KEY, uid: "service-uid", resourceVersion: "1", generation: 1 },
    spec,
  };
  const holds: Holds = {
    async hold(_, desired) {
      sent = desired;
      calls.push(`hold ${desired.metadata.name}`);
      return result;
    },
    look: async () => result,
    async release(_, ref) {
      calls.push(`release ${ref.name}`);
      return "released";
    },
    held: () => held.map((name): ChildState => ({ ...CHILD, ref: { ...CHILD.ref, name }, annotations })),
    forget: () => undefined,
  };
  const world: World = {
    ...watchedWorld().world,
    workload: () => workload,
    serves: () => served,
    pods: () => pods,
  };
  const service = effectiveService(stored, shippedTier("tier-3"), CONFIG, {});
  const facts = { roleArn: "arn:aws:iam::111122223333:role/matching" };
  const config = { ...CONFIG, identity: { ...CONFIG.identity, modes: [...modes] } };
  return { service, owner: OWNER, config, holds, world, budget: new RolloutBudget(1), facts, resources, corrections };
}

const CHILD = childState({ ...REF, namespace: KEY.namespace });

async function said(cluster: Cluster): Promise<string> {
  const { state, ...report } = await bring(scopeOf(cluster), REF, cluster.waiting ?? []);
  return `${state} ${"reason" in report ? report.reason : ""}: ${report.message ?? ""}`;
}

describe("is written only where it is handed over to this service", () => {
  const bad = (facts: Partial<BroughtState>): BroughtState => ({ ...HANDED_OVER, ...facts });
  test.each<[string, Cluster, string]>([
    ["its API is not served", { served: false }, "blocked ApiMissing: the API server does not serve Deployment (apps/v1)"],
    ["it is being deleted", { workload: bad({ deleting: true }) }, "blocked WorkloadMissing: Deployment legacy is being deleted"],
    [
      "it is another service's child",
      { workload: bad({ childOf: "web" }) },
      "blocked NotOwned: Deployment legacy is PlatformService web's own",
    ],
    [
      "it is this service's child",
      { workload: bad({ childOf: "matching" }) },
      "blocked NotOwned: Deployment legacy is PlatformService matching's own",
    ],
    ["it names nobody", { workload: bad({ managedBy: undefined }) }, "blocked NotHandedOver: Deployment legacy does not say"],
    [
      "it names another",
      { workload: bad({ managedBy: "web" }) },
      "blocked HandedToAnother: Deployment legacy is annotated platform-operator.dev/managed-by: web",
    ],
    [
      "it has no pod template",
      { workload: bad({ hasTemplate: false }) },
      "blocked NoPodTemplate: Deployment legacy has no pod template of its own",
    ],
    ["something else is not ready", { waiting: ["IdentityReady"] }, "progressing WaitingForPrerequisites: waits for IdentityReady"],
  ])("not where %s", async (_, cluster, words) => {
    expect(await said(cluster)).toContain(words);
    expect(sent).toBeUndefined();
  });

  test("and is said to be missing where it is", async () => {
    const scope = { ...scopeOf({}), world: { ...scopeOf({}).world, workload: () => undefined } };
    expect(await bring(scope, REF, [])).toMatchObject({ state: "blocked", reason: "WorkloadMissing" });
    expect(resources, "what is not there is nothing that it owns").toEqual([]);
  });
});

describe("what is held", () => {
  test("goes where the annotation names another, and stays where it is merely gone", async () => {
    await giveUpHandedOver(scopeOf({ workload: { ...HANDED_OVER, managedBy: "web" }, held: ["legacy"] }));
    await giveUpHandedOver(scopeOf({ workload: { ...HANDED_OVER, managedBy: undefined }, held: ["legacy"] }));
    await giveUpHandedOver(scopeOf({ held: ["legacy"] }));
    expect(calls).toEqual(["release legacy"]);
  });

  test("of others than the one that is named goes", async () => {
    await letGo(scopeOf({ held: ["legacy", "older"] }), REF);
    await letGo(scopeOf({ held: ["legacy"] }), undefined);
    expect(calls).toEqual(["release older", "release legacy"]);
  });
});

test("an apply names who the pods are and where they run, and no container, replicas or well-known label", async () => {
  await said({});
  expect(sent).toMatchObject({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "legacy", namespace: "dispatch" } });
  expect(Object.keys(sent?.metadata ?? {}).toSorted()).toEqual(["annotations", "name", "namespace"]);
  expect(sent?.spec).toEqual({
    template: {
      metadata: {
        labels: expect.not.objectContaining({ "app.kubernetes.io/name": "matching" }),
        annotations: expect.objectContaining({ "platform-operator.dev/identity": expect.any(String) }),
      },
      spec: {
        serviceAccountName: "matching",
        serviceAccount: "matching",
        affinity: expect.any(Object),
        topologySpreadConstraints: expect.any(Array),
      },
    },
  });
});

test("the mark of a paced rollout stays until that is over: the squad's own, later, take no place of the tier's budget", async () => {
  await said({});
  const annotations = { ...sent?.metadata.annotations, [ANNOTATIONS.pacedRollout]: "true" };
  const markedAs = async (rolledOut: boolean): Promise<string | undefined> => {
    await said({ held: ["legacy"], annotations, workload: { ...HANDED_OVER, rolledOut } });
    return sent?.metadata.annotations?.[ANNOTATIONS.pacedRollout];
  };
  expect(await markedAs(false)).toBe("true");
  expect(await markedAs(true)).toBeUndefined();
});

describe("a pod of it that is ready has the credentials of the service's own binding", () => {
  const PODS = {
    none: podState({ brought: true }),
    IRSA: podState({ brought: true, token: "IRSA" }),
    PodIdentity: podState({ brought: true, token: "PodIdentity" }),
  };
  const BOTH = { modes: ["IRSA", "PodIdentity"] } as const;

  test.each<[string, Cluster, string]>([
    ["it has", { ...BOTH, pods: [PODS.IRSA] }, "ready Running"],
    ["with one binding in the cluster its webhook is never in doubt", { pods: [PODS.none] }, "ready Running"],
    [
      "a pod that goes, or is not ready, does not count",
      {
        ...BOTH,
        pods: [
          { ...PODS.none, deleting: true },
          { ...PODS.none, ready: false },
        ],
      },
      "ready Running",
    ],
    [
      "it has none",
      { ...BOTH, pods: [PODS.IRSA, PODS.none] },
      "blocked OtherCredentials: Deployment legacy has ready pods with no credentials of its role, and the service is bound by IRSA: restart it (kubectl rollout restart deployment legacy -n dispatch, or as its controller does)",
    ],
    [
      "it has those of the other",
      { ...BOTH, pods: [PODS.none, PODS.PodIdentity] },
      "blocked OtherCredentials: Deployment legacy has ready pods with credentials by PodIdentity, and the service is bound by IRSA: scale it to 0 until ServiceAccountReady no longer names PodIdentity, then up again",
    ],
  ])("%s", async (_, cluster, words) => {
    expect(await said(cluster)).toContain(words);
  });
});

describe("fares", () => {
  test.each<[string, Cluster, string]>([
    ["as written, and running", {}, "ready Running: "],
    [
      "as complete with fewer pods than the tier has",
      { workload: { ...HANDED_OVER, readyReplicas: 0 } },
      "blocked TooFewReplicas: Deployment legacy runs 0 ready pods, and tier tier-3 has at least 1",
    ],
    [
      "by its controller's word",
      { workload: { ...HANDED_OVER, progress: { state: "underWay", message: "" } } },
      "progressing RollingOut: waits for its pods",
    ],
    [
      "as paused",
      { workload: { ...HANDED_OVER, progress: { state: "paused", message: "CanaryPauseStep" } } },
      "progressing Paused: its rollout is paused",
    ],
    ["as stuck", { workload: { ...HANDED_OVER, progress: { state: "stuck", message: "" } } }, "blocked ProgressDeadlineExceeded: its pods"],
    [
      "as degraded",
      { workload: { ...HANDED_OVER, progress: { state: "stuck", message: "aborted" } } },
      "blocked Degraded: its controller says: aborted;",
    ],
    [
      "as its first pod says",
      {
        workload: { ...HANDED_OVER, progress: { state: "underWay", message: "" } },
        pods: [podState({ trouble: { reason: "ImagePullBackOff", message: "no such image" } })],
      },
      "blocked ImagePullBackOff: no such image",
    ],
    [
      "as rewritten by admission",
      { result: { state: "mutatedByAdmission", paths: ["spec.a"] } },
      "blocked MutatedByAdmission: admission rewrites Deployment legacy at spec.a",
    ],
    ["as gone meanwhile", { result: { state: "absent" } }, "progressing RollingOut: waits for Deployment legacy to be seen"],
    [
      "as no longer served",
      { result: { state: "apiMissing", api: "Deployment (apps/v1)" } },
      "blocked ApiMissing: the API server does not serve Deployment (apps/v1)",
    ],
  ])("%s", async (_, cluster, words) => {
    expect(await said(cluster)).toContain(words);
  });

  test("and what somebody changed counts as drift that was put back", async () => {
    await said({ result: { state: "repaired" } });
    expect(corrections).toEqual([{ kind: "Deployment", name: "legacy", what: "Deployment legacy" }]);
    expect(resources).toEqual([{ group: "apps", kind: "Deployment", name: "legacy", state: "Ready" }]);
  });

  test("as others own its fields, each manager with its own; the old name of the service account is not said twice", async () => {
    const conflicts = [
      { manager: "kubectl", field: "spec.template.spec.serviceAccountName" },
      { manager: "kubectl", field: "spec.template.spec.serviceAccount" },
      { manager: "helm", field: "spec.template.spec.tolerations" },
    ];
    expect(await said({ result: { state: "conflict", conflicts } })).toBe(
      "blocked FieldConflict: Deployment legacy: helm owns spec.template.spec.tolerations; kubectl owns spec.template.spec.serviceAccountName, and nothing is taken by force: take these fields out of what it applies, and the operator sets them",
    );
  });
});
