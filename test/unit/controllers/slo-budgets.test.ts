import { beforeEach, describe, expect, test } from "vitest";
import { runBudgets, type BudgetOptions } from "../../../src/controllers/slo-budgets.ts";
import { API_VERSION } from "../../../src/crds/meta.ts";
import { platformServiceSpec, type PlatformService } from "../../../src/crds/platform-service.ts";
import { BudgetMemory } from "../../../src/reconcilers/platform-service/budget-memory.ts";
import type { PrometheusAnswer } from "../../../src/reconcilers/ports.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { testConfig } from "../../support/effective-services.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** When Prometheus is asked, and what each answer leads to. */

const URL = "http://prometheus.monitoring.svc:9090";
const INTERVAL_MS = 60_000;
const config = testConfig({ slos: { prometheus: { url: URL, interval: "60s" } } });

function service(name: string, slos: readonly object[]): PlatformService {
  return {
    apiVersion: API_VERSION,
    kind: "PlatformService",
    metadata: { namespace: "dispatch", name, uid: name, resourceVersion: "1", generation: 1 },
    spec: platformServiceSpec.parse({ owner: "dispatch-squad", tier: "tier-3", image: {}, port: 8080, slos }),
  };
}
const SLO = { name: "availability", objective: "99.9", indicator: "availability" };
const FLEET = [service("matching", [SLO]), service("pricing", [SLO]), service("worker", [])];

/** Of `matching` what is left, of `pricing` nothing. */
function answer(remaining: number): PrometheusAnswer {
  const labels = { sloth_id: "dispatch/matching/availability" };
  return {
    state: "answered",
    whole: true,
    samples: [
      { labels: { ...labels, __name__: "sloth_slo_info", sloth_objective: "99.9" }, value: 1 },
      { labels: { ...labels, __name__: "slo:sli_total:increase5m" }, value: 1 },
      { labels: { ...labels, __name__: "slo:period_error_budget_remaining:ratio" }, value: remaining },
    ],
  };
}
function silence(reason: "Unreachable" | "Unauthorized"): PrometheusAnswer {
  return { state: "failed", reason, message: "the server's own words" };
}

let clock: FakeClock;
let ending: AbortController;
let next: PrometheusAnswer;
let asked: { readonly expression: string; readonly signal: AbortSignal }[];
let enqueued: string[];
let said: string[];
let options: BudgetOptions;
let metrics: ReturnType<typeof createMetrics>;

beforeEach(() => {
  clock = new FakeClock();
  ending = new AbortController();
  next = answer(1);
  asked = [];
  enqueued = [];
  said = [];
  metrics = createMetrics({ version: "test", perService: "Full" });
  options = {
    config,
    memory: new BudgetMemory({ asked: true, seriesLabels: {}, now: () => clock.now() }),
    prometheus: {
      async query(expression, signal) {
        asked.push({ expression, signal });
        return next;
      },
    },
    leads: () => true,
    isOwn: () => true,
    services: () => FLEET,
    metrics,
    clock,
    log: {
      debug: () => undefined,
      info: (_, message) => void said.push(`info: ${message}`),
      warn: (fields, message) => void said.push(`warn: ${message} ${JSON.stringify(fields)}`),
      error: () => undefined,
    },
    enqueue: ({ name }) => void enqueued.push(name),
  };
});

/** Runs until the answer of the first query is dealt with; `after` goes on to the next one, with that answer. */
async function begin(): Promise<{
  readonly running: Promise<void>;
  readonly after: (answer: PrometheusAnswer) => Promise<readonly string[]>;
}> {
  const dealt = clock.scheduled(() => true);
  const running = runBudgets(options, ending.signal);
  await dealt;
  return {
    running,
    async after(given) {
      next = given;
      enqueued = [];
      const again = clock.scheduled(() => true);
      clock.advance(INTERVAL_MS);
      await again;
      return enqueued;
    },
  };
}

async function series(): Promise<readonly string[]> {
  return (await metrics.text()).split("\n").filter((line) => /^platform_(slos|prometheus)/.test(line));
}

