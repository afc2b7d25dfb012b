import { beforeEach, describe, expect, test } from "vitest";
import { operatorConfigFile } from "../../../src/crds/operator-config.ts";
import type { PrometheusAnswer } from "../../../src/reconcilers/ports.ts";
import type { Sample } from "../../../src/resources/slo/budget.ts";
import { testConfig } from "../../support/effective-services.ts";
import { servicePass, type ServicePass } from "../../support/service-pass.ts";

/** What a status says of error budgets, as Prometheus answers, or does not. */

const SLOS = [
  { name: "availability", objective: "99.95", indicator: "availability" },
  { name: "latency", objective: "99", indicator: "latency", threshold: "250ms" },
];
const asking = testConfig({ slos: { prometheus: { url: "http://prometheus.monitoring.svc:9090" } } });
const MINUTES = 60_000;
const START = Date.parse("2026-11-25T12:00:00Z");

let it: ServicePass;
beforeEach(() => {
  it = withSlos();
});

function withSlos(config = asking): ServicePass {
  const made = servicePass({}, undefined, config);
  made.holds.children = "desired";
  made.change({ spec: { slos: SLOS } });
  return made;
}

interface Has {
  readonly objective?: string;
  readonly total?: number;
  readonly remaining?: number;
}

function samplesOf(name: string, { objective, total, remaining }: Has): readonly Sample[] {
  const labels = { sloth_id: `dispatch/matching/${name}` };
  return [
    ...(objective === undefined ? [] : [{ labels: { ...labels, __name__: "sloth_slo_info", sloth_objective: objective }, value: 1 }]),
    ...(total === undefined ? [] : [{ labels: { ...labels, __name__: "slo:sli_total:increase5m" }, value: total }]),
    ...(remaining === undefined ? [] : [{ labels: { ...labels, __name__: "slo:period_error_budget_remaining:ratio" }, value: remaining }]),
  ];
}

function answer(availability: Has, latency: Has, whole = true): PrometheusAnswer {
  return { state: "answered", whole, samples: [...samplesOf("availability", availability), ...samplesOf("latency", latency)] };
}
const GOOD: Has = { objective: "99.95", total: 10, remaining: 0.8 };
const GOOD_LATENCY: Has = { objective: "99", total: 10, remaining: 0.2 };
const NOTHING: PrometheusAnswer = { state: "failed", reason: "Unreachable", message: "ECONNREFUSED" };

const condition = (): string => it.condition("SLOsReady") ?? "";
const budgets = () => it.status().slos?.map(({ name, budget, remainingPercent }) => [name, budget, remainingPercent]);

describe("where Prometheus measures", () => {
  test("each SLO has its budget, the service the worst of them, and the condition says so", async () => {
    it.answered(answer(GOOD, GOOD_LATENCY));
    expect(await it.pass()).toMatchObject({ state: "settled" });
    expect(it.status().slos).toEqual([
      { name: "availability", objective: "99.95", budget: "Healthy", remainingPercent: 80 },
      { name: "latency", objective: "99", budget: "Low", remainingPercent: 20 },
    ]);
    expect(it.status().budget).toBe("Low");
    expect(condition()).toMatch(/^True Measured: availability pages from \d+ requests an hour on, /);
  });

  test("an answer that is hardly another asks for no pass", () => {
    expect(it.answered(answer(GOOD, GOOD_LATENCY))).toBe(true);
    expect(it.answered(answer({ ...GOOD, remaining: 0.79 }, { ...GOOD_LATENCY, remaining: 0.23 }))).toBe(false);
    expect(it.answered(answer({ ...GOOD, remaining: 0.7 }, GOOD_LATENCY))).toBe(true);
  });

  test("nobody who ever called is no fault", async () => {
    it.answered(answer({ objective: "99.95", total: 0 }, GOOD_LATENCY));
    await it.pass();
    expect(condition()).toMatch(/^True NoTraffic: availability: nobody called the service in the whole window/);
    expect(budgets()).toEqual([
      ["availability", "Unknown", undefined],
      ["latency", "Low", 20],
    ]);
    expect(it.status().budget).toBe("Low");
  });

  test("without slos there is no budget", async () => {
    it.change({ spec: { slos: [] } });
    it.answered(answer({}, {}));
    await it.pass();
    expect([it.status().slos, it.status().budget]).toEqual([undefined, undefined]);
    expect(condition()).toMatch(/^True NoSLOs/);
  });
});

