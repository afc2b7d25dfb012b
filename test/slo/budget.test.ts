import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { Requests } from "../../prometheus/mesh-exporter.ts";
import { startEnvironment, type Environment } from "../../src/cli/environment.ts";
import { ROOT } from "../../src/cli/keys.ts";
import { loadRules, startMonitoring, type Monitoring } from "../../src/cli/monitoring.ts";
import { condition } from "../../src/cli/service-watch.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { platformOf, type Platform } from "../support/platform.ts";
import { messageOf, verdict } from "../support/service-view.ts";

/**
 * A budget from the mesh's counters to `kubectl get psvc`: the operator under its own rights writes the rules of the samples, a real Prometheus loads and evaluates
 * them and scrapes what stands in for the mesh, and the operator asks it. The tests are one life, each from where the one before ended.
 */

const START_MS = 300_000;
const SAMPLES = 5;
/** Availability 99.9, so one request in a thousand may fail; and latency, 1500ms. */
const CHECKOUT = { namespace: "checkout", name: "checkout" };
/** Has no SLO. */
const TRACKING = { namespace: "tracking", name: "tracking" };

let environment: Environment;
let platform: Platform;
let monitoring: Monitoring;

beforeAll(async () => {
  monitoring = await startMonitoring(inject("prometheus").prometheus);
  environment = await startEnvironment({ configFile: monitoring.configFile, audit: true, log: () => undefined });
  platform = platformOf(environment);
  await platform.kubectl(["apply", "-f", join(ROOT, "config/samples")]);
  await platform.watch.until(
    "every repository",
    () => platform.watch.list().filter(({ status }) => status?.repository !== undefined).length === SAMPLES,
    START_MS,
  );
  for (const { metadata } of platform.watch.list()) await platform.push(metadata);
  for (const { metadata } of platform.watch.list()) await platform.untilReady(metadata);
}, START_MS);

afterAll(async () => {
  await platform.close();
  await environment.stop();
  await monitoring.stop();
}, START_MS);

function count(requests: Requests): void {
  monitoring.mesh.count({ ...CHECKOUT, boundsMs: [1_500] }, requests);
}

function until(budget: string, slosReady: string): Promise<PlatformService> {
  return platform.until(
    CHECKOUT,
    `has budget ${budget} and SLOsReady ${slosReady}`,
    (service) => service.status?.budget === budget && verdict(service, "SLOsReady") === slosReady,
  );
}

/** What `kubectl get psvc` has below BUDGET. */
async function printed(): Promise<string | undefined> {
  const [header = "", row = ""] = (await platform.kubectl(["get", "psvc", CHECKOUT.name, "-n", CHECKOUT.namespace])).split("\n");
  const column = header.indexOf("BUDGET");
  return row.slice(column, header.lastIndexOf("AGE")).trim();
}

function remaining(service: PlatformService, name: string): number | undefined {
  return service.status?.slos?.find((slo) => slo.name === name)?.remainingPercent;
}

describe("the budget of a service", () => {
  test("is unknown while Prometheus has not loaded the rules, or they count nothing, and the service is Ready all the same", async () => {
    const unloaded = await until("Unknown", "Unknown RuleNotLoaded");
    expect(verdict(unloaded, "Ready")).toBe("True Ready");
    expect(await printed()).toBe("Unknown");
    await loadRules(monitoring, platform.kubectl);
    await until("Unknown", "Unknown NoSamples");
  });

  test("is unknown while nobody has called, which is no fault", async () => {
    count({ good: 0, bad: 0 });
    const quiet = await until("Unknown", "True NoTraffic");
    expect(messageOf(quiet, "SLOsReady")).toMatch(/^availability, latency: nobody called the service in the whole window/);
  });

  test("is Healthy by good traffic", async () => {
    count({ good: 1_000, bad: 0 });
    const healthy = await until("Healthy", "True Measured");
    expect(healthy.status?.slos).toEqual([
      { name: "availability", objective: "99.9", budget: "Healthy", remainingPercent: 100 },
      { name: "latency", objective: "99.5", budget: "Healthy", remainingPercent: 100 },
    ]);
  });

  test("turns Low when most of it is spent, and that of the other SLO does not", async () => {
    // Each stage is so much busier than the one before that this is as if there had been none: 85 % of the budget.
    count({ good: 999_150, bad: 850 });
    const low = await until("Low", "True Measured");
    expect(remaining(low, "availability")).toBeGreaterThanOrEqual(10);
    expect(remaining(low, "availability")).toBeLessThanOrEqual(25);
    expect(remaining(low, "latency")).toBe(100);
    expect(await printed()).toBe("Low");
  });

  test("turns Exhausted when all of it is", async () => {
    count({ good: 997_000_000, bad: 3_000_000 });
    const exhausted = await until("Exhausted", "True Measured");
    expect(remaining(exhausted, "availability")).toBeLessThanOrEqual(0);
    expect(await printed()).toBe("Exhausted");
    expect(verdict(exhausted, "Ready")).toBe("True Ready");
  });

  test("and Healthy again when there are so many good requests that the failures are few", async () => {
    count({ good: 1_000_000_000_000, bad: 0 });
    await platform.until(CHECKOUT, "has nearly all of its budget again", (service) => (remaining(service, "availability") ?? 0) >= 95);
    expect(await printed()).toBe("Healthy");
  });
});

test("without Prometheus the budget is unknown, and nothing else changes: one status, no event, and Ready as it was", async () => {
  const healthy = platform.watch.get(CHECKOUT);
  await provokePass(platform, CHECKOUT);
  const before = await operatorWrites(platform, CHECKOUT.namespace, CHECKOUT.name);
  const beforeTracking = await operatorWrites(platform, TRACKING.namespace, TRACKING.name);
  await monitoring.prometheus.stop();
  const unknown = await until("Unknown", "Unknown PrometheusUnreachable");
  const others = (service: PlatformService | undefined) => service?.status?.conditions?.filter(({ type }) => type !== "SLOsReady");
  expect(others(unknown)).toEqual(others(healthy));
  expect(await platform.metric("platform_prometheus_up")).toBe(0);
  expect(await platform.metric('platform_slos{state="Unknown"}')).toBe(6);
  await provokePass(platform, CHECKOUT);
  const status = `patch platformservices/status ${CHECKOUT.name}`;
  const since = async (): Promise<readonly string[]> => {
    const { kubernetes } = await operatorWrites(platform, CHECKOUT.namespace, CHECKOUT.name);
    return kubernetes.slice(before.kubernetes.length);
  };
  expect(await since()).toEqual([status]);

  await monitoring.prometheus.start();
  const back = await until("Healthy", "True Measured");
  expect(condition(back, "Ready")).toEqual(condition(healthy, "Ready"));
  await provokePass(platform, CHECKOUT);
  expect(await since()).toEqual([status, status]);
  expect(await operatorWrites(platform, TRACKING.namespace, TRACKING.name)).toEqual(beforeTracking);
  expect(await platform.metric("platform_prometheus_up")).toBe(1);
});