test("it is asked at once and at each interval, of the whole fleet in one query, and no more when the work ends", async () => {
  const { running, after } = await begin();
  expect(enqueued).toEqual(["matching", "pricing"]);
  clock.advance(INTERVAL_MS - 1);
  expect(asked).toHaveLength(1);
  await after(answer(1));
  expect(asked).toHaveLength(2);
  expect(new Set(asked.map(({ expression }) => expression))).toEqual(new Set([options.memory.query]));
  ending.abort();
  await running;
  expect(clock.timers()).toEqual([]);
  expect(asked.every(({ signal }) => signal.aborted)).toBe(true);
});

test("a process that leads nothing asks nothing and counts no SLO, and goes on when it leads again", async () => {
  let leads = true;
  options = { ...options, leads: () => leads };
  const { running, after } = await begin();
  expect((await series()).filter((line) => line.startsWith("platform_slos") && !line.endsWith(" 0"))).not.toEqual([]);
  leads = false;
  await after(answer(1));
  expect(asked).toHaveLength(1);
  expect((await series()).filter((line) => line.startsWith("platform_slos") && !line.endsWith(" 0"))).toEqual([]);
  leads = true;
  await after(answer(1));
  expect(asked).toHaveLength(2);
  ending.abort();
  await running;
});

test("a pass is asked for only of a service of which something else is now said", async () => {
  const { running, after } = await begin();
  expect(await after(answer(0.97))).toEqual([]);
  expect(await after(answer(0.2))).toEqual(["matching"]);
  expect(await after(answer(0.19))).toEqual([]);
  ending.abort();
  await running;
});

test("silence is said in the log once for each cause, and its end once; the third in a row is told to those that have slos", async () => {
  const { running, after } = await begin();
  const passes = [];
  for (const reason of ["Unreachable", "Unreachable", "Unauthorized", "Unauthorized"] as const) passes.push(await after(silence(reason)));
  expect(passes).toEqual([[], [], ["matching", "pricing"], []]);
  expect(await after(answer(1))).toEqual(["matching", "pricing"]);
  await after(answer(1));
  const words = "warn: Prometheus does not answer what is left of the error budgets; it is asked again at each interval";
  expect(said).toEqual([
    `${words} {"reason":"Unreachable","error":"the server's own words"}`,
    `${words} {"reason":"Unauthorized","error":"the server's own words"}`,
    "info: Prometheus answers again what is left of the error budgets",
  ]);
  ending.abort();
  await running;
});

test("what comes after the end of the work is not looked at", async () => {
  const answered = Promise.withResolvers<PrometheusAnswer>();
  const waiting = { ...options, prometheus: { query: () => answered.promise } };
  const running = runBudgets(waiting, ending.signal);
  ending.abort();
  answered.resolve(answer(0));
  await running;
  expect(enqueued).toEqual([]);
  expect(await series()).toEqual([]);
});

describe("metrics", () => {
  test("say whether it answers, when it last did, and how many SLOs are in which state", async () => {
    const { running, after } = await begin();
    await after(answer(0.1));
    const at = clock.now() / 1000;
    const counts = (written: Readonly<Record<string, number>>): readonly string[] =>
      ["Healthy", "Low", "Exhausted", "NoTraffic", "NoSamples", "RuleNotLoaded", "Unknown"].map(
        (state) => `platform_slos{state="${state}"} ${written[state] ?? 0}`,
      );
    const last = `platform_prometheus_last_answer_timestamp_seconds{url="${URL}"} ${at}`;
    expect(await series()).toEqual([`platform_prometheus_up{url="${URL}"} 1`, last, ...counts({ Low: 1, RuleNotLoaded: 1 })]);
    for (const _ of [1, 2, 3]) await after(silence("Unreachable"));
    expect(await series()).toEqual([`platform_prometheus_up{url="${URL}"} 0`, last, ...counts({ Unknown: 2 })]);
    ending.abort();
    await running;
  });

  test("and nothing where none is asked", async () => {
    await runBudgets({ ...options, prometheus: undefined, config: testConfig() }, ending.signal);
    expect(await series()).toEqual([]);
  });
});