test("of a service whose spec is refused the rules go on, and so do its budgets", async () => {
  it.answered(answer(GOOD, GOOD_LATENCY));
  await it.pass();
  it.change({ spec: { aws: { policy: { statements: [{ sid: "All", actions: ["*"], resources: ["*"] }] } } } });
  it.answered(answer({ ...GOOD, remaining: 0 }, GOOD_LATENCY));
  await it.pass();
  expect(it.condition("SpecValid")).toMatch(/^False WildcardAction/);
  expect(budgets()).toEqual([
    ["availability", "Exhausted", 0],
    ["latency", "Low", 20],
  ]);
  expect(it.status().budget).toBe("Exhausted");
});

describe("where Prometheus has nothing to measure by", () => {
  test("that is waited for at first, and after ten minutes a person has to act; Ready is as it was", async () => {
    it.answered(answer({ objective: "99.95" }, {}));
    expect(await it.pass()).toMatchObject({ state: "recheck", afterMs: expect.toSatisfy((ms: number) => ms <= 10 * MINUTES) });
    expect(condition()).toMatch(
      /^Unknown RuleNotLoaded: latency: Prometheus has not loaded the rules as they are written: .*; availability: the rules are loaded and find nothing to count: /,
    );
    const ready = it.condition("Ready");
    it.at(START + 4 * MINUTES);
    it.answered(answer({ objective: "99.95" }, {}));
    it.at(START + 10 * MINUTES);
    it.answered(answer({ objective: "99.95" }, {}));
    await it.pass();
    expect(condition()).toMatch(/^False RuleNotLoaded: /);
    expect(it.condition("Ready")).toBe(ready);
    expect(it.status().budget).toBe("Unknown");

    it.answered(answer(GOOD, GOOD_LATENCY));
    await it.pass();
    expect(condition()).toMatch(/^True Measured/);
  });

  test("a rule that counts nothing is named as that", async () => {
    it.answered(answer(GOOD, { objective: "99" }));
    await it.pass();
    expect(condition()).toMatch(/^Unknown NoSamples: latency: the rules are loaded and find nothing to count: call the service once/);
  });

  test("what takes so long already is no less late for the next leader", async () => {
    it.answered(answer({}, {}));
    it.at(START + 10 * MINUTES);
    await it.pass();
    expect(condition()).toMatch(/^False RuleNotLoaded/);
    const before = it.status();
    it.handedOver();
    it.answered(answer({}, {}));
    await it.pass();
    expect(it.status()).toEqual(before);
  });

  test("another objective is not loaded until its rule is", async () => {
    it.answered(answer(GOOD, GOOD_LATENCY));
    it.change({ spec: { slos: [{ ...SLOS[0], objective: "99.9" }, SLOS[1]] } });
    await it.pass();
    expect(condition()).toMatch(/^Unknown RuleNotLoaded: availability: /);
    expect(it.answered(answer(GOOD, GOOD_LATENCY))).toBe(true);
    expect(it.answered(answer({ ...GOOD, objective: "99.9" }, GOOD_LATENCY))).toBe(true);
    await it.pass();
    expect(condition()).toMatch(/^True Measured/);
  });
});

