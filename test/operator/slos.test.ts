import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { messageOf } from "../support/service-view.ts";

/** The SLOs of a service become rules for the Prometheus Operator, and never hold the service up. */

const NAMESPACE = "slos";
const WEB = { namespace: NAMESPACE, name: "web" };
const RULE = "prometheusrule/web-slos";
const SLOS = [
  { name: "availability", objective: "99.95", indicator: "availability" },
  { name: "latency", objective: "99", indicator: "latency", threshold: "250ms" },
];

interface PrometheusRule {
  readonly metadata: { readonly resourceVersion: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly groups: readonly { readonly name: string; readonly rules: readonly Readonly<Record<string, unknown>>[] }[] };
}

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
  await platform.ready(WEB, { slos: SLOS });
});

afterAll(async () => {
  await platform.close();
});

const rule = (): Promise<PrometheusRule | undefined> => platform.get<PrometheusRule>(NAMESPACE, RULE);

describe("the SLOs of a service", () => {
  test("are rules, two groups for each, and the condition says from how many requests on they page", async () => {
    const service = await platform.untilCondition(WEB, "SLOsReady", "True", "RulesWritten");
    expect(messageOf(service, "SLOsReady")).toBe(
      "availability pages from 56 requests an hour on, latency pages from 3 requests an hour on; with fewer a single failure would, so none does",
    );
    const groups = (await rule())?.spec.groups ?? [];
    expect(groups.map(({ name }) => name)).toEqual([
      "slos/web/availability",
      "slos/web/availability/period",
      "slos/web/latency",
      "slos/web/latency/period",
    ]);
    expect(groups[0]?.rules.flatMap(({ alert, labels }) => (alert === undefined ? [] : [[alert, labels]]))).toEqual(
      [
        ["SLOErrorBudgetBurn", "page"],
        ["SLOErrorBudgetBurn", "ticket"],
        ["SLOMeasurementLost", "page"],
        ["SLONotMeasured", "ticket"],
      ].map(([alert, severity]) => [alert, expect.objectContaining({ severity, owner: "test-squad", tier: "tier-3" })]),
    );
  });

  test("are not written by a pass that has nothing to change", async () => {
    const written = async (): Promise<readonly string[]> =>
      (await operatorWrites(platform, NAMESPACE)).kubernetes.filter((write) => write.includes("prometheusrules"));
    expect(await written()).toEqual(["patch prometheusrules web-slos"]);
    await provokePass(platform, WEB);
    expect(await written()).toEqual(["patch prometheusrules web-slos"]);
  });

  test("are put back where somebody silences them", async () => {
    const before = await rule();
    const patch = JSON.stringify([{ op: "replace", path: "/spec/groups/0/rules", value: [] }]);
    await platform.kubectl(["patch", RULE, "-n", NAMESPACE, "--type=json", "--field-manager=somebody", "-p", patch]);
    await expect.poll(async () => (await rule())?.spec, { timeout: PATIENCE_MS }).toEqual(before?.spec);
  });

  test("that are not written any more have no rules", async () => {
    await platform.applyService(WEB, {});
    await platform.untilCondition(WEB, "SLOsReady", "True", "NoSLOs");
    expect(await rule()).toBeUndefined();
  });

  test("do not hold the service up where somebody else has an object of that name", async () => {
    const other = { apiVersion: "monitoring.coreos.com/v1", kind: "PrometheusRule", metadata: { name: "web-slos", namespace: NAMESPACE } };
    await platform.apply({ ...other, spec: { groups: [] } });
    const before = await rule();
    await platform.applyService(WEB, { slos: SLOS });
    const service = await platform.untilCondition(WEB, "SLOsReady", "False");
    expect(messageOf(service, "SLOsReady")).toContain("PrometheusRule web-slos");
    await platform.untilReady(WEB);
    expect((await rule())?.metadata.resourceVersion, "it is left alone").toBe(before?.metadata.resourceVersion);
    await platform.kubectl(["delete", RULE, "-n", NAMESPACE]);
    await platform.untilCondition(WEB, "SLOsReady", "True", "RulesWritten");
  });
});
