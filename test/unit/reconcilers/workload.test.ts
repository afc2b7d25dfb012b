import { beforeEach, describe, expect, test } from "vitest";
import type { BroughtState, DeploymentState } from "../../../src/reconcilers/ports.ts";
import { servicePass, type ServicePass } from "../../support/service-pass.ts";
import { broughtState, deploymentState } from "../../support/workload-states.ts";

/** Whole passes, for what the workload and that which stands beside it have to wait for each other. */

const UNDER_WAY = { state: "underWay", message: "" } as const;
const IMAGE = `111122223333.dkr.ecr.eu-west-1.amazonaws.com/dispatch/matching@sha256:${"1".repeat(64)}`;
const RUNNING = deploymentState({ image: IMAGE, replicas: 9 });
const BRINGING = { image: {}, workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name: "legacy" } };

/** The service's own Deployment, and those that squads deploy. */
let own: DeploymentState | undefined;
let brought: Map<string, BroughtState>;
/** Names of PodDisruptionBudgets of others, by the label that they select. */
let budgets: Map<string, string>;
let it: ServicePass;

beforeEach(() => {
  own = { ...RUNNING, progress: UNDER_WAY };
  brought = new Map();
  budgets = new Map();
  it = servicePass({
    deployment: () => own,
    templates: () => (own === undefined ? [] : [own]),
    workload: ({ name }) => brought.get(name),
    foreignBudgets: (_, labels) => [...budgets].flatMap(([app, name]) => (labels["app"] === app ? [name] : [])),
  });
  it.allDesired();
});

/** What a pass writes of Kubernetes. */
async function writes(): Promise<readonly string[]> {
  it.calls();
  await it.pass();
  return it.calls().filter((call) => /^(apply|adopt|remove|hold|release|scale|strip) ?/.test(call));
}

describe("what stands beside the workload and asks to be taken over", () => {
  test.each(["Service", "HorizontalPodAutoscaler"])("%s is so once the workload is ready, and no earlier", async (kind) => {
    it.theirs.set(kind, "asks");
    expect(await writes()).toEqual([]);
    expect(it.condition("WorkloadReady")).toBe(
      `Unknown RollingOut: waits for its pods to be ready; ${kind} matching asks to be taken over: left as it is until the service's pods are ready, so that nobody is left without any`,
    );
    own = RUNNING;
    expect(await writes()).toEqual([`adopt ${kind} matching`]);
    expect(it.condition("WorkloadReady")).toBe("True Running: ");
    expect(await writes()).toEqual([]);
  });

  test.each([
    ["PodDisruptionBudget", "DisruptionBudgetReady"],
    ["VirtualService", "TrafficReady"],
  ])("%s waits for it too, and says so", async (kind, condition) => {
    it.theirs.set(kind, "asks");
    expect(await writes()).toEqual([]);
    expect(it.condition(condition)).toBe(
      `Unknown WaitingForPods: ${kind} matching asks to be taken over: left as it is until the service's pods are ready, so that nobody is left without any`,
    );
    own = RUNNING;
    const written = [...(await writes()), ...(await writes())];
    expect(written).toEqual([`adopt ${kind} matching`]);
  });

  test("waits for the one that the squad brings, whose pods are labelled meanwhile", async () => {
    it.change({ spec: BRINGING });
    it.theirs.set("Service", "asks");
    own = undefined;
    brought.set("legacy", broughtState("matching", { progress: UNDER_WAY }));
    expect(await writes()).toEqual(["hold Deployment legacy", "strip"]);
    brought.set("legacy", broughtState("matching"));
    expect(await writes()).toEqual(["adopt Service matching"]);
  });
});

describe("what stands beside the workload and is not ours", () => {
  test("does not keep the workload from being made, or held, and is said all the same", async () => {
    it.theirs.set("Service", "stays");
    it.change({ spec: BRINGING });
    brought.set("legacy", broughtState("matching"));
    expect(await writes()).toContain("hold Deployment legacy");
    expect(it.condition("WorkloadReady")).toMatch(/^False NotOwned: Service matching exists and is not ours/);
  });

  test("does not keep a workload that is handed to another from being let go", async () => {
    it.theirs.set("Service", "stays");
    it.change({ spec: BRINGING });
    it.held.add("older");
    brought.set("older", broughtState("web"));
    expect(await writes()).toContain("release Deployment older");
  });
});

describe("what runs in the place of another", () => {
  test("is no brought workload that runs nothing: the service's own Deployment stays", async () => {
    it.change({ spec: BRINGING });
    own = RUNNING;
    it.owned.add("Deployment");
    brought.set("legacy", broughtState("matching", { readyReplicas: 0 }));
    expect(await writes()).toEqual(["hold Deployment legacy", "strip"]);
    expect(it.condition("WorkloadReady")).toMatch(/^False TooFewReplicas: Deployment legacy runs 0 ready pods/);
    expect(it.condition("Stalled")).toMatch(/^True TooFewReplicas: /);
    expect(it.condition("Reconciling")).toBeUndefined();
  });

  test("is the service's own Deployment once it runs as many as the brought one, up to its maximum", async () => {
    it.held.add("legacy");
    brought.set("legacy", broughtState("matching", { readyReplicas: 9 }));
    own = { ...RUNNING, replicas: 1 };
    expect(await writes()).toEqual(["scale Deployment matching to 4"]);
    expect(it.condition("WorkloadReady")).toMatch(/^Unknown RollingOut/);
    own = { ...RUNNING, replicas: 4 };
    expect(await writes()).toEqual(["release Deployment legacy"]);
  });
});

test("a budget of others over the same pods is named, since no drain gets past two of them", async () => {
  own = { ...RUNNING, labels: { app: "legacy" } };
  await it.pass();
  expect(it.condition("DisruptionBudgetReady")).toMatch(/^True /);
  budgets.set("legacy", "theirs").set("other", "unrelated");
  await it.pass();
  expect(it.condition("DisruptionBudgetReady")).toBe(
    "False TwoBudgets: PodDisruptionBudget theirs, not ours, also selects these pods, and Kubernetes evicts no pod that two of them select, so every drain of a node is held up: delete it, or narrow its selector",
  );
});

test("the autoscaler and the monitor of the service's own Deployment stay as long as that runs", async () => {
  it.change({ spec: BRINGING });
  own = RUNNING;
  for (const kind of ["Deployment", "HorizontalPodAutoscaler", "PodMonitor"]) it.owned.add(kind);
  brought.set("legacy", broughtState("matching", { progress: UNDER_WAY }));
  expect(await writes(), "what others add to it is still taken out").toEqual(["hold Deployment legacy", "strip"]);
  brought.set("legacy", broughtState("matching"));
  expect(await writes()).toEqual(["remove Deployment matching", "remove HorizontalPodAutoscaler matching", "remove PodMonitor matching"]);
});