describe("where Prometheus does not answer", () => {
  test("the last answer holds twice; then the budgets are unknown, nothing else changes, and it is said once", async () => {
    it.answered(answer(GOOD, GOOD_LATENCY));
    await it.pass();
    const measured = it.status();
    const told = (): unknown => measured.conditions?.filter(({ type }) => type !== "SLOsReady");
    expect([it.answered(NOTHING), it.answered(NOTHING)]).toEqual([false, false]);
    await it.pass();
    expect(it.status()).toEqual(measured);

    expect(it.answered(NOTHING)).toBe(true);
    await it.pass();
    expect(condition()).toMatch(/^Unknown PrometheusUnreachable: /);
    expect(budgets()).toEqual([
      ["availability", "Unknown", undefined],
      ["latency", "Unknown", undefined],
    ]);
    expect(it.status().conditions?.filter(({ type }) => type !== "SLOsReady")).toEqual(told());
    expect(it.answered(NOTHING)).toBe(false);

    expect(it.answered(answer(GOOD, GOOD_LATENCY))).toBe(true);
    await it.pass();
    expect({ ...it.status(), conditions: [] }).toEqual({ ...measured, conditions: [] });
    expect(condition()).toMatch(/^True Measured/);
  });

  test("one answer in between begins the count anew", () => {
    it.answered(answer(GOOD, GOOD_LATENCY));
    expect([NOTHING, NOTHING, answer(GOOD, GOOD_LATENCY), NOTHING, NOTHING].map((one) => it.answered(one))).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  test("what an answer with gaps lacks is as it was", async () => {
    it.answered(answer(GOOD, GOOD_LATENCY));
    expect(it.answered(answer({ ...GOOD, remaining: 0.1 }, {}, false))).toBe(true);
    await it.pass();
    expect(budgets()).toEqual([
      ["availability", "Low", 10],
      ["latency", "Low", 20],
    ]);
    expect(condition()).toMatch(/^True Measured/);
  });

  test("and after the third with gaps in a row it is unknown, until it is there again", async () => {
    it.answered(answer(GOOD, GOOD_LATENCY));
    const gap = answer(GOOD, {}, false);
    expect([it.answered(gap), it.answered(gap), it.answered(gap), it.answered(gap)]).toEqual([false, false, true, false]);
    await it.pass();
    expect(budgets()).toEqual([
      ["availability", "Healthy", 80],
      ["latency", "Unknown", undefined],
    ]);
    expect(condition()).toMatch(/^Unknown PrometheusUnreachable: /);
    expect(it.answered(answer(GOOD, GOOD_LATENCY, false))).toBe(true);
    await it.pass();
    expect(condition()).toMatch(/^True Measured/);
  });

  test("and of what was never read, as the status has it", async () => {
    it.answered(answer(GOOD, GOOD_LATENCY));
    await it.pass();
    const before = it.status();
    it.handedOver();
    it.answered(answer(GOOD, {}, false));
    await it.pass();
    expect(it.status()).toEqual(before);
  });
});

describe("a process that begins to lead", () => {
  test.each([
    ["a budget that is measured", answer(GOOD, GOOD_LATENCY)],
    ["nobody who calls", answer({ objective: "99.95", total: 0 }, GOOD_LATENCY)],
    ["rules that are not loaded", answer(GOOD, {})],
  ])("changes nothing before the first answer, nor by it where that is the same: %s", async (_, same) => {
    it.answered(same);
    await it.pass();
    const before = it.status();
    it.handedOver();
    await it.pass();
    expect(it.status()).toEqual(before);
    it.answered(same);
    await it.pass();
    expect(it.status()).toEqual(before);
  });

  test("nor where nobody answers for long", async () => {
    for (const _ of [1, 2, 3]) it.answered(NOTHING);
    await it.pass();
    const before = it.status();
    expect(condition()).toMatch(/^Unknown PrometheusUnreachable/);
    it.handedOver();
    await it.pass();
    for (const _ of [1, 2, 3]) it.answered(NOTHING);
    await it.pass();
    expect(it.status()).toEqual(before);
  });

  test("says nothing old of SLOs that are others now", async () => {
    it.answered(answer(GOOD, GOOD_LATENCY));
    await it.pass();
    it.handedOver();
    it.change({ spec: { slos: [{ ...SLOS[0], objective: "99.9" }, SLOS[1]] } });
    await it.pass();
    expect(condition()).toMatch(/^Unknown NotAnsweredYet: /);
    expect(budgets()).toEqual([
      ["availability", "Unknown", undefined],
      ["latency", "Low", 20],
    ]);
  });

  test("goes on from the number that the status has", async () => {
    it.answered(answer({ ...GOOD, remaining: 0.7 }, GOOD_LATENCY));
    await it.pass();
    it.handedOver();
    it.answered(answer({ ...GOOD, remaining: 0.66 }, GOOD_LATENCY));
    await it.pass();
    expect(budgets()?.[0]).toEqual(["availability", "Healthy", 70]);
  });

  test("says that it asks, where nothing was said before", async () => {
    await it.pass();
    expect(condition()).toMatch(/^Unknown NotAnsweredYet: /);
    expect(budgets()?.[0]).toEqual(["availability", "Unknown", undefined]);
  });
});

test("where no Prometheus is named the rules are written, and that is all that is known", async () => {
  it = withSlos(testConfig());
  await it.pass();
  expect(condition()).toMatch(/^True RulesWritten: availability pages from /);
  expect(it.status().budget).toBe("Unknown");
});

describe("the configuration of whom to ask", () => {
  const workspace = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-0123-abc";
  const token = "/var/run/secrets/kubernetes.io/serviceaccount/token";
  const errorsOf = (prometheus: object): readonly string[] => {
    const { error } = operatorConfigFile.safeParse({ ...asking, slos: { prometheus } });
    return (error?.issues ?? []).map(({ path, message }) => `${path.slice(2).join(".")}: ${message}`);
  };

  test.each([
    ["an http server in the cluster", { url: "http://prometheus.monitoring.svc:9090/prefix" }],
    [
      "a token",
      { url: "https://prometheus.example.com", authorization: { mode: "BearerToken", bearerTokenFile: token }, caFile: "/etc/ca.crt" },
    ],
    ["a workspace", { url: workspace, authorization: { mode: "SigV4" }, interval: "10s", timeout: "10s" }],
  ])("takes %s", (_, prometheus) => {
    expect(errorsOf(prometheus)).toEqual([]);
  });

  test.each([
    ["a query in the URL", { url: "http://p:9090/?a=b" }, "url: must have no ?, # or @"],
    ["a password in the URL", { url: "http://me:secret@p:9090" }, "url: must have no ?, # or @"],
    [
      "a token in plain text",
      { url: "http://p:9090", authorization: { mode: "BearerToken", bearerTokenFile: token } },
      "url: url must be https",
    ],
    [
      "no file of the token",
      { url: "https://p", authorization: { mode: "BearerToken" } },
      "authorization.bearerTokenFile: write bearerTokenFile",
    ],
    [
      "a file that nothing reads",
      { url: "https://p", authorization: { bearerTokenFile: token } },
      "authorization.bearerTokenFile: write bearerTokenFile",
    ],
    ["a signature for another server", { url: "https://p", authorization: { mode: "SigV4" } }, "url: url must be that of a workspace"],
    ["an interval below evaluation's", { url: "https://p", interval: "9s" }, "interval: interval must be at least 10s"],
    ["an interval that is none", { url: "https://p", interval: "often" }, "interval: must be a duration"],
    [
      "a query that outlasts the interval",
      { url: "https://p", interval: "10s", timeout: "11s" },
      "timeout: timeout must be longer than zero and at most interval",
    ],
  ])("refuses %s", (_, prometheus, error) => {
    expect(errorsOf(prometheus)).toEqual(expect.arrayContaining([expect.stringContaining(error)]));
  });
});
